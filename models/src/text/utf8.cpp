// SPDX-License-Identifier: Apache-2.0
// UTF-8 decoding with substitution of maximal invalid parts.
#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// Which second bytes may follow a lead byte (Unicode 15, table 3-7), and how many bytes follow.
struct LeadByte {
  int followers = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

LeadByte classify(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {1};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {2};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {3};
  if (lead == 0xF4) return {3, 0x80, 0x8F};
  return {0};
}

}  // namespace

Utf8Step utf8_step(std::string_view bytes) {
  if (bytes.empty()) return {kReplacement, 0, false, true};
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) return {lead, 1, true, false};
  LeadByte form = classify(lead);
  if (form.followers == 0) return {kReplacement, 1, false, false};
  char32_t code_point = lead & (0x3Fu >> form.followers);
  for (std::size_t i = 1; i <= static_cast<std::size_t>(form.followers); ++i) {
    if (i == bytes.size()) return {kReplacement, i, false, true};
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte < form.low || byte > form.high) return {kReplacement, i, false, false};
    code_point = code_point << 6 | (byte & 0x3Fu);
    form.low = 0x80;
    form.high = 0xBF;
  }
  return {code_point, static_cast<std::size_t>(form.followers) + 1, true, false};
}

bool is_valid_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (!step.valid) return false;
    bytes.remove_prefix(step.num_bytes);
  }
  return true;
}

std::string utf8_lossy(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (step.valid) {
      out.append(bytes.substr(0, step.num_bytes));
    } else {
      append_utf8(out, kReplacement);
    }
    bytes.remove_prefix(step.num_bytes);
  }
  return out;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if ((code_point >= 0xD800 && code_point <= 0xDFFF) || code_point > 0x10FFFF) {
    code_point = kReplacement;
  }
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

}  // namespace tandem::models
