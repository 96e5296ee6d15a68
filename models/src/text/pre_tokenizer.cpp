// SPDX-License-Identifier: Apache-2.0
// The steps that cut texts into words.
#include "pre_tokenizer.hpp"

#include <algorithm>
#include <utility>

#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

struct Range {
  std::size_t begin;
  std::size_t end;
  bool match;
};

/// The text as alternating rest and matches, in order, without gaps.
std::vector<Range> find_ranges(Regex::Matcher& matcher, std::string_view text) {
  std::vector<Range> out;
  std::size_t done = 0;
  std::size_t start = 0;
  while (start <= text.size()) {
    const auto found = matcher.find(text, start);
    if (!found) break;
    const auto [begin, end] = *found;
    if (begin == end) {
      // An empty match cuts nothing; look on behind the next character.
      start = begin + std::max<std::size_t>(utf8_step(text.substr(begin)).num_bytes, 1);
      continue;
    }
    if (begin > done) out.push_back({done, begin, false});
    out.push_back({begin, end, true});
    done = start = end;
  }
  if (done < text.size()) out.push_back({done, text.size(), false});
  return out;
}

// The merges follow NormalizedString::split of Hugging Face tokenizers, which also fixes what
// happens to neighbouring matches.

std::vector<Range> merge_forward(const std::vector<Range>& ranges, SplitBehavior behavior) {
  std::vector<Range> out;
  bool previous = false;
  for (const Range& range : ranges) {
    const bool joins =
        behavior == SplitBehavior::kContiguous ? range.match == previous : range.match && !previous;
    if (joins && !out.empty()) {
      out.back().end = range.end;
    } else {
      out.push_back(range);
    }
    previous = range.match;
  }
  return out;
}

std::vector<Range> merge_with_next(const std::vector<Range>& ranges) {
  std::vector<Range> out;
  bool previous = false;
  for (auto it = ranges.rbegin(); it != ranges.rend(); ++it) {
    if (it->match && !previous && !out.empty()) {
      out.back().begin = it->begin;
    } else {
      out.push_back(*it);
    }
    previous = it->match;
  }
  std::ranges::reverse(out);
  return out;
}

std::vector<Range> apply_behavior(std::vector<Range> ranges, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kRemoved:
      std::erase_if(ranges, [](const Range& range) { return range.match; });
      return ranges;
    case SplitBehavior::kIsolated:
      return ranges;
    case SplitBehavior::kMergedWithNext:
      return merge_with_next(ranges);
    case SplitBehavior::kMergedWithPrevious:
    case SplitBehavior::kContiguous:
      break;
  }
  return merge_forward(ranges, behavior);
}

class Split final : public PreTokenizerStep {
 public:
  Split(Regex regex, SplitBehavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}

  void apply(Pieces& pieces) const override {
    std::size_t num_bytes = 0;
    for (const Piece& piece : pieces.list) num_bytes += piece.text.size();
    Regex::Matcher matcher(regex_, num_bytes);
    std::vector<Piece> out;
    for (const Piece& piece : pieces.list) {
      std::vector<Range> ranges = find_ranges(matcher, piece.text);
      if (invert_) {
        for (Range& range : ranges) range.match = !range.match;
      }
      for (const Range& range : apply_behavior(std::move(ranges), behavior_)) {
        out.push_back({piece.text.substr(range.begin, range.end - range.begin),
                       piece.at_start && range.begin == 0});
      }
    }
    pieces.list = std::move(out);
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

class PrefixSpace final : public PreTokenizerStep {
 public:
  void apply(Pieces& pieces) const override {
    for (Piece& piece : pieces.list) {
      if (!piece.text.starts_with(' '))
        piece.text = pieces.own(std::string(1, ' ').append(piece.text));
    }
  }
};

class Metaspace final : public PreTokenizerStep {
 public:
  Metaspace(std::string mark, PrependScheme scheme, bool split)
      : mark_(std::move(mark)), scheme_(scheme), split_(split) {}

  void apply(Pieces& pieces) const override {
    std::vector<Piece> out;
    for (const Piece& piece : pieces.list) {
      const std::string_view text = pieces.own(marked(piece));
      if (split_) {
        cut(text, piece.at_start, out);
      } else {
        out.push_back({text, piece.at_start});
      }
    }
    pieces.list = std::move(out);
  }

 private:
  std::string marked(const Piece& piece) const {
    std::string text;
    for (const char c : piece.text) c == ' ' ? text += mark_ : text += c;
    const bool wanted =
        scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && piece.at_start);
    return wanted && !text.starts_with(mark_) ? mark_ + text : text;
  }

  void cut(std::string_view text, bool at_start, std::vector<Piece>& out) const {
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = std::min(text.find(mark_, begin + 1), text.size());
      out.push_back({text.substr(begin, end - begin), at_start && begin == 0});
      begin = end;
    }
  }

  std::string mark_;
  PrependScheme scheme_;
  bool split_;
};

}  // namespace

std::unique_ptr<PreTokenizerStep> make_split(Regex regex, SplitBehavior behavior, bool invert) {
  return std::make_unique<Split>(std::move(regex), behavior, invert);
}

std::unique_ptr<PreTokenizerStep> make_prefix_space() { return std::make_unique<PrefixSpace>(); }

std::unique_ptr<PreTokenizerStep> make_metaspace(std::string mark, PrependScheme scheme,
                                                 bool split) {
  return std::make_unique<Metaspace>(std::move(mark), scheme, split);
}

}  // namespace tandem::models
