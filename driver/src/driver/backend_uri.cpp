// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/backend_uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tandem/base/error.hpp"

namespace tandem::driver {
namespace {

constexpr std::size_t kMaxUriBytes = 4096;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

[[noreturn]] void bad_uri(std::string_view text, std::size_t at, std::string_view problem) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("backend URI \"{}\", character {}: {}; the form is "
                          "name[:body][?key=value&...], e.g. cmodel:edge?threads=2",
                          text, at + 1, problem));
}

[[noreturn]] void bad_value(const BackendUri& uri, std::string_view key, std::string_view value,
                            std::string_view expected) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("backend URI \"{}\": option {} is \"{}\", expected {}", uri.to_string(),
                          key, value, expected));
}

void parse_option(BackendUri& uri, std::string_view text, std::size_t begin, std::size_t end) {
  const std::string_view option = text.substr(begin, end - begin);
  const std::size_t equals = option.find('=');
  const std::string_view key = option.substr(0, equals);
  if (key.empty()) bad_uri(text, begin, "an option without a name");
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (!is_name_char(key[i])) {
      bad_uri(text, begin + i, "option names hold a-z, 0-9, '_' and '-'");
    }
  }
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view("1") : option.substr(equals + 1);
  if (!uri.options.emplace(key, value).second) {
    bad_uri(text, begin, fmt::format("option {} is given twice", key));
  }
}

}  // namespace

BackendUri BackendUri::parse(std::string_view text) {
  if (text.size() > kMaxUriBytes) {
    bad_uri(text.substr(0, 32), kMaxUriBytes, fmt::format("longer than {} bytes", kMaxUriBytes));
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x20) bad_uri(text, i, "a control character");
  }
  BackendUri uri;
  std::size_t at = 0;
  while (at < text.size() && is_name_char(text[at])) ++at;
  uri.name = text.substr(0, at);
  if (at == 0) bad_uri(text, at, "expected the name of a backend (a-z, 0-9, '_', '-')");
  if (at < text.size() && text[at] == ':') {
    const std::size_t end = std::min(text.find('?', at), text.size());
    uri.body = text.substr(at + 1, end - at - 1);
    at = end;
  }
  if (at == text.size()) return uri;
  if (text[at] != '?') bad_uri(text, at, "expected ':' or '?' after the name");
  if (++at == text.size()) bad_uri(text, at, "expected key=value after '?'");
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    parse_option(uri, text, at, end);
    at = end + 1;
  }
  return uri;
}

std::string BackendUri::to_string() const {
  std::string text = name + ':' + body;
  char separator = '?';
  for (const auto& [key, value] : options) {
    text += separator + key + '=' + value;
    separator = '&';
  }
  return text;
}

std::string_view BackendUri::get(std::string_view key, std::string_view fallback) const {
  const auto found = options.find(key);
  return found == options.end() ? fallback : std::string_view(found->second);
}

std::uint64_t BackendUri::get_uint(std::string_view key, std::uint64_t fallback,
                                   std::uint64_t max) const {
  const auto found = options.find(key);
  if (found == options.end()) return fallback;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) {
    bad_value(*this, key, text, fmt::format("a number from 0 to {}", max));
  }
  return value;
}

bool BackendUri::get_bool(std::string_view key, bool fallback) const {
  const auto found = options.find(key);
  if (found == options.end()) return fallback;
  const std::string& text = found->second;
  if (text == "1" || text == "on" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "off" || text == "false" || text == "no") return false;
  bad_value(*this, key, text, "1, 0, on, off, true, false, yes or no");
}

}  // namespace tandem::driver
