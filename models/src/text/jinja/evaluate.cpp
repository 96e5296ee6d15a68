// SPDX-License-Identifier: Apache-2.0
// Evaluation of template expressions.
#include <fmt/format.h>

#include <algorithm>

#include "../../files/printable.hpp"
#include "interpreter.hpp"
#include "levels.hpp"

namespace tandem::models::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // the limit of Jinja's sandbox
constexpr const char* kGlobals[] = {"range", "dict", "namespace", "raise_exception"};

}  // namespace

Value Interpreter::evaluate_or_missing(const ExprPtr& expr) {
  return expr ? evaluate(*expr) : Value();
}

Value Interpreter::evaluate(const Expr& expr) {
  const Level level(*this, expr.line);
  const auto child = [&](std::size_t i) { return evaluate(*expr.children[i]); };
  switch (expr.kind) {
    case ExprKind::kConstant:
      return expr.constant;
    case ExprKind::kName:
      return evaluate_name(expr.text);
    case ExprKind::kList:
    case ExprKind::kTuple: {
      std::vector<Value> items;
      budget_.make(expr.children.size() * sizeof(Value));
      for (const ExprPtr& item : expr.children) items.push_back(evaluate(*item));
      return Value::list(std::move(items), expr.kind == ExprKind::kTuple);
    }
    case ExprKind::kDict:
      return evaluate_dict(expr);
    case ExprKind::kConditional:
      return child(0).truthy() ? child(1) : evaluate_or_missing(expr.children[2]);
    case ExprKind::kOr: {
      Value left = child(0);
      return left.truthy() ? left : child(1);
    }
    case ExprKind::kAnd: {
      Value left = child(0);
      return left.truthy() ? child(1) : left;
    }
    case ExprKind::kNot:
      return !child(0).truthy();
    case ExprKind::kCompare:
      return evaluate_compare(expr);
    case ExprKind::kBinary: {
      const Value left = child(0);
      return binary_operation(expr.text, left, child(1), budget_);
    }
    case ExprKind::kConcat:
      return evaluate_concat(expr);
    case ExprKind::kNegate:
    case ExprKind::kPlus:
      return evaluate_sign(expr);
    case ExprKind::kAttribute:
      return get_attribute(child(0), expr.text, budget_);
    case ExprKind::kItem: {
      const Value object = child(0);
      return get_item(object, child(1), budget_);
    }
    case ExprKind::kSlice: {
      const Value object = child(0);
      const Value start = evaluate_or_missing(expr.children[1]);
      const Value stop = evaluate_or_missing(expr.children[2]);
      return get_slice(object, start, stop, evaluate_or_missing(expr.children[3]), budget_);
    }
    case ExprKind::kCall: {
      const Value callee = child(0);
      return call(callee, evaluate_arguments(expr));
    }
    case ExprKind::kFilter:
      return evaluate_filter(expr, evaluate_or_missing(expr.children[0]));
    case ExprKind::kTest: {
      const Value value = child(0);
      return apply_test(expr.text, value, evaluate_arguments(expr), budget_);
    }
  }
  throw TemplateError("an expression of unknown kind");
}

Value Interpreter::evaluate_name(const std::string& name) {
  for (const Scope* scope = scope_.get(); scope; scope = scope->parent.get()) {
    const auto it = scope->variables.find(name);
    if (it != scope->variables.end()) return it->second;
  }
  for (const char* global : kGlobals) {
    if (name != global) continue;
    Callable function;
    function.name = name;
    return std::make_shared<const Callable>(std::move(function));
  }
  return Undefined{"variable " + printable(name)};
}

Value Interpreter::evaluate_compare(const Expr& expr) {
  Value left = evaluate(*expr.children[0]);
  for (std::size_t i = 0; i < expr.operators.size(); ++i) {
    Value right = evaluate(*expr.children[i + 1]);
    const std::string& op = expr.operators[i];
    bool holds = false;
    if (op == "==") {
      holds = equal(left, right, budget_);
    } else if (op == "!=") {
      holds = !equal(left, right, budget_);
    } else if (op == "in") {
      holds = contains(right, left, budget_);
    } else if (op == "not in") {
      holds = !contains(right, left, budget_);
    } else if (op == "<") {
      holds = less(left, right, budget_);
    } else if (op == ">") {
      holds = less(right, left, budget_);
    } else if (op == "<=") {
      holds = less(left, right, budget_) || equal(left, right, budget_);
    } else {
      holds = less(right, left, budget_) || equal(left, right, budget_);
    }
    if (!holds) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate_concat(const Expr& expr) {
  std::string out;
  for (const ExprPtr& part : expr.children) write(to_text(evaluate(*part), budget_), out);
  return out;
}

Value Interpreter::evaluate_dict(const Expr& expr) {
  Dict dict;
  for (std::size_t i = 0; i + 1 < expr.children.size(); i += 2) {
    const Value key = evaluate(*expr.children[i]);
    budget_.make((key.is_string() ? key.string().size() : 0) + 4 * sizeof(Value));
    dict.set(key, evaluate(*expr.children[i + 1]));
  }
  return dict;
}

Value Interpreter::evaluate_sign(const Expr& expr) {
  const Value value = evaluate(*expr.children[0]);
  const bool negate = expr.kind == ExprKind::kNegate;
  if (!value.is_number()) {
    throw TemplateError(fmt::format("{} has no sign", value.phrase()));
  }
  if (value.is_float()) return negate ? -value.real() : value.real();
  return negate ? binary_operation("-", Value(std::int64_t{0}), value, budget_)
                : Value(value.integer());
}

Value Interpreter::evaluate_filter(const Expr& expr, const Value& value) {
  return apply_filter(expr.text, value, evaluate_arguments(expr), budget_);
}

Arguments Interpreter::evaluate_arguments(const Expr& expr) {
  Arguments out;
  for (std::size_t i = 1; i < expr.children.size(); ++i) {
    out.positional.push_back(evaluate(*expr.children[i]));
  }
  for (const auto& [name, value] : expr.keywords) out.named.emplace_back(name, evaluate(*value));
  return out;
}

Value Interpreter::call(const Value& callee, const Arguments& arguments, const Value* caller) {
  if (callee.is_undefined()) {
    // Templates that ask for the date can be told it as a variable instead.
    const bool date = callee.undefined().what == "variable 'strftime_now'";
    throw TemplateError(callee.undefined().what + " is undefined" +
                            (date ? "; dates are not available to templates" : ""),
                        date);
  }
  const auto callable = callee.callable();
  if (!callable) throw TemplateError(fmt::format("{} cannot be called", callee.phrase()));
  if (callable->macro) return call_macro(*callable, arguments, caller);
  if (callable->method) return call_method(callable->self, callable->name, arguments, budget_);
  return call_global(callable->name, arguments);
}

Value Interpreter::call_macro(const Callable& callable, const Arguments& arguments,
                              const Value* caller) {
  const auto& parameters = callable.macro->parameters;
  const std::shared_ptr<Scope> home = callable.scope.lock();
  if (!home) throw TemplateError(fmt::format("the macro '{}' is gone", callable.name));
  if (arguments.positional.size() > parameters.size()) {
    throw TemplateError(fmt::format("macro '{}': expected at most {} arguments, found {}",
                                    callable.name, parameters.size(), arguments.positional.size()));
  }
  for (const auto& [name, value] : arguments.named) {
    const auto named = std::ranges::find(parameters, name, [](const auto& p) { return p.first; });
    if (named == parameters.end()) {
      throw TemplateError(fmt::format("macro '{}': unknown argument '{}'", callable.name, name));
    }
  }
  if (macro_depth_ >= max_macro_depth_) {
    throw TemplateError(fmt::format("macro calls nested deeper than {}", max_macro_depth_));
  }
  ++macro_depth_;
  std::string out;
  try {
    const NewScope scope(*this, home);
    if (caller) scope_->variables["caller"] = *caller;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& [name, otherwise] = parameters[i];
      const Value* given = arguments.get(i, name);
      Value value = given ? *given : Value(Undefined{"parameter " + printable(name)});
      if (!given && otherwise) value = evaluate(*otherwise);
      scope_->variables[name] = std::move(value);
    }
    execute(callable.macro->body, out);
  } catch (...) {
    --macro_depth_;
    throw;
  }
  --macro_depth_;
  return out;
}

Value Interpreter::call_global(const std::string& name, const Arguments& arguments) {
  if (name == "raise_exception") {
    arguments.check(name, 1, 1, {"message"});
    throw TemplateError("the template refuses the messages: " +
                        to_text(*arguments.get(0, "message"), budget_));
  }
  if (name == "namespace") return make_namespace(arguments);
  if (name == "dict") return dict_of(name, arguments);
  arguments.check(name, 1, 3);
  const bool one = arguments.positional.size() == 1;
  const std::int64_t start = one ? 0 : arguments.integer(name, 0, "start", 0);
  const std::int64_t stop = arguments.integer(name, one ? 0 : 1, "stop", 0);
  const std::int64_t step = arguments.integer(name, 2, "step", 1);
  if (step == 0) throw TemplateError("range: the step is 0");
  std::vector<Value> items;
  for (__int128 i = start; step > 0 ? i < stop : i > stop; i += step) {
    if (static_cast<std::int64_t>(items.size()) >= kMaxRange) {
      throw TemplateError(fmt::format("range: more than {} numbers", kMaxRange));
    }
    budget_.make(sizeof(Value));
    items.emplace_back(static_cast<std::int64_t>(i));
  }
  return Value::list(std::move(items));
}

/// dict(mapping, name=value, ...), and namespace() likewise.
Dict Interpreter::dict_of(const std::string& function, const Arguments& arguments) {
  if (arguments.positional.size() > 1 ||
      (!arguments.positional.empty() && !arguments.positional[0].is_dict())) {
    throw TemplateError(fmt::format("{}: expected a dict and named values", function));
  }
  Dict dict = arguments.positional.empty() ? Dict() : arguments.positional[0].dict();
  budget_.make((dict.entries().size() + arguments.named.size()) * 4 * sizeof(Value));
  for (const auto& [name, value] : arguments.named) dict.set(Value(name), value);
  return dict;
}

Value Interpreter::make_namespace(const Arguments& arguments) {
  auto names = std::make_shared<Namespace>();
  names->values = dict_of("namespace", arguments);
  namespaces_.push_back(names);
  return names;
}

}  // namespace tandem::models::jinja
