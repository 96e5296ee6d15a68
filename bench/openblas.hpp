// SPDX-License-Identifier: Apache-2.0
// OpenBLAS as a rival, loaded at run time so that nothing depends on it.
#pragma once

namespace tandem::bench {

/// cblas_sgemm of libopenblas.so.0 if the machine has it.
class OpenBlas {
 public:
  OpenBlas();
  bool available() const { return sgemm_ != nullptr; }
  void set_threads(int threads) const;
  /// C[m, n] = A[m, k] * B[k, n], row-major, fp32.
  void sgemm(int m, int n, int k, const float* a, const float* b, float* c) const;

 private:
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                         float, float*, int);
  Sgemm sgemm_ = nullptr;
  void (*set_threads_)(int) = nullptr;
};

}  // namespace tandem::bench
