// SPDX-License-Identifier: Apache-2.0
// Fuzz target: config.json of Hugging Face models.
#include "fuzz_target.hpp"
#include "tandem/models/files/llama_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tandem::fuzz::MemoryFile memory({reinterpret_cast<const char*>(data), size});
  tandem::fuzz::ignore_errors([&] {
    const auto config = tandem::models::config_from_hf(memory.path());
    if (tandem::models::rotary_frequencies(config).size() * 2 != config.rotary_dims) {
      __builtin_trap();
    }
    for (std::uint32_t layer = 0; layer < config.num_layers; ++layer) config.window_of_layer(layer);
  });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> out;
  for (const char* family : {"llama", "llama2", "llama3", "mistral", "qwen2"}) {
    out.push_back(tandem::fuzz::read_data(std::string(family) + "-tiny/config.json"));
  }
  return out;
}
