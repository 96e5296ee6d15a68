// SPDX-License-Identifier: Apache-2.0
#include "openblas.hpp"

#include <dlfcn.h>

namespace tandem::bench {

OpenBlas::OpenBlas() {
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return;
  sgemm_ = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  set_threads_ = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
}

void OpenBlas::set_threads(int threads) const {
  if (set_threads_ != nullptr) set_threads_(threads);
}

void OpenBlas::sgemm(int m, int n, int k, const float* a, const float* b, float* c) const {
  constexpr int kRowMajor = 101;
  constexpr int kNoTranspose = 111;
  sgemm_(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, 1.0F, a, k, b, n, 0.0F, c, n);
}

}  // namespace tandem::bench
