// SPDX-License-Identifier: Apache-2.0
// Execution of template statements.
#include "interpreter.hpp"

#include <fmt/format.h>

#include <utility>

#include "levels.hpp"

namespace tandem::models::jinja {

Interpreter::Interpreter(const TemplateLimits& limits)
    : budget_(limits.max_steps, limits.max_bytes), max_macro_depth_(limits.max_depth) {}

Interpreter::~Interpreter() {
  for (const auto& names : namespaces_) names->values.clear();
}

std::string Interpreter::run(const Body& body, std::unordered_map<std::string, Value> variables) {
  scope_ = std::make_shared<Scope>();
  scope_->variables = std::move(variables);
  std::string out;
  execute(body, out);
  return out;
}

void Interpreter::write(std::string_view text, std::string& out) {
  budget_.make(text.size());
  out += text;
}

std::string Interpreter::capture(const Body& body) {
  const NewScope scope(*this);
  std::string out;
  execute(body, out);
  return out;
}

Interpreter::Flow Interpreter::execute(const Body& body, std::string& out) {
  for (const auto& statement : body) {
    const Flow flow = execute(*statement, out);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, std::string& out) {
  const Level level(*this, statement.line);
  switch (statement.kind) {
    case StatementKind::kText:
      write(statement.text, out);
      break;
    case StatementKind::kPrint:
      write(to_text(evaluate(*statement.value), budget_), out);
      break;
    case StatementKind::kIf:
      return execute_if(statement, out);
    case StatementKind::kFor:
      return execute_for(statement, out);
    case StatementKind::kSet:
      assign(statement.target, evaluate(*statement.value));
      break;
    case StatementKind::kMacro: {
      Callable macro;
      macro.macro = &statement.macro;
      macro.scope = scope_;
      macro.name = statement.macro.name;
      scope_->variables[statement.macro.name] =
          Value(std::make_shared<const Callable>(std::move(macro)));
      break;
    }
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
    default:
      execute_scoped(statement, out);
  }
  return Flow::kNormal;
}

void Interpreter::execute_scoped(const Statement& statement, std::string& out) {
  switch (statement.kind) {
    case StatementKind::kSetBlock: {
      std::string text = capture(statement.body);
      if (statement.value) text = filtered(*statement.value, std::move(text));
      assign(statement.target, Value(std::move(text)));
      break;
    }
    case StatementKind::kFilter:
      write(filtered(*statement.value, capture(statement.body)), out);
      break;
    case StatementKind::kCallBlock: {
      Callable caller;
      caller.macro = &statement.macro;
      caller.scope = scope_;
      caller.name = "caller";
      const Value caller_value(std::make_shared<const Callable>(std::move(caller)));
      const Value callee = evaluate(*statement.value->children[0]);
      const Arguments arguments = evaluate_arguments(*statement.value);
      write(to_text(call(callee, arguments, &caller_value), budget_), out);
      break;
    }
    case StatementKind::kWith: {
      std::vector<Value> values;
      for (const auto& [target, value] : statement.assignments) values.push_back(evaluate(*value));
      const NewScope scope(*this);
      for (std::size_t i = 0; i < values.size(); ++i) {
        unpack(statement.assignments[i].first, values[i]);
      }
      execute(statement.body, out);
      break;
    }
    default: {
      const NewScope scope(*this);
      execute(statement.body, out);
    }
  }
}

Interpreter::Flow Interpreter::execute_if(const Statement& statement, std::string& out) {
  for (const auto& [condition, body] : statement.branches) {
    if (evaluate(*condition).truthy()) return execute(body, out);
  }
  return execute(statement.otherwise, out);
}

bool Interpreter::passes(const Statement& loop, const Value& item) {
  const NewScope scope(*this);
  unpack(loop.target, item);
  return evaluate(*loop.condition).truthy();
}

Interpreter::Flow Interpreter::execute_for(const Statement& statement, std::string& out) {
  const Value iterable = evaluate(*statement.value);
  auto loop = std::make_shared<LoopState>();
  for (Value& item : iterate(iterable, budget_)) {
    if (statement.condition && !passes(statement, item)) continue;
    loop->items.push_back(std::move(item));
  }
  if (loop->items.empty()) {
    const NewScope scope(*this);
    return execute(statement.otherwise, out);
  }
  const Value loop_value(loop);
  for (; loop->index < loop->items.size(); ++loop->index) {
    budget_.step();
    const NewScope scope(*this);
    scope_->variables.emplace("loop", loop_value);
    unpack(statement.target, loop->items[loop->index]);
    if (execute(statement.body, out) == Flow::kBreak) break;
  }
  return Flow::kNormal;
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (target.attribute.empty()) return unpack(target, value);
  const Value object = evaluate_name(target.names[0]);
  const auto names = object.name_space();
  if (!names) {
    throw TemplateError(fmt::format("cannot set attribute '{}' of {}, only of a namespace",
                                    target.attribute, object.phrase()));
  }
  budget_.make(target.attribute.size() + sizeof(Value));
  names->values.set(Value(target.attribute), value);
}

void Interpreter::unpack(const Target& target, const Value& value) {
  if (!target.tuple) {
    scope_->variables[target.names[0]] = value;
    return;
  }
  const std::vector<Value> items = iterate(value, budget_);
  if (items.size() != target.names.size()) {
    throw TemplateError(
        fmt::format("expected {} values to unpack, found {}", target.names.size(), items.size()));
  }
  for (std::size_t i = 0; i < items.size(); ++i) scope_->variables[target.names[i]] = items[i];
}

/// A chain of filters applied to a text; the innermost has no operand of its own.
std::string Interpreter::filtered(const Expr& filter, std::string text) {
  std::vector<const Expr*> chain;
  for (const Expr* at = &filter; at; at = at->children[0].get()) {
    if (at->kind != ExprKind::kFilter) throw TemplateError("only filters may follow here");
    chain.push_back(at);
  }
  Value value(std::move(text));
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) value = evaluate_filter(**it, value);
  return to_text(value, budget_);
}

}  // namespace tandem::models::jinja
