// SPDX-License-Identifier: Apache-2.0
// The tests behind `is`.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "../../files/printable.hpp"
#include "case.hpp"
#include "value.hpp"

namespace tandem::models::jinja {
namespace {

using Test = bool (*)(const Value&, const Value&, Budget&);

struct TestRow {
  std::string_view name;
  bool needs_operand;
  Test function;
};

std::int64_t whole(const Value& value, const char* test) {
  if (value.is_int() || value.is_bool()) return value.integer();
  throw TemplateError(fmt::format("{}: expected an int, found {}", test, value.phrase()));
}

bool divisible(const Value& v, const Value& o, Budget&) {
  const std::int64_t by = whole(o, "divisibleby");
  if (by == 0) throw TemplateError("divisibleby: division by zero");
  return by == -1 || whole(v, "divisibleby") % by == 0;
}

bool sequence(const Value& v, const Value&, Budget&) {
  return v.is_list() || v.is_string() || v.is_dict();
}

bool iterable(const Value& v, const Value& o, Budget& b) {
  return sequence(v, o, b) || v.is_undefined() || v.loop() != nullptr;
}

bool same(const Value& v, const Value& o, Budget& b) {
  if (v.identity() || o.identity()) return v.identity() == o.identity();
  return v.type_name() == o.type_name() && equal(v, o, b);
}

bool eq(const Value& v, const Value& o, Budget& b) { return equal(v, o, b); }
bool ne(const Value& v, const Value& o, Budget& b) { return !equal(v, o, b); }
bool lt(const Value& v, const Value& o, Budget& b) { return less(v, o, b); }
bool gt(const Value& v, const Value& o, Budget& b) { return less(o, v, b); }
bool le(const Value& v, const Value& o, Budget& b) { return less(v, o, b) || equal(v, o, b); }
bool ge(const Value& v, const Value& o, Budget& b) { return less(o, v, b) || equal(v, o, b); }

constexpr std::array kTests{
    TestRow{"defined", false,
            [](const Value& v, const Value&, Budget&) { return !v.is_undefined(); }},
    TestRow{"undefined", false,
            [](const Value& v, const Value&, Budget&) { return v.is_undefined(); }},
    TestRow{"none", false, [](const Value& v, const Value&, Budget&) { return v.is_none(); }},
    TestRow{"boolean", false, [](const Value& v, const Value&, Budget&) { return v.is_bool(); }},
    TestRow{"true", false,
            [](const Value& v, const Value&, Budget&) { return v.is_bool() && v.boolean(); }},
    TestRow{"false", false,
            [](const Value& v, const Value&, Budget&) { return v.is_bool() && !v.boolean(); }},
    TestRow{"integer", false, [](const Value& v, const Value&, Budget&) { return v.is_int(); }},
    TestRow{"float", false, [](const Value& v, const Value&, Budget&) { return v.is_float(); }},
    TestRow{"number", false, [](const Value& v, const Value&, Budget&) { return v.is_number(); }},
    TestRow{"string", false, [](const Value& v, const Value&, Budget&) { return v.is_string(); }},
    TestRow{"mapping", false, [](const Value& v, const Value&, Budget&) { return v.is_dict(); }},
    TestRow{"sequence", false, sequence},
    TestRow{"iterable", false, iterable},
    TestRow{"callable", false,
            [](const Value& v, const Value&, Budget&) { return v.callable() != nullptr; }},
    TestRow{"odd", false,
            [](const Value& v, const Value&, Budget&) { return whole(v, "odd") % 2 != 0; }},
    TestRow{"even", false,
            [](const Value& v, const Value&, Budget&) { return whole(v, "even") % 2 == 0; }},
    TestRow{"upper", false,
            [](const Value& v, const Value&, Budget& b) { return is_upper(to_text(v, b), b); }},
    TestRow{"lower", false,
            [](const Value& v, const Value&, Budget& b) { return is_lower(to_text(v, b), b); }},
    TestRow{"divisibleby", true, divisible},
    TestRow{"in", true,
            [](const Value& v, const Value& o, Budget& b) { return contains(o, v, b); }},
    TestRow{"sameas", true, same},
    TestRow{"eq", true, eq},
    TestRow{"equalto", true, eq},
    TestRow{"==", true, eq},
    TestRow{"ne", true, ne},
    TestRow{"!=", true, ne},
    TestRow{"lt", true, lt},
    TestRow{"lessthan", true, lt},
    TestRow{"<", true, lt},
    TestRow{"gt", true, gt},
    TestRow{"greaterthan", true, gt},
    TestRow{">", true, gt},
    TestRow{"le", true, le},
    TestRow{"<=", true, le},
    TestRow{"ge", true, ge},
    TestRow{">=", true, ge},
};

}  // namespace

bool apply_test(const std::string& name, const Value& value, const Arguments& arguments,
                Budget& budget) {
  budget.step();
  const auto row = std::ranges::find(kTests, name, &TestRow::name);
  if (row == kTests.end()) throw TemplateError(fmt::format("unknown test {}", printable(name)));
  const std::size_t count = row->needs_operand ? 1 : 0;
  arguments.check(name, count, count);
  static const Value kNothing;
  return row->function(value, count ? arguments.positional.at(0) : kNothing, budget);
}

}  // namespace tandem::models::jinja
