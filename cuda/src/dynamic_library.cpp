// SPDX-License-Identifier: Apache-2.0
#include "dynamic_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <utility>

namespace tandem::gpu {

DynamicLibrary::DynamicLibrary(std::span<const std::string> names) {
  for (const std::string& name : names) {
    handle_ = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      name_ = name;
      return;
    }
    const char* reason = ::dlerror();
    if (!problem_.empty()) problem_ += "; ";
    problem_ += reason != nullptr ? reason : name + ": unknown error";
  }
}

void* DynamicLibrary::find(const char* symbol) const {
  return handle_ == nullptr ? nullptr : ::dlsym(handle_, symbol);
}

std::vector<std::string> library_names(const std::string& asked, const char* variable,
                                       std::vector<std::string> usual) {
  if (!asked.empty()) return {asked};
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0') return {value};
  return usual;
}

}  // namespace tandem::gpu
