// SPDX-License-Identifier: Apache-2.0
// Runs a parsed template.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ast.hpp"
#include "tandem/models/text/chat_template.hpp"
#include "value.hpp"

namespace tandem::models::jinja {

/// Variables of a block; the names that it lacks are looked for in its parent.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::unordered_map<std::string, Value> variables;
};

class Interpreter {
 public:
  explicit Interpreter(const TemplateLimits& limits);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// Renders the template. Throws TemplateError; line() then tells where.
  std::string run(const Body& body, std::unordered_map<std::string, Value> variables);
  std::uint32_t line() const { return line_; }

 private:
  enum class Flow { kNormal, kBreak, kContinue };
  class Level;
  class NewScope;

  // Statements (interpreter.cpp).
  Flow execute(const Body& body, std::string& out);
  Flow execute(const Statement& statement, std::string& out);
  Flow execute_if(const Statement& statement, std::string& out);
  Flow execute_for(const Statement& statement, std::string& out);
  void execute_scoped(const Statement& statement, std::string& out);
  void write(std::string_view text, std::string& out);
  void assign(const Target& target, const Value& value);
  void unpack(const Target& target, const Value& value);
  bool passes(const Statement& loop, const Value& item);
  std::string filtered(const Expr& filter, std::string text);
  std::string capture(const Body& body);

  // Expressions (evaluate.cpp).
  Value evaluate(const Expr& expr);
  Value evaluate_or_missing(const ExprPtr& expr);
  Value evaluate_name(const std::string& name);
  Value evaluate_compare(const Expr& expr);
  Value evaluate_concat(const Expr& expr);
  Value evaluate_dict(const Expr& expr);
  Value evaluate_sign(const Expr& expr);
  Value evaluate_filter(const Expr& expr, const Value& value);
  Arguments evaluate_arguments(const Expr& expr);
  Value call(const Value& callee, const Arguments& arguments, const Value* caller = nullptr);
  Value call_macro(const Callable& callable, const Arguments& arguments, const Value* caller);
  Value call_global(const std::string& name, const Arguments& arguments);
  Dict dict_of(const std::string& function, const Arguments& arguments);
  Value make_namespace(const Arguments& arguments);

  Budget budget_;
  std::uint32_t max_macro_depth_;
  std::uint32_t macro_depth_ = 0;
  std::uint32_t depth_ = 0;  // of execute and evaluate together
  std::uint32_t line_ = 1;
  std::shared_ptr<Scope> scope_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;  // cleared at the end: they may form cycles
};

}  // namespace tandem::models::jinja
