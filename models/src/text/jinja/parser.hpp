// SPDX-License-Identifier: Apache-2.0
// Builds syntax trees from tokens.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "ast.hpp"
#include "lexer.hpp"

namespace tandem::models::jinja {

/// A construct of Jinja that templates of models do not use; its text names it.
struct UnsupportedSyntax : SyntaxError {};

/// Recursive descent over the tokens of one template. Nesting and the height of expressions are
/// bounded, so that neither parsing nor evaluation can exhaust the stack.
/// Throws SyntaxError and UnsupportedSyntax.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Body parse_template();

 private:
  class Nesting;

  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& next_token() const;
  Token take();
  bool is_operator(std::string_view op) const;
  bool is_name(std::string_view name) const;
  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_operator(std::string_view op);
  std::string expect_name();
  void expect_block_end();
  [[noreturn]] void fail(const std::string& what) const;
  std::string describe_current() const;

  // Statements (parser_statements.cpp).
  Body parse_body(std::initializer_list<std::string_view> end_tags);
  std::unique_ptr<Statement> parse_statement();
  std::unique_ptr<Statement> make_statement(StatementKind kind) const;
  std::unique_ptr<Statement> parse_if();
  std::unique_ptr<Statement> parse_for();
  std::unique_ptr<Statement> parse_set();
  std::unique_ptr<Statement> parse_macro();
  std::unique_ptr<Statement> parse_call_block();
  std::unique_ptr<Statement> parse_filter_block();
  std::unique_ptr<Statement> parse_with();
  std::unique_ptr<Statement> parse_generation();
  void parse_parameters(Macro& macro);
  Target parse_target(bool attributes);
  void close_block(std::string_view tag);

  // Expressions (parser_expressions.cpp).
  ExprPtr make(ExprKind kind, std::string text = "") const;
  ExprPtr add(ExprPtr parent, ExprPtr child) const;
  ExprPtr finish(ExprPtr node) const;
  ExprPtr parse_expression();
  ExprPtr parse_list_or_expression(bool conditional);
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_compare();
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_power();
  ExprPtr parse_unary(bool with_filters);
  ExprPtr parse_primary();
  ExprPtr parse_parenthesis();
  ExprPtr parse_dict();
  ExprPtr parse_postfix(ExprPtr node);
  ExprPtr parse_subscript(ExprPtr object);
  ExprPtr parse_filters(ExprPtr node);
  ExprPtr parse_filter(ExprPtr node);
  ExprPtr parse_test(ExprPtr node);
  void parse_arguments(Expr& node);
  ExprPtr parse_number();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::uint32_t nesting_ = 0;
  std::uint32_t loops_ = 0;  // for statements round the current one
};

}  // namespace tandem::models::jinja
