// SPDX-License-Identifier: Apache-2.0
// PCRE2 behind the Regex class.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex.hpp"

#include <fmt/format.h>
#include <pcre2.h>

#include "../files/printable.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

// PCRE2 bounds the steps of one match but does not tell how many it took. So each match is tried
// with these limits in turn, and the limits tried are charged to the matcher's allowance: a pattern
// of a real tokenizer needs a few steps per character, a catastrophic one ends its allowance soon.
constexpr std::uint32_t kStepLimits[] = {200, 4'000, 80'000, 1'600'000};
constexpr std::uint64_t kStepsPerByte = 500;
constexpr std::uint64_t kLeastSteps = 5'000'000;
constexpr std::uint32_t kHeapLimitKib = 256 * 1024;
constexpr std::size_t kMaxPatternBytes = 64 * 1024;

struct FreeCode {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};
struct FreeCompileContext {
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
};

std::string pcre_message(int code) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// Unicode's White_Space: PCRE2's \s has U+180E in addition.
constexpr std::string_view kSpaceClass = R"(\t-\r\x{85}\p{Z})";
// Oniguruma's \w: PCRE2's lacks marks, connectors and enclosed letters. Outside a class Oniguruma
// adds superscripts and fractions of Latin-1.
constexpr std::string_view kWordClass =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9})"
    R"(\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
constexpr std::string_view kWordExtra = R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";

/// Rewrites \s \S \w \W, and refuses what PCRE2 reads differently.
std::string translate(std::string_view pattern, const std::string& where) {
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kUnimplemented, fmt::format("{}: {} in the pattern {} is not supported",
                                                       where, what, printable(pattern)));
  };
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '\\' || i + 1 == pattern.size()) {
      if (in_class && pattern.substr(i, 2) == "&&") refuse("&& in a class");
      if (in_class && c == '[') {
        const std::size_t end = pattern.find(":]", i);
        if (pattern.substr(i, 2) != "[:" || end == pattern.npos) refuse("a class within a class");
        out += pattern.substr(i, end + 2 - i);  // [:alpha:]
        i = end + 1;
        continue;
      }
      if (c == '[' && !in_class) {
        in_class = true;
        out += c;
        // A bracket at the start of a class is a literal.
        if (pattern.substr(i + 1, 1) == "^") out += pattern[++i];
        if (pattern.substr(i + 1, 1) == "]") out += "\\", out += pattern[++i];
        continue;
      }
      if (c == ']') in_class = false;
      out += c;
      continue;
    }
    const char escape = pattern[++i];
    const bool space = escape == 's' || escape == 'S';
    if (escape == 'h' || escape == 'H') refuse("\\h");
    if (space || escape == 'w' || escape == 'W') {
      const std::string_view members = space ? kSpaceClass : kWordClass;
      const bool negated = escape == 'S' || escape == 'W';
      if (in_class && negated) refuse("\\S or \\W in a class");
      if (in_class) {
        out += members;
      } else {
        out += fmt::format("[{}{}{}]", negated ? "^" : "", members, space ? "" : kWordExtra);
      }
    } else {
      out += c;
      out += escape;
    }
  }
  return out;
}

}  // namespace

struct Regex::Compiled {
  std::unique_ptr<pcre2_code, FreeCode> code;
  std::string where;
  std::string pattern;
};

Regex::Regex(std::string_view pattern, const std::string& where)
    : compiled_(std::make_unique<Compiled>()) {
  if (pattern.size() > kMaxPatternBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: a pattern of {} bytes, expected at most {}", where, pattern.size(),
                            kMaxPatternBytes));
  }
  compiled_->where = where;
  compiled_->pattern = pattern;
  const std::string translated = translate(pattern, where);
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(
      pcre2_compile_context_create(nullptr));
  TANDEM_CHECK(context != nullptr);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 100);
  int code = 0;
  std::size_t offset = 0;
  // Oniguruma's ^ and $ match at every line.
  constexpr std::uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE;
  compiled_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                      translated.size(), kOptions, &code, &offset, context.get()));
  if (!compiled_->code) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the pattern {} is malformed near byte {}: {}", where,
                            printable(pattern), offset, pcre_message(code)));
  }
  // Failure only means that the interpreter does the work.
  pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);
}

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

struct Regex::Matcher::State {
  const Compiled* compiled;
  std::unique_ptr<pcre2_match_data, FreeMatchData> data;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> context;
  std::uint64_t allowance;
};

Regex::Matcher::Matcher(const Regex& regex, std::size_t num_bytes)
    : state_(std::make_unique<State>()) {
  state_->allowance = kLeastSteps + kStepsPerByte * num_bytes;
  state_->compiled = regex.compiled_.get();
  state_->data.reset(pcre2_match_data_create_from_pattern(regex.compiled_->code.get(), nullptr));
  state_->context.reset(pcre2_match_context_create(nullptr));
  TANDEM_CHECK(state_->data != nullptr && state_->context != nullptr);
  pcre2_set_heap_limit(state_->context.get(), kHeapLimitKib);
}

Regex::Matcher::Matcher(Matcher&&) noexcept = default;
Regex::Matcher::~Matcher() = default;

std::optional<std::pair<std::size_t, std::size_t>> Regex::Matcher::find(std::string_view subject,
                                                                        std::size_t start) {
  const auto match = [&](std::uint32_t options) {
    // The subject was checked once; checking it again in every call would be quadratic.
    return pcre2_match(state_->compiled->code.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                       subject.size(), start, options | PCRE2_NO_UTF_CHECK, state_->data.get(),
                       state_->context.get());
  };
  int result = PCRE2_ERROR_MATCHLIMIT;
  for (const std::uint32_t limit : kStepLimits) {
    if (state_->allowance < limit) break;
    state_->allowance -= limit;
    pcre2_set_match_limit(state_->context.get(), limit);
    result = match(0);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(PCRE2_NO_JIT);
    if (result != PCRE2_ERROR_MATCHLIMIT) break;
  }
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the pattern {} fails at byte {} of a text of {} bytes: {}",
                            state_->compiled->where, printable(state_->compiled->pattern), start,
                            subject.size(), pcre_message(result)));
  }
  const std::size_t* bounds = pcre2_get_ovector_pointer(state_->data.get());
  // \K in a lookahead can set the begin behind the end.
  if (bounds[0] < start || bounds[1] < bounds[0]) return std::nullopt;
  return std::pair{bounds[0], bounds[1]};
}

std::string escape_regex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || byte == '_' || (byte >= '0' && byte <= '9') ||
                       (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
    if (byte < 0x20) {
      out += fmt::format("\\x{{{:02x}}}", byte);
    } else {
      if (!plain) out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace tandem::models
