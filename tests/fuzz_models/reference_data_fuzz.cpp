// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the JSON files of reference data. The first byte says which file the rest is: 'i'
// index.json beside good arrays, 'e', 'd', 'c' the cases of a tokenizer.
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "fuzz/idle_engine.hpp"
#include "fuzz_target.hpp"
#include "suites.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "unit/check/small_data.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace {

using namespace tandem;

std::unique_ptr<runtime::Device> open_device() {
  driver::DeviceConfig config;
  config.name = "fuzz";
  config.ucode_words = 1024;
  config.regions = {{"commands", PhysAddr(0x8000'0000), 2 << 20, true},
                    {"ucode", PhysAddr(0x9000'0000), 1 << 20, true},
                    {"weights", PhysAddr(0x1'0000'0000), 16 << 20, true},
                    {"activations", PhysAddr(0x2'0000'0000), 16 << 20, true}};
  return std::make_unique<runtime::Device>(
      runtime::Device::open(std::make_unique<driver::InProcessBackend>(
                                "fuzz", config, std::make_unique<fuzz::IdleEngine>()),
                            config));
}

/// Folders with everything that the input does not bring.
struct Folders {
  Folders() {
    ops.write(std::string(check::testing::kSmallFile), check::testing::small_arrays());
    tokenizer.write("tokenizer.json", fuzz::read_data("tokenizer_variants/gpt2.json"));
  }
  tandem::testing::TempDir ops;
  tandem::testing::TempDir tokenizer;
};

void check_folder(const std::filesystem::path& dir, bool with_device) {
  check::Report report;
  check::Session session({}, report, with_device ? open_device() : nullptr);
  try {
    check::check_path(session, dir);
  } catch (const Error& error) {
    // Only bad structure ends a suite, and it is named.
    if (error.code() != ErrorCode::kInvalidArgument ||
        error.message().find(dir.string()) == std::string::npos) {
      __builtin_trap();
    }
  }
  for (const check::CaseResult& result : report.cases()) {
    if (result.detail.find("internal error") != std::string::npos) __builtin_trap();
  }
  report.junit();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folders folders;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'i') {
    folders.ops.write("index.json", text);
    check_folder(folders.ops.path(), true);
    return 0;
  }
  const auto write = [&](char kind, const char* name) {
    folders.tokenizer.write(name, data[0] == kind ? text : R"({"cases":[]})");
  };
  write('e', "encode.json");
  write('d', "decode.json");
  if (data[0] == 'c') {
    write('c', "chat.json");
  } else {
    std::filesystem::remove(folders.tokenizer.path() / "chat.json");
  }
  check_folder(folders.tokenizer.path(), false);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using namespace check::testing;
  std::vector<std::string> seeds = {
      fmt::format("i{}", small_index()),
      R"(e{"cases":[{"group":"g","text":"a b","ids":[1,2],"decoded":"a b",)"
      R"("decoded_skip_special":"a b"}]})",
      R"(d{"cases":[{"ids":[0,1,300],"bytes_hex":"00ff","text":"x"}]})",
      R"(c{"template":"{% for m in messages %}{{ m.content }}{% endfor %}","cases":[)"
      R"({"messages":[{"role":"user","content":"hi"}],"add_generation_prompt":true,)"
      R"("text":"hi","ids":[1]}]})"};
  for (const char* one : {kNegCase, kSumCase, kMatmulCase, kSelectCase, kSliceCase}) {
    seeds.push_back(fmt::format(R"(i{{"cases":[{}]}})", one));
  }
  return seeds;
}
