// SPDX-License-Identifier: Apache-2.0
// Filters on lists and dicts (behaviour of jinja2/filters.py).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "case.hpp"
#include "filters.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::models::jinja {
namespace {

/// value.a.0.b for the path "a.0.b".
Value attribute_path(Value value, const Value& path, Budget& budget) {
  if (path.is_int()) return get_item(value, path, budget);
  if (!path.is_string()) throw TemplateError("expected the name of an attribute");
  std::string_view rest = path.string();
  while (true) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string part(rest.substr(0, dot));
    const bool number =
        !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == part.npos;
    value = number ? get_item(value, Value(std::int64_t{std::stoll(part)}), budget)
                   : get_item(value, Value(part), budget);
    if (dot == rest.size()) return value;
    rest.remove_prefix(dot + 1);
  }
}

Value attribute_or_self(const Value& value, const Value* path, Budget& budget) {
  return path && !path->is_none() ? attribute_path(value, *path, budget) : value;
}

/// What values are ordered and compared by: text without its case unless told otherwise.
Value sort_key(const Value& value, bool case_sensitive, Budget& budget) {
  if (case_sensitive || !value.is_string()) return value;
  return to_lower(value.string(), budget);
}

Value join(const Value& value, const Arguments& a, Budget& budget) {
  a.check("join", 0, 2, {"d", "attribute"});
  const std::string by = a.text("join", 0, "d", "");
  std::string out;
  bool first = true;
  for (const Value& item : iterate(value, budget)) {
    const std::string text =
        to_text(attribute_or_self(item, a.get(1, "attribute"), budget), budget);
    budget.make(by.size() + text.size());
    if (!first) out += by;
    out += text;
    first = false;
  }
  return out;
}

Value first_or_last(const Value& value, Budget& budget, bool first) {
  const std::vector<Value> items = iterate(value, budget);
  if (items.empty()) return Undefined{first ? "the first item" : "the last item"};
  return first ? items.front() : items.back();
}

Value to_list(const Value& value, const Arguments&, Budget& budget) {
  return Value::list(iterate(value, budget));
}

Value reverse(const Value& value, const Arguments&, Budget& budget) {
  std::vector<Value> items = iterate(value, budget);
  std::ranges::reverse(items);
  if (!value.is_string()) return Value::list(std::move(items));
  std::string out;
  for (const Value& item : items) out += item.string();
  return out;
}

using Keyed = std::vector<std::pair<Value, Value>>;  // key, value

Keyed keyed(const std::vector<Value>& items, const Value* path, bool case_sensitive,
            Budget& budget) {
  Keyed out;
  for (const Value& item : items) {
    out.emplace_back(sort_key(attribute_or_self(item, path, budget), case_sensitive, budget), item);
  }
  return out;
}

void sort_keyed(Keyed& items, bool descending, Budget& budget) {
  std::ranges::stable_sort(items, [&](const auto& x, const auto& y) {
    return descending ? less(y.first, x.first, budget) : less(x.first, y.first, budget);
  });
}

Value sort(const Value& value, const Arguments& a, Budget& budget) {
  a.check("sort", 0, 3, {"reverse", "case_sensitive", "attribute"});
  Keyed items = keyed(iterate(value, budget), a.get(2, "attribute"),
                      a.truth(1, "case_sensitive", false), budget);
  sort_keyed(items, a.truth(0, "reverse", false), budget);
  std::vector<Value> out;
  for (auto& [key, item] : items) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value dict_sort(const Value& value, const Arguments& a, Budget& budget) {
  a.check("dictsort", 0, 3, {"case_sensitive", "by", "reverse"});
  if (!value.is_dict()) throw TemplateError("dictsort: expected a dict");
  const bool by_value = a.text("dictsort", 1, "by", "key") == "value";
  Keyed items;
  for (const auto& [key, item] : value.dict().entries()) {
    budget.make(4 * sizeof(Value));
    items.emplace_back(sort_key(by_value ? item : key, a.truth(0, "case_sensitive", false), budget),
                       Value::list({key, item}, true));
  }
  sort_keyed(items, a.truth(2, "reverse", false), budget);
  std::vector<Value> out;
  for (auto& [key, item] : items) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value unique(const Value& value, const Arguments& a, Budget& budget) {
  a.check("unique", 0, 2, {"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> out;
  for (const auto& [key, item] : keyed(iterate(value, budget), a.get(1, "attribute"),
                                       a.truth(0, "case_sensitive", false), budget)) {
    if (seen.find(key)) continue;
    budget.make(4 * sizeof(Value));
    seen.set(key, Value(true));
    out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value extreme(const Value& value, const Arguments& a, Budget& budget, bool largest) {
  a.check(largest ? "max" : "min", 0, 2, {"case_sensitive", "attribute"});
  const Keyed items = keyed(iterate(value, budget), a.get(1, "attribute"),
                            a.truth(0, "case_sensitive", false), budget);
  if (items.empty()) return Undefined{"an item of an empty sequence"};
  std::size_t best = 0;
  for (std::size_t i = 1; i < items.size(); ++i) {
    const Value& x = items[largest ? best : i].first;
    const Value& y = items[largest ? i : best].first;
    if (less(x, y, budget)) best = i;
  }
  return items[best].second;
}

Value sum(const Value& value, const Arguments& a, Budget& budget) {
  a.check("sum", 0, 2, {"attribute", "start"});
  const Value* start = a.get(1, "start");
  Value total = start ? *start : Value(std::int64_t{0});
  for (const Value& item : iterate(value, budget)) {
    total = binary_operation("+", total, attribute_or_self(item, a.get(0, "attribute"), budget),
                             budget);
  }
  return total;
}

/// The arguments behind the first `count` ones.
Arguments tail(const Arguments& a, std::size_t count) {
  Arguments out;
  out.named = a.named;
  for (std::size_t i = count; i < a.positional.size(); ++i)
    out.positional.push_back(a.positional[i]);
  return out;
}

Value map(const Value& value, const Arguments& a, Budget& budget) {
  const bool by_attribute = a.positional.empty();
  const Value* attribute = by_attribute ? a.get(0, "attribute") : nullptr;
  if (by_attribute && !attribute) throw TemplateError("map: expected a filter or an attribute");
  const std::string filter = by_attribute ? "" : a.text("map", 0, "filter", "");
  const Arguments rest = tail(a, 1);
  std::vector<Value> out;
  for (const Value& item : iterate(value, budget)) {
    if (!by_attribute) {
      out.push_back(apply_filter(filter, item, rest, budget));
      continue;
    }
    Value found = attribute_path(item, *attribute, budget);
    const Value* otherwise = a.get(1, "default");
    out.push_back(found.is_undefined() && otherwise ? *otherwise : std::move(found));
  }
  return Value::list(std::move(out));
}

/// select, reject, selectattr, rejectattr.
template <bool kByAttribute, bool kKeep>
Value select(const Value& value, const Arguments& a, Budget& budget) {
  const std::size_t skip = kByAttribute ? 1 : 0;
  if (kByAttribute && a.positional.empty()) throw TemplateError("expected an attribute");
  const bool plain = a.positional.size() <= skip;
  const std::string test = plain ? "" : a.text("select", skip, "test", "");
  const Arguments rest = tail(a, skip + 1);
  std::vector<Value> out;
  for (const Value& item : iterate(value, budget)) {
    const Value subject = kByAttribute ? attribute_path(item, a.positional[0], budget) : item;
    const bool holds = plain ? subject.truthy() : apply_test(test, subject, rest, budget);
    if (holds == kKeep) out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value items(const Value& value, const Arguments& a, Budget& budget) {
  a.check("items", 0, 0);
  if (value.is_undefined()) return Value::list({});
  if (!value.is_dict()) throw TemplateError("items: expected a dict");
  return call_method(value, "items", {}, budget);
}

Value batch(const Value& value, const Arguments& a, Budget& budget) {
  a.check("batch", 1, 2, {"linecount", "fill_with"});
  const std::int64_t size = a.integer("batch", 0, "linecount", 1);
  if (size < 1) throw TemplateError("batch: expected a positive size");
  const Value* fill = a.get(1, "fill_with");
  std::vector<Value> out, line;
  const auto flush = [&] {
    budget.make((line.size() + 2) * sizeof(Value));
    out.push_back(Value::list(std::exchange(line, {})));
  };
  for (const Value& item : iterate(value, budget)) {
    line.push_back(item);
    if (static_cast<std::int64_t>(line.size()) == size) flush();
  }
  if (!line.empty()) {
    while (fill && static_cast<std::int64_t>(line.size()) < size) {
      budget.make(sizeof(Value));
      line.push_back(*fill);
    }
    flush();
  }
  return Value::list(std::move(out));
}

Value group_by(const Value& value, const Arguments& a, Budget& budget) {
  a.check("groupby", 1, 3, {"attribute", "default", "case_sensitive"});
  const Value* path = a.get(0, "attribute");
  Keyed all = keyed(iterate(value, budget), path, a.truth(2, "case_sensitive", false), budget);
  sort_keyed(all, false, budget);
  std::vector<Value> out;
  for (std::size_t i = 0; i < all.size();) {
    std::vector<Value> group;
    const std::size_t begin = i;
    for (; i < all.size() && equal(all[i].first, all[begin].first, budget); ++i) {
      group.push_back(all[i].second);
    }
    // NaN differs from itself, but forms a group all the same.
    if (i == begin) group.push_back(all[i++].second);
    budget.make((group.size() + 4) * sizeof(Value));
    Value name = attribute_or_self(group.front(), path, budget);
    out.push_back(Value::list({std::move(name), Value::list(std::move(group))}, true));
  }
  return Value::list(std::move(out));
}

Value count(const Value& value, const Arguments&, Budget& budget) { return length(value, budget); }

constexpr std::array kFilters{
    FilterRow{"join", join},
    FilterRow{"length", count},
    FilterRow{"count", count},
    FilterRow{"first", [](const Value& v, const Arguments&,
                          Budget& b) { return first_or_last(v, b, true); }},
    FilterRow{"last", [](const Value& v, const Arguments&,
                         Budget& b) { return first_or_last(v, b, false); }},
    FilterRow{"list", to_list},
    FilterRow{"reverse", reverse},
    FilterRow{"sort", sort},
    FilterRow{"dictsort", dict_sort},
    FilterRow{"unique", unique},
    FilterRow{"max",
              [](const Value& v, const Arguments& a, Budget& b) { return extreme(v, a, b, true); }},
    FilterRow{"min", [](const Value& v, const Arguments& a,
                        Budget& b) { return extreme(v, a, b, false); }},
    FilterRow{"sum", sum},
    FilterRow{"map", map},
    FilterRow{"select", select<false, true>},
    FilterRow{"reject", select<false, false>},
    FilterRow{"selectattr", select<true, true>},
    FilterRow{"rejectattr", select<true, false>},
    FilterRow{"items", items},
    FilterRow{"batch", batch},
    FilterRow{"groupby", group_by},
    FilterRow{"attr",
              [](const Value& v, const Arguments& a, Budget& b) {
                a.check("attr", 1, 1, {"name"});
                return get_attribute(v, a.text("attr", 0, "name", ""), b);
              }},
};

}  // namespace

std::span<const FilterRow> sequence_filters() { return kFilters; }

}  // namespace tandem::models::jinja
