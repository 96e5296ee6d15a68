// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer.
//
//     <target>                      2000 inputs mutated from the seeds, always the same ones
//     <target> COUNT [SEED]         other numbers
//     <target> FILE...              these inputs, for instance a crash that libFuzzer found
//     <target> --write-corpus DIR   writes the seeds, as a corpus for libFuzzer
//
// An input that crashes is left in <target>.crash.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz_target.hpp"

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr unsigned kTimeoutSeconds = 20;  // of one input; most take a millisecond

std::string g_input;  // what runs now, for the signal handler
std::string g_crash_path;

void save_input() {
  const int file = ::open(g_crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  constexpr std::string_view kText = "the input that failed is in <target>.crash\n";
  if (::write(file, g_input.data(), g_input.size()) >= 0) {
    (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  }
  ::close(file);
}

extern "C" void on_signal(int number) {
  save_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

/// Makes an input from a seed by a few random changes.
class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint32_t seed)
      : seeds_(seeds), random_(seed) {}

  std::string next() {
    std::string input = seeds_[below(seeds_.size())];
    const std::size_t changes = 1 + below(6);
    for (std::size_t i = 0; i < changes; ++i) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void change(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t count = std::min(below(64) + 1, input.size() - at);
    switch (below(10)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(random_());
        break;
      case 2:
        input.resize(at);
        break;
      case 3:
        input.erase(at, count);
        break;
      case 4:
        input.insert(at, input.substr(below(input.size()), below(200)));
        break;
      case 5: {
        const std::string& other = seeds_[below(seeds_.size())];
        input.replace(at, std::string::npos, other.substr(below(other.size() + 1)));
        break;
      }
      case 6:
        overwrite_number(input, at);
        break;
      case 7:
        replace_digits(input, at);
        break;
      case 8:
        input.insert(at, interesting_text());
        break;
      default:
        input.insert(at, std::string(below(300), "[{(\"\\ -a'"[below(9)]));
    }
  }

  /// A 32- or 64-bit field with a value that breaks arithmetic.
  void overwrite_number(std::string& input, std::size_t at) {
    constexpr std::uint64_t kValues[] = {0,
                                         1,
                                         0x7F,
                                         0xFF,
                                         0x7FFFFFFF,
                                         0x80000000,
                                         0xFFFFFFFF,
                                         0x100000000,
                                         0x7FFFFFFFFFFFFFFF,
                                         0x8000000000000000,
                                         0xFFFFFFFFFFFFFFFF,
                                         0xFFFFFFFFFFFFFFE0};
    const std::uint64_t value = kValues[below(std::size(kValues))] + below(3) - 1;
    const std::size_t width = below(2) == 0 ? 4 : 8;
    if (at + width <= input.size()) std::memcpy(input.data() + at, &value, width);
  }

  void replace_digits(std::string& input, std::size_t at) {
    constexpr const char* kNumbers[] = {
        "0",   "-1",   "1e308", "4294967296", "18446744073709551616",
        "0.5", "null", "[]",    "\"x\"",      "9223372036854775807"};
    const std::size_t begin = input.find_first_of("0123456789", at);
    if (begin == input.npos) return;
    const std::size_t end = std::min(input.find_first_not_of("0123456789", begin), input.size());
    input.replace(begin, end - begin, kNumbers[below(std::size(kNumbers))]);
  }

  const char* interesting_text() {
    constexpr const char* kTexts[] = {"\\ud800",
                                      "\xff\xfe",
                                      "\xed\xa0\x80",
                                      "{{",
                                      "}}",
                                      "{%",
                                      "%}",
                                      "{#",
                                      "-%}",
                                      "null,",
                                      "\"\":",
                                      "//",
                                      "|",
                                      "is ",
                                      "**",
                                      "\xF4\x90\x80\x80",
                                      "true",
                                      "(",
                                      ")",
                                      "~",
                                      "[::-1]",
                                      "<0x0A>",
                                      "for x in y",
                                      "loop",
                                      "namespace(",
                                      "endif",
                                      "(?:a+)+",
                                      "\\p{L}"};
    return kTexts[below(std::size(kTexts))];
  }

  const std::vector<std::string>& seeds_;
  std::mt19937 random_;
};

void run(std::string input) {
  g_input = std::move(input);
  // A copy of exact size, so that a sanitizer sees reads behind the end.
  const std::vector<std::uint8_t> bytes(g_input.begin(), g_input.end());
  ::alarm(kTimeoutSeconds);
  try {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "uncaught exception: %s\n", error.what());
    save_input();
    std::exit(1);
  }
  ::alarm(0);
}

std::string read_whole(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

int write_corpus(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  const auto seeds = fuzz_seeds();
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream(directory / std::to_string(i), std::ios::binary)
        .write(seeds[i].data(), static_cast<std::streamsize>(seeds[i].size()));
  }
  std::printf("%zu seeds written to %s\n", seeds.size(), directory.c_str());
  return 0;
}

bool parse_number(const char* text, std::uint32_t& value) {
  const char* end = text + std::strlen(text);
  return std::from_chars(text, end, value).ptr == end;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--write-corpus") == 0) return write_corpus(argv[2]);
  g_crash_path = std::string(argv[0]) + ".crash";
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGALRM}) {
    std::signal(number, on_signal);
  }
  std::uint32_t count = 2000;
  std::uint32_t seed = 1;
  if (argc > 1 && !parse_number(argv[1], count)) {
    for (int i = 1; i < argc; ++i) run(read_whole(argv[i]));
    return 0;
  }
  if (argc > 2 && !parse_number(argv[2], seed)) return 2;
  if (!kSanitized) {
    // Small inputs must not need much memory: past this, allocations fail and the run with them.
    const rlimit limit{rlim_t{3} << 30, rlim_t{3} << 30};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  const auto seeds = fuzz_seeds();
  for (const std::string& input : seeds) run(input);
  Mutator mutator(seeds, seed);
  for (std::uint32_t i = 0; i < count; ++i) run(mutator.next());
  std::printf("%zu seeds, %u mutations with seed %u\n", seeds.size(), count, seed);
  return 0;
}
