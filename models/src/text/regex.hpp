// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer files on PCRE2, with bounded matching.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::models {

/// A compiled pattern. tokenizer.json is written for Oniguruma: white space and word classes are
/// translated to its definitions, constructs that mean something else in PCRE2 are refused.
/// Immutable and shareable between threads; each thread uses its own Matcher.
class Regex {
 public:
  /// Errors: kInvalidArgument naming `where` and the pattern's position; kUnimplemented.
  Regex(std::string_view pattern, const std::string& where);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  class Matcher {
   public:
    /// `num_bytes`: size of all subjects together, which bounds the work.
    Matcher(const Regex& regex, std::size_t num_bytes);
    Matcher(Matcher&&) noexcept;
    ~Matcher();

    /// The first match in `subject` (valid UTF-8) from byte `start` on, as [begin, end).
    /// Errors: kInvalidArgument when the pattern exceeds its limit of matching steps or memory.
    std::optional<std::pair<std::size_t, std::size_t>> find(std::string_view subject,
                                                            std::size_t start);

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

/// `text` as a pattern that matches exactly it.
std::string escape_regex(std::string_view text);

}  // namespace tandem::models
