// SPDX-License-Identifier: Apache-2.0
#include "native.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

#include "dynamic_library.hpp"
#include "tandem/base/error.hpp"

namespace tandem::gpu {
namespace {

constexpr const char* kBlasVariable = "TANDEM_CUDA_CUBLASLT";
constexpr std::uint64_t kWorkspaceBytes = std::uint64_t{32} << 20;

// cublasLt.h
constexpr int kTransA = 3, kTransB = 4, kEpilogue = 7, kBiasPointer = 8;
constexpr int kBatchCount = 5, kBatchStride = 6;
constexpr int kMaxWorkspace = 1, kMinAlignmentA = 5;
constexpr std::uint32_t kEpilogueBias = 4;
constexpr std::uint32_t kMaxAlignment = 256;

std::uint32_t element_bytes(int type) { return type == kCudaF32 ? 4 : 2; }

/// Largest power of two up to 256 that divides the addresses of all matrices of the batch.
std::uint32_t alignment(const NativeMatrix& m) {
  const std::uint64_t bits = m.at | m.batch_stride * element_bytes(m.type) | kMaxAlignment;
  return std::uint32_t{1} << std::countr_zero(bits);
}

}  // namespace

struct NativeMatmul::Library {
  explicit Library(DynamicLibrary found) : file(std::move(found)) {
    const auto find = [this](auto& function, const char* symbol) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(file.find(symbol));
      if (function == nullptr) missing += std::string(missing.empty() ? "" : ", ") + symbol;
    };
    find(create, "cublasLtCreate");
    find(destroy, "cublasLtDestroy");
    find(status_name, "cublasLtGetStatusName");
    find(desc_create, "cublasLtMatmulDescCreate");
    find(desc_destroy, "cublasLtMatmulDescDestroy");
    find(desc_set, "cublasLtMatmulDescSetAttribute");
    find(layout_create, "cublasLtMatrixLayoutCreate");
    find(layout_destroy, "cublasLtMatrixLayoutDestroy");
    find(layout_set, "cublasLtMatrixLayoutSetAttribute");
    find(preference_create, "cublasLtMatmulPreferenceCreate");
    find(preference_destroy, "cublasLtMatmulPreferenceDestroy");
    find(preference_set, "cublasLtMatmulPreferenceSetAttribute");
    find(heuristic, "cublasLtMatmulAlgoGetHeuristic");
    find(matmul, "cublasLtMatmul");
  }

  DynamicLibrary file;
  std::string missing;
  int (*create)(void**) = nullptr;
  int (*destroy)(void*) = nullptr;
  const char* (*status_name)(int) = nullptr;
  int (*desc_create)(void**, int, int) = nullptr;
  int (*desc_destroy)(void*) = nullptr;
  int (*desc_set)(void*, int, const void*, std::size_t) = nullptr;
  int (*layout_create)(void**, int, std::uint64_t, std::uint64_t, std::int64_t) = nullptr;
  int (*layout_destroy)(void*) = nullptr;
  int (*layout_set)(void*, int, const void*, std::size_t) = nullptr;
  int (*preference_create)(void**) = nullptr;
  int (*preference_destroy)(void*) = nullptr;
  int (*preference_set)(void*, int, const void*, std::size_t) = nullptr;
  int (*heuristic)(void*, void*, void*, void*, void*, void*, void*, int, Algorithm*,
                   int*) = nullptr;
  int (*matmul)(void*, void*, const void*, const void*, void*, const void*, void*, const void*,
                const void*, void*, void*, void*, const void*, void*, std::size_t,
                cu::Stream) = nullptr;
};

/// What cuBLASLt wants to know of a call, destroyed with this object.
class NativeMatmul::Descriptors {
 public:
  Descriptors(const NativeMatmul& owner, const NativePlan& plan, const NativeCall& call)
      : owner_(owner), lib_(*owner.library_) {
    owner.check(lib_.desc_create(&operation, plan.compute, kCudaF32), "cublasLtMatmulDescCreate");
    set(lib_.desc_set, operation, kTransA, std::int32_t(call.x.transposed));
    set(lib_.desc_set, operation, kTransB, std::int32_t(call.y.transposed));
    if (call.bias != 0) {
      set(lib_.desc_set, operation, kEpilogue, kEpilogueBias);
      set(lib_.desc_set, operation, kBiasPointer, call.bias);
    }
    x = layout(call.x, call.batch);
    y = layout(call.y, call.batch);
    d = layout(call.d, call.batch);
  }
  ~Descriptors() {
    for (void* matrix : {x, y, d}) {
      if (matrix != nullptr) lib_.layout_destroy(matrix);
    }
    if (operation != nullptr) lib_.desc_destroy(operation);
  }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  void* operation = nullptr;
  void* x = nullptr;
  void* y = nullptr;
  void* d = nullptr;

 private:
  template <class Set, class T>
  void set(Set function, void* object, int attribute, T value) {
    owner_.check(function(object, attribute, &value, sizeof value), "setting an attribute");
  }
  void* layout(const NativeMatrix& m, std::uint32_t batch) {
    void* out = nullptr;
    owner_.check(lib_.layout_create(&out, m.type, m.rows, m.cols, std::int64_t(m.ld)),
                 "cublasLtMatrixLayoutCreate");
    set(lib_.layout_set, out, kBatchCount, std::int32_t(batch));
    set(lib_.layout_set, out, kBatchStride, std::int64_t(m.batch_stride));
    return out;
  }

  const NativeMatmul& owner_;
  const Library& lib_;
};

std::unique_ptr<NativeMatmul> NativeMatmul::create(const std::string& library, Gpu& gpu,
                                                   cu::Stream stream, Narrow narrow) {
  DynamicLibrary found(library_names(library, kBlasVariable,
                                     {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so",
                                      "/usr/local/cuda/lib64/libcublasLt.so"}));
  if (!found.loaded()) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("cuda: mode=native needs cuBLASLt, which was not found ({}); install "
                            "the CUDA toolkit or name the library in {}, or use mode=exact",
                            found.problem(), kBlasVariable));
  }
  auto functions = std::make_unique<Library>(std::move(found));
  if (!functions->missing.empty()) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("cuda: mode=native: {} lacks {}; expected cuBLASLt 12 or newer",
                            functions->file.name(), functions->missing));
  }
  return std::unique_ptr<NativeMatmul>(
      new NativeMatmul(std::move(functions), gpu, stream, std::move(narrow)));
}

NativeMatmul::NativeMatmul(std::unique_ptr<Library> library, Gpu& gpu, cu::Stream stream,
                           Narrow narrow)
    : library_(std::move(library)), gpu_(gpu), stream_(stream), narrow_(std::move(narrow)) {
  check(library_->create(&handle_), "cublasLtCreate");
  workspace_ = gpu_.allocate(kWorkspaceBytes);
}

/// Memory that it allocated goes with the context.
NativeMatmul::~NativeMatmul() { library_->destroy(handle_); }

void NativeMatmul::check(int status, const char* call) const {
  if (status == 0) return;
  throw Error(ErrorCode::kUnavailable,
              fmt::format("{} of {} failed with {} ({})", call, library_->file.name(),
                          library_->status_name(status), status));
}

bool NativeMatmul::refuse(const std::string& reason) {
  ++counts_.exact[reason];
  return false;
}

std::uint64_t NativeMatmul::scratch(std::uint64_t num_bytes) {
  if (num_bytes > scratch_bytes_) {
    if (scratch_ != 0) gpu_.release(std::exchange(scratch_, 0));
    scratch_bytes_ = 0;
    scratch_ = gpu_.allocate(num_bytes);
    scratch_bytes_ = num_bytes;
  }
  return scratch_;
}

/// What the library's heuristic recommends, asked once for each shape; nullptr if it has nothing.
const NativeMatmul::Algorithm* NativeMatmul::algorithm(const NativePlan& plan,
                                                       const NativeCall& call) {
  Key key{};
  std::size_t at = 0;
  for (const NativeMatrix* m : {&call.x, &call.y, &call.d}) {
    for (const std::uint64_t part :
         {m->rows, m->cols, m->ld, m->batch_stride,
          std::uint64_t(m->type) << 32 | std::uint64_t(m->transposed) << 16 | alignment(*m)}) {
      key[at++] = part;
    }
  }
  key[at++] = call.batch;
  key[at++] = std::uint64_t(plan.compute) << 1 | std::uint64_t(call.bias != 0);
  const auto [entry, added] = algorithms_.try_emplace(key);
  Algorithm& found = entry->second;
  if (added) {
    const Descriptors descriptors(*this, plan, call);
    void* preference = nullptr;
    check(library_->preference_create(&preference), "cublasLtMatmulPreferenceCreate");
    library_->preference_set(preference, kMaxWorkspace, &kWorkspaceBytes, sizeof kWorkspaceBytes);
    const std::uint32_t alignments[] = {alignment(call.x), alignment(call.y), alignment(call.d),
                                        alignment(call.d)};
    for (int i = 0; i < 4; ++i) {
      library_->preference_set(preference, kMinAlignmentA + i, &alignments[i],
                               sizeof alignments[i]);
    }
    int count = 0;
    const int status =
        library_->heuristic(handle_, descriptors.operation, descriptors.x, descriptors.y,
                            descriptors.d, descriptors.d, preference, 1, &found, &count);
    library_->preference_destroy(preference);
    if (status != 0 || count == 0 || found.state != 0) found.waves = -1;
  }
  return found.waves < 0 ? nullptr : &found;
}

bool NativeMatmul::run(const MatmulArgs& args) {
  NativePlan plan = plan_product(args);
  if (!plan.reason.empty()) return refuse(plan.reason);
  if (plan.narrow_a) {
    const std::uint64_t base = scratch(2 * plan.part_bytes);
    for (NativeCall& call : plan.calls) call.y.at += base;
  }
  for (const NativeCall& call : plan.calls) {
    if (algorithm(plan, call) == nullptr) return refuse("a shape that cuBLASLt has no kernel for");
  }
  if (plan.narrow_a) {
    NarrowArgs narrow{.src = args.a.at, .high = scratch_, .low = scratch_ + plan.part_bytes};
    narrow.extent[0] = args.a.batch0_stride == 0 ? 1 : args.batch0;
    narrow.extent[1] = args.a.batch1_stride == 0 ? 1 : args.batch1;
    narrow.extent[2] = args.m;
    narrow.extent[3] = args.k;
    narrow.stride[0] = args.a.batch0_stride;
    narrow.stride[1] = args.a.batch1_stride;
    narrow.stride[2] = args.a.row_stride;
    if (!narrow_(narrow)) return refuse("fp32 activations without NVRTC");
  }
  const float one = 1;
  for (const NativeCall& call : plan.calls) {
    const Descriptors descriptors(*this, plan, call);
    const Algorithm& algo = *algorithm(plan, call);
    const float beta = call.accumulate ? 1 : 0;
    auto* result = reinterpret_cast<void*>(call.d.at);
    check(library_->matmul(handle_, descriptors.operation, &one,
                           reinterpret_cast<const void*>(call.x.at), descriptors.x,
                           reinterpret_cast<const void*>(call.y.at), descriptors.y, &beta, result,
                           descriptors.d, result, descriptors.d, algo.algo,
                           reinterpret_cast<void*>(workspace_), kWorkspaceBytes, stream_),
          "cublasLtMatmul");
  }
  ++counts_.products;
  return true;
}

}  // namespace tandem::gpu
