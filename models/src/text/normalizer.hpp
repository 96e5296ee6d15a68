// SPDX-License-Identifier: Apache-2.0
// Changes of a text before it is cut: Unicode normal forms, Prepend, Replace.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "regex.hpp"

namespace tandem::models {

/// One step; the text is valid UTF-8 before and after.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  virtual std::string apply(std::string_view text) const = 0;
};

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

/// The normal form of `text` (Unicode Standard Annex 15), in time O(n log n).
std::string normalize_unicode(std::string_view text, NormalForm form);

std::unique_ptr<NormalizerStep> make_normal_form(NormalForm form);
/// Puts `prefix` before a text that is not empty.
std::unique_ptr<NormalizerStep> make_prepend(std::string prefix);
/// Replaces every match.
std::unique_ptr<NormalizerStep> make_replace(Regex regex, std::string content);

}  // namespace tandem::models
