// SPDX-License-Identifier: Apache-2.0
// Parsing of text and block tags (grammar of jinja2/parser.py).
#include <fmt/format.h>

#include <algorithm>

#include "../../files/printable.hpp"
#include "nesting.hpp"

namespace tandem::models::jinja {

const Token& Parser::next_token() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }

Token Parser::take() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::is_operator(std::string_view op) const {
  return current().kind == TokenKind::kOperator && current().text == op;
}

bool Parser::is_name(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}

bool Parser::skip_operator(std::string_view op) {
  const bool found = is_operator(op);
  if (found) take();
  return found;
}

bool Parser::skip_name(std::string_view name) {
  const bool found = is_name(name);
  if (found) take();
  return found;
}

std::string Parser::describe_current() const {
  switch (current().kind) {
    case TokenKind::kEnd:
      return "the end of the template";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kVariableEnd:
      return "'}}'";
    case TokenKind::kText:
      return "text";
    case TokenKind::kString:
      return "the string " + printable(current().text);
    default:
      return printable(current().text);
  }
}

void Parser::fail(const std::string& what) const { throw SyntaxError{current().line, what}; }

void Parser::expect_operator(std::string_view op) {
  if (!skip_operator(op)) fail(fmt::format("expected '{}', found {}", op, describe_current()));
}

std::string Parser::expect_name() {
  if (current().kind != TokenKind::kName) {
    fail(fmt::format("expected a name, found {}", describe_current()));
  }
  return take().text;
}

void Parser::expect_block_end() {
  if (current().kind != TokenKind::kBlockEnd) {
    fail(fmt::format("expected '%}}', found {}", describe_current()));
  }
  take();
}

Body Parser::parse_template() {
  Body body = parse_body({});
  if (current().kind != TokenKind::kEnd) {
    fail(fmt::format("unexpected tag {}", printable(next_token().text)));
  }
  return body;
}

std::unique_ptr<Statement> Parser::make_statement(StatementKind kind) const {
  auto out = std::make_unique<Statement>();
  out->kind = kind;
  out->line = current().line;
  return out;
}

/// Statements up to one of the tags, which is left standing at its '{%'.
Body Parser::parse_body(std::initializer_list<std::string_view> end_tags) {
  const Nesting nesting(*this);
  Body body;
  while (current().kind != TokenKind::kEnd) {
    if (current().kind == TokenKind::kText) {
      auto text = make_statement(StatementKind::kText);
      text->text = take().text;
      body.push_back(std::move(text));
    } else if (current().kind == TokenKind::kVariableBegin) {
      take();
      auto print = make_statement(StatementKind::kPrint);
      print->value = parse_list_or_expression(true);
      if (current().kind != TokenKind::kVariableEnd) {
        fail(fmt::format("expected '}}}}', found {}", describe_current()));
      }
      take();
      body.push_back(std::move(print));
    } else {
      const bool ends = std::ranges::any_of(end_tags, [&](std::string_view tag) {
        return next_token().kind == TokenKind::kName && next_token().text == tag;
      });
      if (ends) return body;
      take();
      body.push_back(parse_statement());
    }
  }
  if (end_tags.size() > 0) {
    fail(fmt::format("the template ends before '{{% {} %}}'", *(end_tags.end() - 1)));
  }
  return body;
}

/// The tag that ends a block.
void Parser::close_block(std::string_view tag) {
  take();  // {%
  if (!skip_name(tag)) fail(fmt::format("expected '{}', found {}", tag, describe_current()));
  expect_block_end();
}

std::unique_ptr<Statement> Parser::parse_statement() {
  if (current().kind != TokenKind::kName) {
    fail(fmt::format("expected the name of a tag, found {}", describe_current()));
  }
  const std::string tag = current().text;
  if (tag == "if") return parse_if();
  if (tag == "for") return parse_for();
  if (tag == "set") return parse_set();
  if (tag == "macro") return parse_macro();
  if (tag == "call") return parse_call_block();
  if (tag == "filter") return parse_filter_block();
  if (tag == "with") return parse_with();
  if (tag == "generation") return parse_generation();
  if (tag == "break" || tag == "continue") {
    if (loops_ == 0) fail(fmt::format("'{}' outside a loop", tag));
    auto out = make_statement(tag == "break" ? StatementKind::kBreak : StatementKind::kContinue);
    take();
    expect_block_end();
    return out;
  }
  for (const char* known : {"block", "extends", "include", "import", "from", "autoescape", "do"}) {
    if (tag == known) {
      throw UnsupportedSyntax{{current().line, fmt::format("the tag '{}' is not supported", tag)}};
    }
  }
  fail(fmt::format("unknown tag {}", printable(tag)));
}

std::unique_ptr<Statement> Parser::parse_if() {
  auto out = make_statement(StatementKind::kIf);
  take();
  ExprPtr condition = parse_list_or_expression(false);
  while (true) {
    expect_block_end();
    Body body = parse_body({"elif", "else", "endif"});
    out->branches.emplace_back(std::move(condition), std::move(body));
    take();  // {%
    if (skip_name("elif")) {
      condition = parse_list_or_expression(false);
      continue;
    }
    if (skip_name("else")) {
      expect_block_end();
      out->otherwise = parse_body({"endif"});
      take();
    }
    take();  // endif
    expect_block_end();
    return out;
  }
}

Target Parser::parse_target(bool attributes) {
  Target target;
  const bool parenthesis = skip_operator("(");
  target.names.push_back(expect_name());
  if (attributes && skip_operator(".")) {
    target.attribute = expect_name();
    return target;
  }
  while (skip_operator(",")) {
    target.tuple = true;
    if (current().kind != TokenKind::kName || is_name("in")) break;
    target.names.push_back(expect_name());
  }
  if (parenthesis) expect_operator(")");
  for (const std::string& name : target.names) {
    for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
      if (name == constant) fail(fmt::format("cannot assign to '{}'", name));
    }
  }
  return target;
}

std::unique_ptr<Statement> Parser::parse_for() {
  auto out = make_statement(StatementKind::kFor);
  take();
  out->target = parse_target(false);
  if (!skip_name("in")) fail(fmt::format("expected 'in', found {}", describe_current()));
  out->value = parse_list_or_expression(false);
  if (skip_name("if")) out->condition = parse_expression();
  if (is_name("recursive")) {
    throw UnsupportedSyntax{{current().line, "recursive loops are not supported"}};
  }
  expect_block_end();
  ++loops_;
  out->body = parse_body({"else", "endfor"});
  --loops_;
  take();  // {%
  if (skip_name("else")) {
    expect_block_end();
    out->otherwise = parse_body({"endfor"});
    take();
  }
  take();  // endfor
  expect_block_end();
  return out;
}

std::unique_ptr<Statement> Parser::parse_set() {
  auto out = make_statement(StatementKind::kSet);
  take();
  out->target = parse_target(true);
  if (skip_operator("=")) {
    out->value = parse_list_or_expression(true);
    expect_block_end();
    return out;
  }
  out->kind = StatementKind::kSetBlock;
  if (out->target.tuple) fail("a set block assigns to one name");
  if (is_operator("|")) out->value = parse_filters(nullptr);
  expect_block_end();
  out->body = parse_body({"endset"});
  close_block("endset");
  return out;
}

void Parser::parse_parameters(Macro& macro) {
  expect_operator("(");
  while (!is_operator(")")) {
    if (!macro.parameters.empty()) {
      expect_operator(",");
      if (is_operator(")")) break;
    }
    std::string name = expect_name();
    ExprPtr otherwise = skip_operator("=") ? parse_expression() : nullptr;
    if (!otherwise && !macro.parameters.empty() && macro.parameters.back().second) {
      fail(fmt::format("parameter '{}' without default behind one with", name));
    }
    macro.parameters.emplace_back(std::move(name), std::move(otherwise));
  }
  expect_operator(")");
}

std::unique_ptr<Statement> Parser::parse_macro() {
  auto out = make_statement(StatementKind::kMacro);
  take();
  out->macro.name = expect_name();
  parse_parameters(out->macro);
  expect_block_end();
  const std::uint32_t loops = std::exchange(loops_, 0);
  out->macro.body = parse_body({"endmacro"});
  loops_ = loops;
  close_block("endmacro");
  return out;
}

std::unique_ptr<Statement> Parser::parse_call_block() {
  auto out = make_statement(StatementKind::kCallBlock);
  take();
  out->macro.name = "caller";
  if (is_operator("(")) parse_parameters(out->macro);
  out->value = parse_expression();
  if (out->value->kind != ExprKind::kCall) fail("expected a call");
  expect_block_end();
  const std::uint32_t loops = std::exchange(loops_, 0);
  out->macro.body = parse_body({"endcall"});
  loops_ = loops;
  close_block("endcall");
  return out;
}

std::unique_ptr<Statement> Parser::parse_filter_block() {
  auto out = make_statement(StatementKind::kFilter);
  take();
  out->value = parse_filters(parse_filter(nullptr));
  expect_block_end();
  out->body = parse_body({"endfilter"});
  close_block("endfilter");
  return out;
}

std::unique_ptr<Statement> Parser::parse_with() {
  auto out = make_statement(StatementKind::kWith);
  take();
  while (current().kind != TokenKind::kBlockEnd) {
    if (!out->assignments.empty()) expect_operator(",");
    Target target = parse_target(false);
    expect_operator("=");
    out->assignments.emplace_back(std::move(target), parse_expression());
  }
  expect_block_end();
  out->body = parse_body({"endwith"});
  close_block("endwith");
  return out;
}

/// Hugging Face's mark of the assistant's own words; it prints what it encloses.
std::unique_ptr<Statement> Parser::parse_generation() {
  auto out = make_statement(StatementKind::kScope);
  take();
  expect_block_end();
  out->body = parse_body({"endgeneration"});
  close_block("endgeneration");
  return out;
}

}  // namespace tandem::models::jinja
