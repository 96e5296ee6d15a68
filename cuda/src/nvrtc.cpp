// SPDX-License-Identifier: Apache-2.0
#include "nvrtc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "kernel_sources.hpp"
#include "program_source.hpp"
#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"

namespace tandem::gpu {
namespace {

constexpr const char* kNvrtcVariable = "TANDEM_CUDA_NVRTC";

using Program = struct _nvrtcProgram*;  // nvrtc.h

/// Everything that the image depends on but the source.
std::vector<std::string> compile_options(const std::string& arch, bool native_maths) {
  std::vector<std::string> options = {"--std=c++20",      "--gpu-architecture=" + arch,
                                      "--ftz=false",      "--prec-div=true",
                                      "--prec-sqrt=true", "--device-as-default-execution-space"};
  options.push_back(native_maths ? "--fmad=true" : "--fmad=false");
  return options;
}

}  // namespace

struct ProgramCompiler::Library {
  explicit Library(DynamicLibrary found) : file(std::move(found)) {
    const auto find = [this](auto& function, const char* symbol) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(file.find(symbol));
      if (function == nullptr) missing += std::string(missing.empty() ? "" : ", ") + symbol;
    };
    find(version, "nvrtcVersion");
    find(error_string, "nvrtcGetErrorString");
    find(num_archs, "nvrtcGetNumSupportedArchs");
    find(archs, "nvrtcGetSupportedArchs");
    find(create, "nvrtcCreateProgram");
    find(compile, "nvrtcCompileProgram");
    find(log_size, "nvrtcGetProgramLogSize");
    find(log, "nvrtcGetProgramLog");
    find(cubin_size, "nvrtcGetCUBINSize");
    find(cubin, "nvrtcGetCUBIN");
    find(ptx_size, "nvrtcGetPTXSize");
    find(ptx, "nvrtcGetPTX");
    find(destroy, "nvrtcDestroyProgram");
    if (missing.empty() && version(&major, &minor) != 0) missing = "a version";
  }

  /// "sm_90"; where NVRTC is older than the GPU, the newest "compute_..." that it has, as PTX.
  std::string arch_name(int arch) const {
    int count = 0;
    if (num_archs(&count) != 0 || count <= 0) return fmt::format("sm_{}", arch);
    std::vector<int> known(std::size_t(count), 0);
    if (archs(known.data()) != 0) return fmt::format("sm_{}", arch);
    if (std::find(known.begin(), known.end(), arch) != known.end()) {
      return fmt::format("sm_{}", arch);
    }
    int best = 0;
    for (const int candidate : known) {
      if (candidate < arch) best = std::max(best, candidate);
    }
    return fmt::format("compute_{}", best);
  }

  DynamicLibrary file;
  std::string missing;
  int major = 0, minor = 0;
  int (*version)(int*, int*) = nullptr;
  const char* (*error_string)(int) = nullptr;
  int (*num_archs)(int*) = nullptr;
  int (*archs)(int*) = nullptr;
  int (*create)(Program*, const char*, const char*, int, const char* const*,
                const char* const*) = nullptr;
  int (*compile)(Program, int, const char* const*) = nullptr;
  int (*log_size)(Program, std::size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*cubin_size)(Program, std::size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  int (*ptx_size)(Program, std::size_t*) = nullptr;
  int (*ptx)(Program, char*) = nullptr;
  int (*destroy)(Program*) = nullptr;
};

std::unique_ptr<ProgramCompiler> ProgramCompiler::create(const CompilerOptions& options) {
  return std::unique_ptr<ProgramCompiler>(new ProgramCompiler(options));
}

ProgramCompiler::ProgramCompiler(const CompilerOptions& options)
    : options_(options), cache_(ImageCache::default_folder()) {
  DynamicLibrary found(library_names(
      options.library, kNvrtcVariable,
      {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so"}));
  if (!found.loaded()) {
    problem_ = fmt::format(
        "NVRTC was not found ({}); install the CUDA toolkit or name the library "
        "in {}",
        found.problem(), kNvrtcVariable);
    return;
  }
  library_ = std::make_unique<Library>(std::move(found));
  if (!library_->missing.empty()) {
    problem_ = fmt::format("{} lacks {}", library_->file.name(), library_->missing);
    library_.reset();
  }
}

ProgramCompiler::~ProgramCompiler() = default;

bool ProgramCompiler::available() const { return library_ != nullptr; }
const std::string& ProgramCompiler::problem() const { return problem_; }
std::string ProgramCompiler::version_text() const {
  return available() ? fmt::format("{}.{}", library_->major, library_->minor) : std::string("none");
}

std::string ProgramCompiler::compile(const std::string& source, const std::string& name) {
  if (!available()) throw Error(ErrorCode::kUnavailable, problem_);
  const Library& lib = *library_;
  const std::string arch = lib.arch_name(options_.arch);
  const std::vector<std::string> options = compile_options(arch, options_.native_maths);
  std::string key =
      fmt::format("NVRTC {}.{} headers {:016x}", lib.major, lib.minor, kernel_headers_hash());
  for (const std::string& option : options) key += ' ' + option;
  key += '\n' + source;
  if (std::optional<std::string> image = cache_.find(key)) return *std::move(image);

  const std::span<const KernelSource> headers = kernel_headers();
  std::vector<const char*> texts, names, arguments;
  for (const KernelSource& header : headers) {
    texts.push_back(header.text);
    names.push_back(header.name);
  }
  for (const std::string& option : options) arguments.push_back(option.c_str());
  Program program = nullptr;
  const auto check = [&](int result, const char* call) {
    if (result == 0) return;
    std::string messages;
    std::size_t size = 0;
    if (program != nullptr && lib.log_size(program, &size) == 0 && size > 1) {
      messages.resize(size);
      lib.log(program, messages.data());
      messages.pop_back();
    }
    if (program != nullptr) lib.destroy(&program);
    throw Error(ErrorCode::kInternal,
                fmt::format("NVRTC {}.{}: {} of {} for {} failed with {} ({}){}{}", lib.major,
                            lib.minor, call, name, arch, result, lib.error_string(result),
                            messages.empty() ? "" : ":\n", messages));
  };
  check(lib.create(&program, source.c_str(), name.c_str(), int(headers.size()), texts.data(),
                   names.data()),
        "nvrtcCreateProgram");
  check(lib.compile(program, int(arguments.size()), arguments.data()), "nvrtcCompileProgram");
  const bool cubin = arch.starts_with("sm_");
  std::size_t size = 0;
  check((cubin ? lib.cubin_size : lib.ptx_size)(program, &size), "the size of the image");
  std::string image(size, '\0');
  check((cubin ? lib.cubin : lib.ptx)(program, image.data()), "taking the image");
  lib.destroy(&program);
  ++compiled_;
  cache_.store(key, image);
  return image;
}

CompiledProgram* ProgramCompiler::find(std::span<const std::uint64_t> words,
                                       const abi::VectorPacket& packet) {
  if (!available()) return nullptr;
  std::vector<std::uint64_t> key = program_key(words, packet);
  const auto found = programs_.find(key);
  if (found != programs_.end()) return found->second ? &*found->second : nullptr;
  std::optional<CompiledProgram>& entry = programs_[std::move(key)];
  try {
    const Maths maths = options_.native_maths ? Maths::kNative : Maths::kExact;
    entry = CompiledProgram{compile(program_source(words, packet, maths), "micro-program.cu")};
    return &*entry;
  } catch (const Error& error) {
    log::warning("cuda: the interpreter runs a micro-program of {} words: {}", words.size(),
                 error.message());
    return nullptr;
  }
}

std::uint64_t ProgramCompiler::load(CompiledProgram& program, const Loader& loader) {
  if (!program.loaded) {
    loaded_.push_back(loader(program.image, kProgramName));
    program.loaded = loaded_.size() - 1;
  }
  return *program.loaded;
}

void ProgramCompiler::unload(const DriverApi& api) {
  for (const auto& [module, function] : loaded_) api.cuModuleUnload(module);
  loaded_.clear();
  programs_.clear();
}

}  // namespace tandem::gpu
