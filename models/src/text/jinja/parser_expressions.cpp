// SPDX-License-Identifier: Apache-2.0
// Parsing of expressions (grammar of jinja2/parser.py).
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "nesting.hpp"

namespace tandem::models::jinja {

// Real templates stay far below; evaluation recurses as deep as an expression is high.
static constexpr std::uint32_t kMaxHeight = 250;

ExprPtr Parser::make(ExprKind kind, std::string text) const {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->line = current().line;
  out->text = std::move(text);
  return out;
}

/// Appends a child (or null).
ExprPtr Parser::add(ExprPtr parent, ExprPtr child) const {
  if (child) parent->height = std::max(parent->height, child->height + 1);
  if (parent->height > kMaxHeight) fail("an expression is too long or nested too deeply");
  parent->children.push_back(std::move(child));
  return parent;
}

/// Takes the keywords into account too.
ExprPtr Parser::finish(ExprPtr node) const {
  for (const auto& [name, value] : node->keywords) {
    node->height = std::max(node->height, value->height + 1);
  }
  if (node->height > kMaxHeight) fail("an expression is too long or nested too deeply");
  return node;
}

ExprPtr Parser::parse_expression() {
  const Nesting nesting(*this);
  ExprPtr value = parse_or();
  while (skip_name("if")) {
    ExprPtr node = add(make(ExprKind::kConditional), parse_or());
    node = add(std::move(node), std::move(value));
    value = add(std::move(node), skip_name("else") ? parse_expression() : nullptr);
  }
  return value;
}

/// An expression, or several with commas between as a tuple.
ExprPtr Parser::parse_list_or_expression(bool conditional) {
  const auto part = [&] { return conditional ? parse_expression() : parse_or(); };
  ExprPtr first = part();
  if (!is_operator(",")) return first;
  ExprPtr tuple = add(make(ExprKind::kTuple), std::move(first));
  while (skip_operator(",")) {
    if (current().kind == TokenKind::kBlockEnd || current().kind == TokenKind::kVariableEnd) break;
    tuple = add(std::move(tuple), part());
  }
  return tuple;
}

ExprPtr Parser::parse_or() {
  ExprPtr left = parse_and();
  while (skip_name("or")) {
    ExprPtr node = add(make(ExprKind::kOr), std::move(left));
    left = add(std::move(node), parse_and());
  }
  return left;
}

ExprPtr Parser::parse_and() {
  ExprPtr left = parse_not();
  while (skip_name("and")) {
    ExprPtr node = add(make(ExprKind::kAnd), std::move(left));
    left = add(std::move(node), parse_not());
  }
  return left;
}

ExprPtr Parser::parse_not() {
  if (!is_name("not")) return parse_compare();
  const Nesting nesting(*this);
  take();
  return add(make(ExprKind::kNot), parse_not());
}

ExprPtr Parser::parse_compare() {
  ExprPtr first = parse_sum();
  ExprPtr node;
  while (true) {
    std::string op;
    for (const char* known : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (is_operator(known)) op = known;
    }
    if (is_name("in")) op = "in";
    const bool negated =
        is_name("not") && next_token().kind == TokenKind::kName && next_token().text == "in";
    if (negated) {
      take();
      op = "not in";
    }
    if (op.empty()) break;
    take();
    if (!node) node = add(make(ExprKind::kCompare), std::move(first));
    node->operators.push_back(op);
    node = add(std::move(node), parse_sum());
  }
  return node ? std::move(node) : std::move(first);
}

ExprPtr Parser::parse_sum() {
  ExprPtr left = parse_concat();
  while (is_operator("+") || is_operator("-")) {
    ExprPtr node = add(make(ExprKind::kBinary, current().text), std::move(left));
    take();
    left = add(std::move(node), parse_concat());
  }
  return left;
}

ExprPtr Parser::parse_concat() {
  ExprPtr first = parse_product();
  if (!is_operator("~")) return first;
  ExprPtr node = add(make(ExprKind::kConcat), std::move(first));
  while (skip_operator("~")) node = add(std::move(node), parse_product());
  return node;
}

ExprPtr Parser::parse_product() {
  ExprPtr left = parse_power();
  while (is_operator("*") || is_operator("/") || is_operator("//") || is_operator("%")) {
    ExprPtr node = add(make(ExprKind::kBinary, current().text), std::move(left));
    take();
    left = add(std::move(node), parse_power());
  }
  return left;
}

ExprPtr Parser::parse_power() {
  ExprPtr left = parse_unary(true);
  while (is_operator("**")) {
    ExprPtr node = add(make(ExprKind::kBinary, "**"), std::move(left));
    take();
    left = add(std::move(node), parse_unary(true));
  }
  return left;
}

ExprPtr Parser::parse_unary(bool with_filters) {
  ExprPtr node;
  if (is_operator("-") || is_operator("+")) {
    const Nesting nesting(*this);
    node = make(take().text == "-" ? ExprKind::kNegate : ExprKind::kPlus);
    node = add(std::move(node), parse_unary(false));
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filters ? parse_filters(std::move(node)) : std::move(node);
}

ExprPtr Parser::parse_number() {
  ExprPtr node = make(ExprKind::kConstant);
  const Token token = take();
  errno = 0;
  if (token.kind == TokenKind::kFloat) {
    node->constant = Value(std::strtod(token.text.c_str(), nullptr));
  } else {
    const long long value = std::strtoll(token.text.c_str(), nullptr, 10);
    if (errno == ERANGE) fail(fmt::format("the number {} is too large", token.text));
    node->constant = Value(std::int64_t{value});
  }
  return node;
}

ExprPtr Parser::parse_primary() {
  const Token& token = current();
  if (token.kind == TokenKind::kInteger || token.kind == TokenKind::kFloat) return parse_number();
  if (token.kind == TokenKind::kString) {
    ExprPtr node = make(ExprKind::kConstant);
    std::string text;
    while (current().kind == TokenKind::kString) text += take().text;
    node->constant = Value(std::move(text));
    return node;
  }
  if (token.kind == TokenKind::kName) {
    ExprPtr node = make(ExprKind::kConstant);
    const std::string name = take().text;
    if (name == "true" || name == "True") {
      node->constant = Value(true);
    } else if (name == "false" || name == "False") {
      node->constant = Value(false);
    } else if (name == "none" || name == "None") {
      node->constant = Value(None{});
    } else {
      node->kind = ExprKind::kName;
      node->text = name;
    }
    return node;
  }
  if (is_operator("(")) return parse_parenthesis();
  if (is_operator("{")) return parse_dict();
  if (is_operator("[")) {
    const Nesting nesting(*this);
    ExprPtr node = make(ExprKind::kList);
    take();
    while (!is_operator("]")) {
      if (!node->children.empty()) {
        expect_operator(",");
        if (is_operator("]")) break;
      }
      node = add(std::move(node), parse_expression());
    }
    take();
    return node;
  }
  fail(fmt::format("expected an expression, found {}", describe_current()));
}

ExprPtr Parser::parse_parenthesis() {
  const Nesting nesting(*this);
  ExprPtr tuple = make(ExprKind::kTuple);
  take();
  bool commas = false;
  while (!is_operator(")")) {
    tuple = add(std::move(tuple), parse_expression());
    if (!skip_operator(",")) break;
    commas = true;
  }
  expect_operator(")");
  if (tuple->children.size() == 1 && !commas) return std::move(tuple->children[0]);
  return tuple;
}

ExprPtr Parser::parse_dict() {
  const Nesting nesting(*this);
  ExprPtr node = make(ExprKind::kDict);
  take();
  while (!is_operator("}")) {
    if (!node->children.empty()) {
      expect_operator(",");
      if (is_operator("}")) break;
    }
    node = add(std::move(node), parse_expression());
    expect_operator(":");
    node = add(std::move(node), parse_expression());
  }
  take();
  return node;
}

ExprPtr Parser::parse_postfix(ExprPtr node) {
  while (true) {
    if (is_operator(".") || is_operator("[")) {
      node = parse_subscript(std::move(node));
    } else if (is_operator("(")) {
      ExprPtr call = add(make(ExprKind::kCall), std::move(node));
      parse_arguments(*call);
      node = finish(std::move(call));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::parse_subscript(ExprPtr object) {
  if (skip_operator(".")) {
    if (current().kind == TokenKind::kInteger) {
      ExprPtr node = add(make(ExprKind::kItem), std::move(object));
      return add(std::move(node), parse_number());
    }
    ExprPtr node = make(ExprKind::kAttribute);
    node->text = expect_name();
    return add(std::move(node), std::move(object));
  }
  const Nesting nesting(*this);
  take();  // [
  ExprPtr parts[3];
  int colons = 0;
  while (!is_operator("]")) {
    if (is_operator(":")) {
      take();
      if (++colons > 2) fail("a slice has at most three parts");
    } else if (!parts[colons]) {
      parts[colons] = parse_expression();
    } else {
      fail(fmt::format("expected ']', found {}", describe_current()));
    }
  }
  take();
  ExprPtr node = add(make(colons ? ExprKind::kSlice : ExprKind::kItem), std::move(object));
  if (colons == 0) {
    if (!parts[0]) fail("expected an index between the brackets");
    return add(std::move(node), std::move(parts[0]));
  }
  for (ExprPtr& part : parts) node = add(std::move(node), std::move(part));
  return node;
}

ExprPtr Parser::parse_filters(ExprPtr node) {
  while (true) {
    if (skip_operator("|")) {
      node = parse_filter(std::move(node));
    } else if (node && is_name("is")) {
      take();
      node = parse_test(std::move(node));
    } else if (node && is_operator("(")) {
      ExprPtr call = add(make(ExprKind::kCall), std::move(node));
      parse_arguments(*call);
      node = finish(std::move(call));
    } else {
      return node;
    }
  }
}

/// A filter's name and arguments, applied to `node`.
ExprPtr Parser::parse_filter(ExprPtr node) {
  ExprPtr filter = make(ExprKind::kFilter);
  filter->text = expect_name();
  filter = add(std::move(filter), std::move(node));
  if (is_operator("(")) parse_arguments(*filter);
  return finish(std::move(filter));
}

ExprPtr Parser::parse_test(ExprPtr node) {
  const bool negated = skip_name("not");
  ExprPtr test = make(ExprKind::kTest);
  test->text = expect_name();
  test = add(std::move(test), std::move(node));
  const TokenKind kind = current().kind;
  const bool operand =
      kind == TokenKind::kString || kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
      is_operator("[") || is_operator("{") ||
      (kind == TokenKind::kName && !is_name("else") && !is_name("or") && !is_name("and") &&
       !is_name("if") && !is_name("is") && !is_name("not") && !is_name("in"));
  if (is_operator("(")) {
    parse_arguments(*test);
  } else if (operand) {
    const Nesting nesting(*this);
    test = add(std::move(test), parse_postfix(parse_primary()));
  }
  test = finish(std::move(test));
  return negated ? add(make(ExprKind::kNot), std::move(test)) : std::move(test);
}

void Parser::parse_arguments(Expr& node) {
  const Nesting nesting(*this);
  expect_operator("(");
  bool first = true;
  while (!is_operator(")")) {
    if (!first) {
      expect_operator(",");
      if (is_operator(")")) break;
    }
    first = false;
    if (is_operator("*") || is_operator("**")) {
      throw UnsupportedSyntax{{current().line, "argument unpacking is not supported"}};
    }
    if (current().kind == TokenKind::kName && next_token().kind == TokenKind::kOperator &&
        next_token().text == "=") {
      std::string name = take().text;
      take();
      node.keywords.emplace_back(std::move(name), parse_expression());
    } else {
      if (!node.keywords.empty()) fail("an argument by position behind one by name");
      ExprPtr argument = parse_expression();
      node.height = std::max(node.height, argument->height + 1);
      node.children.push_back(std::move(argument));
    }
  }
  expect_operator(")");
}

}  // namespace tandem::models::jinja
