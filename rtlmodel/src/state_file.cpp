// SPDX-License-Identifier: Apache-2.0
#include "state_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>

#include "tandem/base/error.hpp"

namespace tandem::rtlmodel {
namespace {

constexpr std::array<char, 8> kMagic = {'T', 'N', 'D', 'M', 'R', 'T', 'L', '1'};

struct Seal {
  std::uint64_t sum = 0;  // Of all bytes before the seal.
  std::array<char, 48> model{};
  std::array<char, 8> magic = kMagic;
};
static_assert(sizeof(Seal) == 64);

[[noreturn]] void bad_file(const std::filesystem::path& file, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("rtl: {} {}", file.string(), what));
}

std::string read_all(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) bad_file(file, "cannot be read; check the path");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// FNV-1a.
std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return sum;
}

}  // namespace

void seal_state(const std::filesystem::path& file, const std::string& model) {
  Seal seal;
  seal.sum = sum_of(read_all(file));
  std::strncpy(seal.model.data(), model.c_str(), seal.model.size() - 1);
  std::ofstream out(file, std::ios::binary | std::ios::app);
  out.write(reinterpret_cast<const char*>(&seal), sizeof seal);
  if (!out.flush()) bad_file(file, "cannot be written; check directory, rights and space");
}

void check_state(const std::filesystem::path& file, const std::string& model) {
  const std::string bytes = read_all(file);
  Seal seal;
  if (bytes.size() >= sizeof seal) {
    std::memcpy(&seal, bytes.data() + bytes.size() - sizeof seal, sizeof seal);
  }
  if (bytes.size() < sizeof seal || seal.magic != kMagic) {
    bad_file(file, "is not a saved state, or only a part of one");
  }
  seal.model.back() = 0;
  if (seal.model.data() != model) {
    bad_file(file,
             fmt::format("is the state of model '{}', expected '{}'", seal.model.data(), model));
  }
  if (sum_of(std::string_view(bytes).substr(0, bytes.size() - sizeof seal)) != seal.sum) {
    bad_file(file, "is damaged: its bytes do not give the sum at its end");
  }
}

}  // namespace tandem::rtlmodel
