// SPDX-License-Identifier: Apache-2.0
// Driver for fuzz targets where libFuzzer is not at hand: runs the target's seeds and a fixed
// number of mutations of them, the same every time. Takes libFuzzer's -runs=N -seed=N -max_len=N
// -timeout=S, or files to run; other options are ignored.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr rlim_t kMaxAddressSpace = rlim_t{4} << 30;

struct Options {
  std::uint64_t runs = 1000;
  std::uint64_t seed = 1;
  std::size_t max_len = 0;  ///< 0: whatever the mutations make of the seeds.
  unsigned timeout_s = 10;
  std::vector<std::string> files;
};

// What runs now, for the signal handler.
const Bytes* g_input = nullptr;
std::string g_crash_path;

void save_input() {
  if (g_input == nullptr) return;
  const int file = open(g_crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  if (write(file, g_input->data(), g_input->size()) >= 0) {
    constexpr std::string_view kText = "standalone fuzz driver: the input is in ";
    (void)!write(STDERR_FILENO, kText.data(), kText.size());
    (void)!write(STDERR_FILENO, g_crash_path.data(), g_crash_path.size());
    (void)!write(STDERR_FILENO, "\n", 1);
  }
  close(file);
}

extern "C" void on_signal(int number) {
  save_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void run(const Bytes& input, unsigned timeout_s) {
  g_input = &input;
  alarm(timeout_s);
  try {
    LLVMFuzzerTestOneInput(input.data(), input.size());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "uncaught exception: %s\n", error.what());
    save_input();
    std::exit(1);
  }
  alarm(0);
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// One change to `input`: the mutations that parsers of text and of binary files mind most.
class Mutator {
 public:
  Mutator(std::uint64_t seed, const std::vector<Bytes>& seeds) : random_(seed), seeds_(seeds) {}

  Bytes make(std::size_t max_len) {
    Bytes input = seeds_[below(seeds_.size())];
    const std::uint64_t changes = 1 + below(4);
    for (std::uint64_t i = 0; i < changes; ++i) change(input);
    if (max_len != 0 && input.size() > max_len) input.resize(max_len);
    return input;
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void change(Bytes& input) {
    if (input.empty()) {
      input.push_back(static_cast<std::uint8_t>(below(256)));
      return;
    }
    const std::size_t at = below(input.size());
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = 1 + below(std::min<std::size_t>(input.size() - at, 64));
    switch (below(7)) {
      case 0:
        input[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        input[at] = static_cast<std::uint8_t>(below(256));
        break;
      case 2:  // the end is missing
        input.resize(at);
        break;
      case 3:  // a part is missing
        input.erase(place, place + static_cast<std::ptrdiff_t>(length));
        break;
      case 4: {  // a part comes twice
        const Bytes part(place, place + static_cast<std::ptrdiff_t>(length));
        input.insert(place, part.begin(), part.end());
        break;
      }
      case 5:
        set_number(input, at);
        break;
      default: {  // a part of another seed
        const Bytes& other = seeds_[below(seeds_.size())];
        if (other.empty()) break;
        const std::size_t from = below(other.size());
        const std::size_t count = 1 + below(std::min<std::size_t>(other.size() - from, 256));
        const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
        input.insert(place, begin, begin + static_cast<std::ptrdiff_t>(count));
      }
    }
  }

  /// Counts and sizes at their limits.
  void set_number(Bytes& input, std::size_t at) {
    static constexpr std::uint64_t kNumbers[] = {
        0,      1,          0x7f,       0x80,       0xff,        0x7fff,
        0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
        ~0ull,  ~0ull - 7,  1ull << 63, 1ull << 61, 1ull << 40};
    const std::uint64_t number = kNumbers[below(std::size(kNumbers))];
    const std::size_t width = std::size_t{1} << below(4);
    for (std::size_t i = 0; i < width && at + i < input.size(); ++i) {
      input[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
  }

  std::mt19937_64 random_;
  const std::vector<Bytes>& seeds_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&](std::string_view name) -> const char* {
      return argument.starts_with(name) ? argv[i] + name.size() : nullptr;
    };
    if (const char* text = value("-runs=")) {
      options.runs = std::strtoull(text, nullptr, 10);
    } else if (const char* text = value("-seed=")) {
      options.seed = std::strtoull(text, nullptr, 10);
    } else if (const char* text = value("-max_len=")) {
      options.max_len = std::strtoull(text, nullptr, 10);
    } else if (const char* text = value("-timeout=")) {
      options.timeout_s = static_cast<unsigned>(std::strtoul(text, nullptr, 10));
    } else if (!argument.starts_with("-")) {
      options.files.emplace_back(argument);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  g_crash_path = std::string(argv[0]) + ".crash";
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) {
    std::signal(number, on_signal);
  }
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit limit = {kMaxAddressSpace, kMaxAddressSpace};
  setrlimit(RLIMIT_AS, &limit);
#endif
  for (const std::string& path : options.files) run(read_file(path), options.timeout_s);
  if (!options.files.empty()) return 0;

  std::vector<Bytes> seeds = {{}};
  run(seeds[0], options.timeout_s);
  for (const std::string& seed : fuzz_seeds()) {
    seeds.emplace_back(seed.begin(), seed.end());
    run(seeds.back(), options.timeout_s);
  }
  Mutator mutator(options.seed, seeds);
  for (std::uint64_t i = 0; i < options.runs; ++i) {
    run(mutator.make(options.max_len), options.timeout_s);
  }
  std::printf("%zu seeds, %llu mutations with seed %llu\n", seeds.size() - 1,
              static_cast<unsigned long long>(options.runs),
              static_cast<unsigned long long>(options.seed));
  return 0;
}
