# models: forward pass, key/value cache and generation of the Llama family.
tandem_library(models
  src/llama/activations.cpp
  src/llama/generator.cpp
  src/llama/kv_cache.cpp
  src/llama/llama_model.cpp
  src/llama/llama_weights.cpp
  src/llama/load_matrix.cpp
  src/llama/projection.cpp
  src/llama/rotary_table.cpp
  src/llama/step.cpp
  src/llama/weight_storage.cpp)
target_link_libraries(tandem_models
  PUBLIC tandem_model_files tandem_model_text tandem_ops
  PRIVATE fmt::fmt)
