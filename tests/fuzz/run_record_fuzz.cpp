// SPDX-License-Identifier: Apache-2.0
// Records of runs: archives, record.json, and the tensors and packets that it names.
#include <zstd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "fuzz.hpp"
#include "support/scratch_directory.hpp"
#include "tandem/debug/record.hpp"

namespace {

using namespace tandem;
namespace fs = std::filesystem;

constexpr std::size_t kMaxInput = 1 << 16;

void read_all(const fs::path& path) {
  const debug::Record record = debug::Record::open(path);
  const debug::RecordInfo& info = record.info();
  for (std::uint32_t step = 0; step < info.steps.size() && step < 8; ++step) {
    for (const debug::RecordOp& op : info.ops) {
      try {
        record.tensor(step, op.name + "/out");
      } catch (const Error& error) {
        fuzz::require(error.code() != ErrorCode::kInternal, "internal error", error.what());
      }
    }
  }
  record.packets();
}

debug::RecordInfo small_info() {
  debug::RecordInfo info;
  info.kind = "device";
  info.backend = "cmodel:tiny";
  info.prompt_ids = {3, 1};
  return info;
}

void write_small(const fs::path& path) {
  debug::RecordWriter writer(path, small_info());
  writer.begin_step({3, 1}, 0);
  const std::vector<float> values{1, 2, 3, 4};
  writer.add("layer.0/op.q", "out", {2, 2}, values);
  writer.add({.seq = 7, .step = 0, .op = "layer.0/linear", .opcode = 18, .checksum = 99});
  writer.add_new_id(5);
  writer.finish(0xabc);
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string compressed(std::string_view tar) {
  std::string out(ZSTD_compressBound(tar.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), tar.data(), tar.size(), 1));
  return out;
}

std::string decompressed(std::string_view archive) {
  std::string out(1 << 20, '\0');
  const auto size = ZSTD_decompress(out.data(), out.size(), archive.data(), archive.size());
  fuzz::require(ZSTD_isError(size) == 0, "a seed is no zstd frame");
  out.resize(size);
  return out;
}

}  // namespace

/// 'j': the rest is record.json beside good files; 't': a tar file; else an archive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kMaxInput) return 0;
  const tests::ScratchDirectory scratch;
  const std::string_view rest = fuzz::as_text({data + 1, size - 1});
  fs::path path = scratch.path("run");
  if (data[0] == 'j') {
    write_small(path);
    std::ofstream(path / "record.json", std::ios::binary) << rest;
  } else {
    path = scratch.path("run.tar.zst");
    std::ofstream(path, std::ios::binary) << (data[0] == 't' ? compressed(rest) : rest);
  }
  fuzz::expect_named_error(path.string(), [&] { read_all(path); });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const tests::ScratchDirectory scratch;
  write_small(scratch.path("run"));
  write_small(scratch.path("run.tar.zst"));
  const std::string archive = text_of(scratch.path("run.tar.zst"));
  const std::string json = text_of(scratch.path("run") + "/record.json");
  const std::string tar = decompressed(archive);
  const auto marked = [](char kind, const std::string& bytes) {
    return std::string(1, kind).append(bytes);
  };
  return {marked('j', json), marked('t', tar), marked('z', archive)};
}
