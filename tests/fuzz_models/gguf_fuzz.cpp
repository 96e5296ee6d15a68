// SPDX-License-Identifier: Apache-2.0
// Fuzz target: GGUF files, everything that is read from them.
#include <algorithm>

#include "fuzz_target.hpp"
#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/text/chat_template.hpp"
#include "tandem/models/text/tokenizer.hpp"
#include "unit/models_files/gguf_bytes.hpp"

namespace {

using namespace tandem::models;
using tandem::fuzz::ignore_errors;

void read_everything(const GgufFile& file) {
  for (const GgufTensor& tensor : file.tensors()) {
    const std::uint64_t rows = std::min<std::uint64_t>(tensor.rows, 4);
    if (tensor.cols > (1u << 20)) continue;
    std::vector<float> out(rows * tensor.cols);
    ignore_errors([&] { file.dequantise_rows(tensor, tensor.rows - rows, rows, out); });
    file.advise_done(tensor);
  }
  for (const std::string& key : file.keys()) {
    ignore_errors([&] { file.integer(key); });
    ignore_errors([&] { file.number(key); });
    ignore_errors([&] { file.text(key); });
    ignore_errors([&] { file.texts(key); });
    ignore_errors([&] { file.numbers(key); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tandem::fuzz::MemoryFile memory({reinterpret_cast<const char*>(data), size});
  ignore_errors([&] {
    const GgufFile file = GgufFile::open(memory.path());
    read_everything(file);
    ignore_errors([&] { rotary_frequencies(config_from_gguf(file)); });
    ignore_errors([&] { Tokenizer::from_gguf(file).encode("ab <s> 12"); });
    ignore_errors([&] { ChatTemplate::from_gguf(file); });
  });
  ignore_errors([&] { open_weights(memory.path()); });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using tandem::testing::GgufBytes;
  GgufBytes model = tandem::testing::tiny_gguf_model();
  model.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "llama-bpe");
  model.texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<s>"});
  model.texts("tokenizer.ggml.merges", {"a b"}).i32s("tokenizer.ggml.token_type", {1, 1, 1, 3});
  model.text("tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}");
  GgufBytes types;
  const std::pair<std::uint32_t, std::size_t> blocks[] = {
      {2, 18}, {3, 20}, {6, 22}, {7, 24}, {8, 34}, {12, 144}, {13, 176}, {14, 210}, {16, 66}};
  for (const auto& [type, bytes] : blocks) {
    types.tensor(std::string(1, 't').append(std::to_string(type)), {256, 2}, type,
                 std::string(2 * (type < 12 ? 8 : 1) * bytes, '\x5A'));
  }
  return {model.str(), model.str(2), types.str(), GgufBytes().str()};
}
