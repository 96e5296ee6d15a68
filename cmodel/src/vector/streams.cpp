// SPDX-License-Identifier: Apache-2.0
// Contiguous, broadcast and strided access of streams.
#include "vector/streams.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cmd/elements.hpp"
#include "fault.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::cmodel {
namespace {

using abi::Dtype;

void narrow_fp8(Dtype type, bool saturate, const std::uint32_t* words, int count, std::byte* dst) {
  const auto rule =
      saturate ? numerics::Fp8Overflow::kSaturate : numerics::Fp8Overflow::kNonSaturate;
  for (int i = 0; i < count; ++i) {
    dst[i] = std::byte{type == Dtype::kE4M3 ? numerics::f32_to_e4m3(words[i], rule)
                                            : numerics::f32_to_e5m2(words[i], rule)};
  }
}

void narrow(const Kernels& kernels, const Stream& stream, const std::uint32_t* words, int count,
            std::byte* dst) {
  if (stream.type == Dtype::kE4M3 || stream.type == Dtype::kE5M2) {
    narrow_fp8(stream.type, stream.saturate, words, count, dst);
  } else {
    kernels.narrow(stream.type,
                   TANDEM_CMODEL_FAULT(cmodel_bf16_round, words,
                                       [&] {
                                         static thread_local std::vector<std::uint32_t> cut;
                                         cut.assign(words, words + count);
                                         cut.resize(std::size_t(count) + kPackSlack);
                                         const std::uint32_t kept =
                                             stream.type == Dtype::kBF16 ? 0xFFFF0000u : ~0u;
                                         for (std::uint32_t& word : cut) word &= kept;
                                         return cut.data();
                                       }()),
                   count, dst);
  }
}

}  // namespace

void load_stream(const Kernels& kernels, const Stream& stream, std::uint64_t offset, int count,
                 std::uint32_t* out) {
  const unsigned bytes = abi::dtype_bits(stream.type) / 8;
  const std::byte* src = stream.host + offset;
  if (stream.col_stride == bytes) {
    return TANDEM_CMODEL_FAULT(cmodel_bf16_nan, kernels.widen(stream.type, src, count, out), [&] {
      kernels.widen(stream.type, src, count, out);
      for (int i = 0; stream.type == Dtype::kBF16 && i < count; ++i) {
        std::uint16_t half = 0;
        std::memcpy(&half, src + 2 * i, sizeof half);
        out[i] = std::uint32_t(half) << 16;
      }
    }());
  }
  if (stream.col_stride == 0) {
    std::uint32_t word = 0;
    kernels.widen(stream.type, src, 1, &word);
    std::fill_n(out, count, word);
    return;
  }
  alignas(8) std::byte packed[kChunk * 8];
  for_element_size(bytes, [&]<class T>() {
    for (int i = 0; i < count; ++i) {
      std::memcpy(packed + std::size_t(i) * sizeof(T), src + std::uint64_t(i) * stream.col_stride,
                  sizeof(T));
    }
  });
  kernels.widen(stream.type, packed, count, out);
}

std::uint64_t store_stream(const Kernels& kernels, const Stream& stream, std::uint64_t offset,
                           int count, const std::uint32_t* words) {
  const unsigned bytes = abi::dtype_bits(stream.type) / 8;
  std::byte* dst = stream.host + offset;
  const std::uint64_t addr = stream.addr + offset;
  if (stream.col_stride == bytes || count == 1) {
    narrow(kernels, stream, words, count, dst);
    return kernels.checksum(addr, dst, std::size_t(count) * bytes);
  }
  alignas(8) std::byte packed[kChunk * 8];
  narrow(kernels, stream, words, count, packed);
  return for_element_size(bytes, [&]<class T>() {
    std::uint64_t sum = 0;
    for (int i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, packed + std::size_t(i) * sizeof(T), sizeof value);
      const std::uint64_t at = std::uint64_t(i) * stream.col_stride;
      std::memcpy(dst + at, &value, sizeof value);
      sum += element_checksum(addr + at, value);
    }
    return sum;
  });
}

}  // namespace tandem::cmodel
