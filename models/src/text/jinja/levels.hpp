// SPDX-License-Identifier: Apache-2.0
// Scope guards of the interpreter: depth and variables.
#pragma once

#include "interpreter.hpp"

namespace tandem::models::jinja {

/// One level of recursion, and the line that messages name meanwhile.
class Interpreter::Level {
 public:
  Level(Interpreter& interpreter, std::uint32_t line) : interpreter_(interpreter) {
    // One to two kilobytes of stack a level, a few times that in a sanitizer build.
    constexpr std::uint32_t kMaxDepth = 600;
    interpreter_.line_ = line;
    interpreter_.budget_.step();
    if (interpreter_.depth_ >= kMaxDepth) throw TemplateError("the template is nested too deeply");
    ++interpreter_.depth_;
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --interpreter_.depth_; }

 private:
  Interpreter& interpreter_;
};

/// A new innermost scope while it lives.
class Interpreter::NewScope {
 public:
  NewScope(Interpreter& interpreter, std::shared_ptr<Scope> parent)
      : interpreter_(interpreter), saved_(interpreter.scope_) {
    interpreter_.budget_.make(sizeof(Scope));
    interpreter_.scope_ = std::make_shared<Scope>();
    interpreter_.scope_->parent = std::move(parent);
  }
  explicit NewScope(Interpreter& interpreter) : NewScope(interpreter, interpreter.scope_) {}
  NewScope(const NewScope&) = delete;
  NewScope& operator=(const NewScope&) = delete;
  ~NewScope() { interpreter_.scope_ = std::move(saved_); }

 private:
  Interpreter& interpreter_;
  std::shared_ptr<Scope> saved_;
};

}  // namespace tandem::models::jinja
