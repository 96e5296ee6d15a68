// SPDX-License-Identifier: Apache-2.0
#include "dynamic_library.hpp"

#include <dlfcn.h>

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

}  // namespace tandem::gpu
