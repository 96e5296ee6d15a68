// SPDX-License-Identifier: Apache-2.0
// GPT-2's bytes_to_unicode (openai/gpt-2, src/encoder.py).
#include "byte_alphabet.hpp"

#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// The other bytes get the characters from U+0100 on, in ascending order.
constexpr std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> out{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    out[static_cast<std::size_t>(byte)] =
        stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return out;
}

constexpr std::array<char32_t, 256> kAlphabet = make_alphabet();
constexpr char32_t kEnd = 0x100 + 68;  // 68 bytes do not stand for themselves

constexpr std::array<int, kEnd> make_inverse() {
  std::array<int, kEnd> out{};
  for (int& byte : out) byte = -1;
  for (int byte = 0; byte < 256; ++byte) out[kAlphabet[static_cast<std::size_t>(byte)]] = byte;
  return out;
}

constexpr std::array<int, kEnd> kInverse = make_inverse();

}  // namespace

char32_t byte_character(unsigned char byte) { return kAlphabet[byte]; }

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) append_utf8(out, kAlphabet[static_cast<unsigned char>(c)]);
  return out;
}

std::optional<std::string> from_byte_alphabet(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (!step.valid || step.code_point >= kEnd || kInverse[step.code_point] < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(kInverse[step.code_point]);
    text.remove_prefix(step.num_bytes);
  }
  return out;
}

}  // namespace tandem::models
