// SPDX-License-Identifier: Apache-2.0
// Access to the arguments of filters, tests, methods and functions.
#include <fmt/format.h>

#include <algorithm>

#include "value.hpp"

namespace tandem::models::jinja {

const Value* Arguments::get(std::size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [given, value] : named) {
    if (given == name) return &value;
  }
  return nullptr;
}

void Arguments::check(std::string_view function, std::size_t least, std::size_t most,
                      std::initializer_list<std::string_view> names) const {
  const std::size_t count = positional.size() + named.size();
  if (count < least || count > most) {
    throw TemplateError(
        fmt::format("{}: expected {} to {} arguments, found {}", function, least, most, count));
  }
  for (const auto& [given, value] : named) {
    if (std::ranges::find(names, given) == names.end()) {
      throw TemplateError(fmt::format("{}: unknown argument '{}'", function, given));
    }
  }
}

std::string Arguments::text(std::string_view function, std::size_t index, std::string_view name,
                            std::string_view otherwise) const {
  const Value* value = get(index, name);
  if (!value || value->is_none()) return std::string(otherwise);
  if (value->is_string()) return value->string();
  throw TemplateError(
      fmt::format("{}: argument '{}': expected a str, found {}", function, name, value->phrase()));
}

std::int64_t Arguments::integer(std::string_view function, std::size_t index, std::string_view name,
                                std::int64_t otherwise) const {
  const Value* value = get(index, name);
  if (!value || value->is_none()) return otherwise;
  if (value->is_int() || value->is_bool()) return value->integer();
  throw TemplateError(
      fmt::format("{}: argument '{}': expected an int, found {}", function, name, value->phrase()));
}

bool Arguments::truth(std::size_t index, std::string_view name, bool otherwise) const {
  const Value* value = get(index, name);
  return value ? value->truthy() : otherwise;
}

}  // namespace tandem::models::jinja
