// SPDX-License-Identifier: Apache-2.0
// A text on its way through a tokenizer: pieces that refer to the text or to changed copies of it.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::models {

struct Piece {
  std::string_view text;
  bool at_start = false;  ///< It begins where the whole text begins.
};

struct Pieces {
  std::vector<Piece> list;
  std::deque<std::string> owned;  ///< Changed texts; a deque, so that views stay valid.

  std::string_view own(std::string text) { return owned.emplace_back(std::move(text)); }
};

}  // namespace tandem::models
