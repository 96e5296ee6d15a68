// SPDX-License-Identifier: Apache-2.0
#include "support/backends.hpp"

#include <string>

namespace tandem::tests {
namespace {

constexpr std::string_view kNoEngines = "the null backend has no engines";
constexpr TestNote kNullUnsupported[] = {
    {"Copy.*", kNoEngines},
    {"Fill.*", kNoEngines},
    {"Gather.*", kNoEngines},
    {"ScatterAdd.*", kNoEngines},
    {"Matmul.*", kNoEngines},
    {"Vector.*", kNoEngines},
    {"MicroOps.*", kNoEngines},
    {"LoadUcode.*", kNoEngines},
    {"BadEnginePacket.*", kNoEngines},
    {"BadCombination.*", kNoEngines},
    {"BadUcode.*", kNoEngines},
    {"EngineOrder.*", kNoEngines},
};

#ifdef TANDEM_HAVE_NULL
constexpr bool kHaveNull = true;
#else
constexpr bool kHaveNull = false;
#endif
#ifdef TANDEM_HAVE_CMODEL
constexpr bool kHaveCmodel = true;
#else
constexpr bool kHaveCmodel = false;
#endif

#ifdef TANDEM_HAVE_CUDA
constexpr bool kHaveCuda = true;
#else
constexpr bool kHaveCuda = false;
#endif

#ifdef TANDEM_HAVE_RTL_TINY
constexpr bool kHaveRtlTiny = true;
#else
constexpr bool kHaveRtlTiny = false;
#endif
#ifdef TANDEM_HAVE_RTL_EDGE
constexpr bool kHaveRtlEdge = true;
#else
constexpr bool kHaveRtlEdge = false;
#endif
constexpr BackendUnderTest kBackends[] = {
    {"Null", "null:", kHaveNull, kNullUnsupported, {}},
    {"Cmodel", "cmodel:", kHaveCmodel, {}, {}},
    {"CudaHost", "cuda:host", kHaveCuda, {}, {}},
    {"RtlTiny", "rtl:tiny?stalls=1&reorder=1", kHaveRtlTiny, {}, {}, "tiny"},
    {"RtlEdge", "rtl:edge", kHaveRtlEdge, {}, {}, "edge"},
#ifdef TANDEM_HAVE_RTL_LARGE  // built on request: no row of skipped tests for everyone
    {"RtlLarge", "rtl:large?memory=realistic", true, {}, {}, "large"},
#endif
#ifdef TANDEM_HAVE_CUDA
    {"Cuda", "cuda:0", false, {}, {}},
    // The device's own code on a fake driver.
    {"CudaFake",
     "cuda:0?driver=" TANDEM_FAKE_CUDA "&nvrtc=" TANDEM_FAKE_NVRTC "&programs=interpreted",
     true,
     {},
     {}},
#endif
    {"CmodelCheck", "cmodel:?check=1", kHaveCmodel, {}, {}},
    {"HybridTiny", "hybrid:[every=2]cmodel:tiny,rtl:tiny", kHaveRtlTiny, {}, {}, "tiny"},
    // All packets on the first device, in batches.
    {"HybridRtl", "hybrid:rtl:tiny?stalls=3,cmodel:tiny", kHaveRtlTiny, {}, {}, "tiny"},
    {"HybridCmodel", "hybrid:cmodel:,cmodel:?threads=1&simd=portable", kHaveCmodel, {}, {}},
    {"LockstepCmodel", "lockstep:cmodel:,cmodel:?threads=1&simd=portable", kHaveCmodel, {}, {}},
};

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  }
  return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
}

}  // namespace

std::span<const BackendUnderTest> backends() { return kBackends; }

const TestNote* find_note(std::span<const TestNote> notes, std::string_view suite,
                          std::string_view test) {
  const std::string full = std::string(suite) + '.' + std::string(test);
  for (const TestNote& note : notes) {
    if (matches(note.pattern, full)) return &note;
  }
  return nullptr;
}

}  // namespace tandem::tests
