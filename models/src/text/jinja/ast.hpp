// SPDX-License-Identifier: Apache-2.0
// Syntax trees of templates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "value.hpp"

namespace tandem::models::jinja {

enum class ExprKind {
  kConstant,     ///< `constant`
  kName,         ///< `text`
  kList,         ///< children
  kTuple,        ///< children
  kDict,         ///< children: key, value, key, value ...
  kConditional,  ///< children: condition, then, otherwise (or null)
  kOr,           ///< children: left, right
  kAnd,          ///< children: left, right
  kNot,          ///< children: operand
  kCompare,      ///< children: first, more; `operators`: between them
  kBinary,       ///< children: left, right; `text`: + - * / // % **
  kConcat,       ///< children
  kNegate,       ///< children: operand
  kPlus,         ///< children: operand
  kAttribute,    ///< children: object; `text`: attribute
  kItem,         ///< children: object, index
  kSlice,        ///< children: object, start, stop, step (each or null)
  kCall,         ///< children: callee, arguments; `keywords`
  kFilter,       ///< children: value (or null in filter blocks), arguments; `text`; `keywords`
  kTest,         ///< children: value, arguments; `text`; `keywords`
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  std::uint32_t line = 1;
  std::uint32_t height = 1;  ///< Levels below and including this node; bounded by the parser.
  std::string text;
  Value constant;
  std::vector<std::unique_ptr<Expr>> children;
  std::vector<std::string> operators;
  std::vector<std::pair<std::string, std::unique_ptr<Expr>>> keywords;
};
using ExprPtr = std::unique_ptr<Expr>;

/// A name, an attribute of a namespace, or several names.
struct Target {
  std::vector<std::string> names;  ///< One, or those of a tuple.
  std::string attribute;           ///< names[0].attribute = ..., of a namespace.
  bool tuple = false;
};

/// A macro, or the body of a call block.
struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;
struct Macro {
  std::string name;
  std::vector<std::pair<std::string, ExprPtr>> parameters;  ///< with their defaults or null
  Body body;
};

enum class StatementKind {
  kText,       ///< `text`
  kPrint,      ///< `value`
  kIf,         ///< `branches`, `otherwise`
  kFor,        ///< `target`, `value`: iterable, `condition`, `body`, `otherwise`
  kSet,        ///< `target`, `value`
  kSetBlock,   ///< `target`, `value`: filters or null, `body`
  kMacro,      ///< `macro`
  kCallBlock,  ///< `macro`: the caller, `value`: the call
  kFilter,     ///< `value`: filters, `body`
  kWith,       ///< `assignments`, `body`
  kScope,      ///< `body`, as it stands (generation blocks)
  kBreak,
  kContinue,
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  std::uint32_t line = 1;
  std::string text;
  ExprPtr value;
  ExprPtr condition;
  Target target;
  std::vector<std::pair<ExprPtr, Body>> branches;
  std::vector<std::pair<Target, ExprPtr>> assignments;
  Body body;
  Body otherwise;
  Macro macro;
};

}  // namespace tandem::models::jinja
