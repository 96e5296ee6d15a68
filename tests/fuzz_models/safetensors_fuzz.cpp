// SPDX-License-Identifier: Apache-2.0
// Fuzz target: safetensors files and index files.
#include <algorithm>

#include "fuzz_target.hpp"
#include "tandem/models/files/safetensors_file.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace {

using namespace tandem::models;
using tandem::fuzz::ignore_errors;

void read_everything(const SafetensorsFile& file) {
  for (const SafetensorsTensor& tensor : file.tensors()) {
    std::vector<float> out(std::min<std::uint64_t>(tensor.num_elements, 4096));
    ignore_errors([&] { file.read_f32(tensor, tensor.num_elements - out.size(), out); });
    ignore_errors([&] { file.bytes(tensor); });
  }
}

const char* const kHeader =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},)"
    R"("c":{"dtype":"F8_E4M3","shape":[],"data_offsets":[32,33]},)"
    R"("d":{"dtype":"I64","shape":[0],"data_offsets":[33,33]}})";

std::string whole_file() {
  return tandem::testing::safetensors_bytes(kHeader, std::string(33, '\x3F'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('{')) {
    // An index file, beside one good shard.
    static const tandem::testing::TempDir dir;
    static const auto shard = dir.write("one.safetensors", whole_file());
    const auto index = dir.write("model.safetensors.index.json", input);
    ignore_errors([&] { SafetensorsSet::open(index); });
    return 0;
  }
  const tandem::fuzz::MemoryFile memory(input);
  ignore_errors([&] { read_everything(SafetensorsFile::open(memory.path())); });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {whole_file(), tandem::testing::safetensors_bytes("{}", ""), whole_file(),
          tandem::testing::safetensors_bytes(
              R"({"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}   )", "12345678"),
          R"({"metadata":{"total_size":33},"weight_map":{"a":"one.safetensors"}})"};
}
