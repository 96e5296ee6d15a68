// SPDX-License-Identifier: Apache-2.0
// Cutting a text into words before BPE: Split, Digits, ByteLevel, Metaspace.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pieces.hpp"
#include "regex.hpp"

namespace tandem::models {

/// The pattern of GPT-2 and of everything that says "ByteLevel with use_regex".
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// What happens to the matches of a Split (names as in tokenizer.json).
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// One step; steps run in order, each on every piece of the one before.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void apply(Pieces& pieces) const = 0;
};

/// Cuts at the matches of a pattern; `invert` swaps matches and the rest.
std::unique_ptr<PreTokenizerStep> make_split(Regex regex, SplitBehavior behavior, bool invert);

/// Puts a space before every piece that does not start with one.
std::unique_ptr<PreTokenizerStep> make_prefix_space();

/// When Metaspace puts its mark before a piece.
enum class PrependScheme { kAlways, kFirst, kNever };

/// Replaces spaces by `mark`, adds one in front by `scheme`, cuts before every mark if `split`.
std::unique_ptr<PreTokenizerStep> make_metaspace(std::string mark, PrependScheme scheme,
                                                 bool split);

}  // namespace tandem::models
