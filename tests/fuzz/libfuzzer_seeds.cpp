// SPDX-License-Identifier: Apache-2.0
// Gives a target's seeds to libFuzzer, as files of a directory that ends with the program.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

std::vector<std::string> fuzz_seeds();

namespace {

class SeedFiles {
 public:
  SeedFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "tandem_fuzz_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
    std::ofstream list(directory_ / "list");
    int number = 0;
    for (const std::string& seed : fuzz_seeds()) {
      const auto path = directory_ / std::to_string(number);
      std::ofstream(path, std::ios::binary) << seed;
      list << (number++ == 0 ? "" : ",") << path.string();
    }
  }
  ~SeedFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::string option() const { return "-seed_inputs=@" + (directory_ / "list").string(); }

 private:
  std::filesystem::path directory_;
};

/// Whether the command line names inputs of its own.
bool has_inputs(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("-") || argument.starts_with("-seed_inputs=")) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (has_inputs(*argc, *argv)) return 0;
  static const SeedFiles files;
  static std::string option = files.option();
  static std::vector<char*> arguments(*argv, *argv + *argc);
  arguments.push_back(option.data());
  arguments.push_back(nullptr);
  *argc += 1;
  *argv = arguments.data();
  return 0;
}
