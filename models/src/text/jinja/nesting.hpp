// SPDX-License-Identifier: Apache-2.0
// The parser's bound on nesting.
#pragma once

#include "parser.hpp"

namespace tandem::models::jinja {

/// Counts one level of nesting while it lives.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : parser_(parser) {
    constexpr std::uint32_t kMaxNesting = 120;
    if (++parser_.nesting_ > kMaxNesting) parser_.fail("blocks or brackets are nested too deeply");
  }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --parser_.nesting_; }

 private:
  Parser& parser_;
};

}  // namespace tandem::models::jinja
