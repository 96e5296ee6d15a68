# model_files: GGUF, safetensors, Hugging Face configurations, weights by role.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

tandem_library(model_files
  src/files/ggml_types.cpp
  src/files/gguf_file.cpp
  src/files/gguf_parser.cpp
  src/files/gguf_config.cpp
  src/files/hf_config.cpp
  src/files/json_text.cpp
  src/files/llama_config.cpp
  src/files/mapped_file.cpp
  src/files/printable.cpp
  src/files/safetensors_file.cpp
  src/files/safetensors_set.cpp
  src/files/safetensors_writer.cpp
  src/files/sources.cpp
  src/files/stored_type.cpp
  src/files/weight_groups.cpp
  src/files/weight_names.cpp
  src/files/weight_source.cpp
  src/files/widen.cpp)
target_link_libraries(tandem_model_files
  PUBLIC tandem_base
  PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
# Dequantisation loops are plain C++ that the compiler vectorises.
set_source_files_properties(src/files/widen.cpp src/files/weight_groups.cpp
  PROPERTIES COMPILE_OPTIONS -O3)
