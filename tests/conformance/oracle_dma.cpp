// SPDX-License-Identifier: Apache-2.0
// COPY, FILL, GATHER, SCATTER_ADD.
#include "conformance/oracle.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::tests::oracle {
namespace {

using abi::Dtype;
using abi::Fault;

std::int64_t load_index(const Image& image, Dtype type, std::uint64_t addr) {
  return type == Dtype::kI64 ? image.load<std::int64_t>(addr) : image.load<std::int32_t>(addr);
}

std::uint32_t add(Dtype type, std::uint32_t a, std::uint32_t b) {
  if (type == Dtype::kI32) return a + b;
  return numerics::bits_of(numerics::add32(numerics::float_of(a), numerics::float_of(b)));
}

/// Calls body(i, j, l, index) in order until it meets an index that is out of range.
template <class P, class Body>
Outcome for_each_index(const Image& image, const P& p, Body&& body) {
  for (std::uint64_t i = 0; i < p.extent0; ++i) {
    for (std::uint64_t j = 0; j < p.extent1; ++j) {
      for (std::uint64_t l = 0; l < p.extent2; ++l) {
        const std::uint64_t at =
            p.index_addr + i * p.index_stride0 + j * p.index_stride1 + l * p.index_stride2;
        const std::int64_t index = load_index(image, p.index_type, at);
        if (index < 0 || index >= std::int64_t{p.limit}) return {Fault::kBadIndex, at};
        body(i, j, l, static_cast<std::uint64_t>(index));
      }
    }
  }
  return {};
}

}  // namespace

void Image::copy_element(std::uint64_t dst, std::uint64_t src, unsigned num_bytes) {
  switch (num_bytes) {
    case 1:
      return store(dst, load<std::uint8_t>(src));
    case 2:
      return store(dst, load<std::uint16_t>(src));
    case 4:
      return store(dst, load<std::uint32_t>(src));
    default:
      return store(dst, load<std::uint64_t>(src));
  }
}

Outcome run(Image& image, const abi::CopyPacket& p) {
  for (std::uint64_t a = 0; a < p.extent0; ++a) {
    for (std::uint64_t b = 0; b < p.extent1; ++b) {
      for (std::uint64_t c = 0; c < p.extent2; ++c) {
        for (std::uint64_t d = 0; d < p.extent3; ++d) {
          image.copy_element(p.dst_addr + a * p.dst_stride0 + b * p.dst_stride1 +
                                 c * p.dst_stride2 + d * p.dst_stride3,
                             p.src_addr + a * p.src_stride0 + b * p.src_stride1 +
                                 c * p.src_stride2 + d * p.src_stride3,
                             p.elem_bytes);
        }
      }
    }
  }
  return {};
}

Outcome run(Image& image, const abi::FillPacket& p) {
  for (std::uint64_t a = 0; a < p.extent0; ++a) {
    for (std::uint64_t b = 0; b < p.extent1; ++b) {
      for (std::uint64_t c = 0; c < p.extent2; ++c) {
        for (std::uint64_t d = 0; d < p.extent3; ++d) {
          const std::uint64_t at = p.dst_addr + a * p.dst_stride0 + b * p.dst_stride1 +
                                   c * p.dst_stride2 + d * p.dst_stride3;
          for (unsigned byte = 0; byte < p.elem_bytes; ++byte) {
            image.store(at + byte, static_cast<std::uint8_t>(p.value >> (8 * byte)));
          }
        }
      }
    }
  }
  return {};
}

Outcome run(Image& image, const abi::GatherPacket& p) {
  const Image before = image;
  return for_each_index(before, p, [&](auto i, auto j, auto l, auto index) {
    image.copy_element(
        p.dst_addr + i * p.dst_stride0 + j * p.dst_stride1 + l * p.dst_stride2,
        p.src_addr + i * p.src_stride0 + index * p.src_index_stride + l * p.src_stride2,
        p.elem_bytes);
  });
}

Outcome run(Image& image, const abi::ScatterAddPacket& p) {
  const Image before = image;
  return for_each_index(before, p, [&](auto i, auto j, auto l, auto index) {
    const std::uint64_t dst =
        p.dst_addr + i * p.dst_stride0 + index * p.dst_index_stride + l * p.dst_stride2;
    const auto addend = before.load<std::uint32_t>(p.src_addr + i * p.src_stride0 +
                                                   j * p.src_stride1 + l * p.src_stride2);
    image.store(dst, add(p.elem_type, image.load<std::uint32_t>(dst), addend));
  });
}

}  // namespace tandem::tests::oracle
