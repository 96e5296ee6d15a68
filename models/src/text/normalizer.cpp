// SPDX-License-Identifier: Apache-2.0
// Unicode normal forms with utf8proc's tables, and plain text changes.
#include "normalizer.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

std::vector<utf8proc_int32_t> decompose(std::string_view text, utf8proc_option_t options) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    text.remove_prefix(step.num_bytes);
    utf8proc_int32_t buffer[32];  // the longest compatibility mapping has 18
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(step.code_point),
                                               buffer, 32, options, &boundary);
    TANDEM_CHECK(count >= 0 && count <= 32);
    out.insert(out.end(), buffer, buffer + count);
  }
  return out;
}

/// Canonical ordering. utf8proc's own exchanges neighbours, which is quadratic in long runs of
/// marks.
void order_marks(std::vector<utf8proc_int32_t>& points) {
  const auto rank = [](utf8proc_int32_t point) {
    return utf8proc_get_property(point)->combining_class;
  };
  auto it = points.begin();
  while (it != points.end()) {
    const auto begin = std::find_if(it, points.end(), [&](auto p) { return rank(p) != 0; });
    const auto end = std::find_if(begin, points.end(), [&](auto p) { return rank(p) == 0; });
    std::stable_sort(begin, end, [&](auto a, auto b) { return rank(a) < rank(b); });
    it = end;
  }
}

class Form final : public NormalizerStep {
 public:
  explicit Form(NormalForm form) : form_(form) {}
  std::string apply(std::string_view text) const override { return normalize_unicode(text, form_); }

 private:
  NormalForm form_;
};

class Prepend final : public NormalizerStep {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string apply(std::string_view text) const override {
    return text.empty() ? std::string() : prefix_ + std::string(text);
  }

 private:
  std::string prefix_;
};

class Replace final : public NormalizerStep {
 public:
  Replace(Regex regex, std::string content)
      : regex_(std::move(regex)), content_(std::move(content)) {}

  std::string apply(std::string_view text) const override {
    Regex::Matcher matcher(regex_, text.size());
    std::string out;
    std::size_t done = 0;
    std::size_t start = 0;
    while (const auto found = matcher.find(text, start)) {
      const auto [begin, end] = *found;
      if (begin < end) {
        out.append(text.substr(done, begin - done)).append(content_);
        done = start = end;
      } else {
        start = begin + std::max<std::size_t>(utf8_step(text.substr(begin)).num_bytes, 1);
      }
      if (start > text.size()) break;
    }
    return out.append(text.substr(done));
  }

 private:
  Regex regex_;
  std::string content_;
};

}  // namespace

std::string normalize_unicode(std::string_view text, NormalForm form) {
  const bool ascii =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return std::string(text);
  const bool compatibility = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  const bool compose = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  const int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0);
  auto points = decompose(text, static_cast<utf8proc_option_t>(options));
  order_marks(points);
  auto count = static_cast<utf8proc_ssize_t>(points.size());
  if (compose) {
    count = utf8proc_normalize_utf32(
        points.data(), count, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    TANDEM_CHECK(count >= 0);
  }
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    append_utf8(out, static_cast<char32_t>(points[static_cast<std::size_t>(i)]));
  }
  return out;
}

std::unique_ptr<NormalizerStep> make_normal_form(NormalForm form) {
  return std::make_unique<Form>(form);
}

std::unique_ptr<NormalizerStep> make_prepend(std::string prefix) {
  return std::make_unique<Prepend>(std::move(prefix));
}

std::unique_ptr<NormalizerStep> make_replace(Regex regex, std::string content) {
  return std::make_unique<Replace>(std::move(regex), std::move(content));
}

}  // namespace tandem::models
