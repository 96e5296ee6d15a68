// SPDX-License-Identifier: Apache-2.0
// Kernels compiled while the program runs, by NVRTC, and kept on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "driver_api.hpp"
#include "program_cache.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::gpu {

struct CompilerOptions {
  std::string library;        ///< Of NVRTC; empty: $TANDEM_CUDA_NVRTC, or the usual names.
  bool native_maths = false;  ///< CUDA's own functions instead of the contract's.
  int arch = 80;              ///< 10 x major + minor of the compute capability.
};

/// Compiled code of a micro-program.
struct CompiledProgram {
  std::string image;                    ///< Cubin, or PTX where this NVRTC does not know the GPU.
  std::optional<std::uint64_t> loaded;  ///< Number for `function`.
  bool broken = false;                  ///< The driver does not take it.
};

/// Thread-safety: one thread at a time.
class ProgramCompiler {
 public:
  /// Never fails: without NVRTC `available` is false and `problem` says why.
  static std::unique_ptr<ProgramCompiler> create(const CompilerOptions& options);
  ~ProgramCompiler();

  bool available() const;
  const std::string& problem() const;
  std::string version_text() const;  ///< "13.0", of NVRTC.

  /// Compiles CUDA C++ that may include the kernels' headers, or takes the image from the cache.
  /// Throws kInternal with the compiler's messages.
  std::string compile(const std::string& source, const std::string& name);

  /// The code of a micro-program for packets with these types; nullptr where it cannot be compiled,
  /// which is logged once. Valid as long as the compiler.
  CompiledProgram* find(std::span<const std::uint64_t> words, const abi::VectorPacket& packet);

  /// Loads a program once. `loader`(image, function) returns module and function.
  using Loader =
      std::function<std::pair<cu::Module, cu::Function>(const std::string&, const char*)>;
  std::uint64_t load(CompiledProgram& program, const Loader& loader);
  cu::Function function(std::uint64_t number) const { return loaded_[number].second; }
  void unload(const DriverApi& api);

  std::uint64_t compiled() const { return compiled_; }  ///< Not taken from the cache.

 private:
  struct Library;
  explicit ProgramCompiler(const CompilerOptions& options);

  const CompilerOptions options_;
  std::unique_ptr<Library> library_;
  std::string problem_;
  ImageCache cache_;
  std::uint64_t compiled_ = 0;
  std::map<std::vector<std::uint64_t>, std::optional<CompiledProgram>> programs_;
  std::vector<std::pair<cu::Module, cu::Function>> loaded_;
};

}  // namespace tandem::gpu
