// SPDX-License-Identifier: Apache-2.0
#include "reference.hpp"

#include <map>

#include "tandem/abi/vector_stream.hpp"
#include "tandem/numerics/checksum.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/numerics/quant.hpp"
#include "tandem/numerics/reduce.hpp"

namespace tandem::cmodel::test {

using abi::Dtype;
using numerics::Bits32;
using numerics::bits_of;
using numerics::float_of;

std::uint64_t ReferenceMemory::get(std::uint64_t addr, unsigned num_bytes) const {
  std::uint64_t value = 0;
  std::memcpy(&value, &bytes_.at(addr - kBase), num_bytes);
  return value;
}

void ReferenceMemory::put(std::uint64_t addr, unsigned num_bytes, std::uint64_t value) {
  for (unsigned i = 0; i < num_bytes; ++i) {
    const auto byte = std::uint8_t(value >> (8 * i));
    bytes_.at(addr - kBase + i) = std::byte{byte};
    checksum_ += numerics::checksum_byte(addr + i, byte);
  }
}

std::uint32_t ReferenceMemory::load(Dtype type, std::uint64_t addr) const {
  const std::uint64_t raw = get(addr, abi::dtype_bits(type) / 8);
  switch (type) {
    case Dtype::kBF16:
      return numerics::bf16_to_f32(std::uint16_t(raw));
    case Dtype::kF16:
      return numerics::f16_to_f32(std::uint16_t(raw));
    case Dtype::kE4M3:
      return numerics::e4m3_to_f32(std::uint8_t(raw));
    case Dtype::kE5M2:
      return numerics::e5m2_to_f32(std::uint8_t(raw));
    case Dtype::kI8:
      return std::uint32_t(std::int8_t(raw));
    default:
      return std::uint32_t(raw);
  }
}

void ReferenceMemory::store(Dtype type, bool saturate, std::uint64_t addr, std::uint32_t word) {
  const auto rule =
      saturate ? numerics::Fp8Overflow::kSaturate : numerics::Fp8Overflow::kNonSaturate;
  std::uint64_t raw = word;
  switch (type) {
    case Dtype::kBF16:
      raw = numerics::f32_to_bf16(word);
      break;
    case Dtype::kF16:
      raw = numerics::f32_to_f16(word);
      break;
    case Dtype::kE4M3:
      raw = numerics::f32_to_e4m3(word, rule);
      break;
    case Dtype::kE5M2:
      raw = numerics::f32_to_e5m2(word, rule);
      break;
    case Dtype::kI64:
      raw = std::uint64_t(std::int64_t(std::int32_t(word)));
      break;
    default:
      break;
  }
  put(addr, abi::dtype_bits(type) / 8, raw);
}

// ---- MATMUL ----

namespace {

/// One packet: element functions of the contract's sections 3 and 6.
struct MatmulReference {
  const abi::MatmulPacket& p;
  ReferenceMemory memory;
  std::uint64_t b0 = 0, b1 = 0;

  std::uint64_t a_addr(std::uint64_t m, std::uint64_t k) const {
    const unsigned bytes = abi::dtype_bits(p.a_type) / 8;
    const bool rows = p.a_layout == abi::ALayout::kRows;
    return p.a_addr + b0 * p.a_batch0_stride + b1 * p.a_batch1_stride +
           (rows ? m * p.a_row_stride + k * bytes : k * p.a_row_stride + m * bytes);
  }
  /// Element (k, n) of B as bits.
  std::uint64_t b_bits(std::uint64_t k, std::uint64_t n) const {
    std::uint64_t row = k, col = n;
    std::uint64_t base = p.b_addr + b0 * p.b_batch0_stride + b1 * p.b_batch1_stride;
    if (p.b_layout == abi::BLayout::kNk) {
      row = n;
      col = k;
    } else if (p.b_layout == abi::BLayout::kPanels) {
      row = n / 32;
      col = k * 32 + n % 32;
    }
    base += row * p.b_row_stride;
    if (p.b_type == Dtype::kU4) return (memory.get(base + col / 2, 1) >> (4 * (col & 1))) & 15;
    const unsigned bytes = abi::dtype_bits(p.b_type) / 8;
    return memory.get(base + col * bytes, bytes);
  }
  float b_value(std::uint64_t k, std::uint64_t n) const {
    const std::uint64_t bits = b_bits(k, n);
    if (p.scale_mode == abi::ScaleMode::kGroup) {
      const unsigned bytes = abi::dtype_bits(p.scale_type) / 8;
      const bool panels = p.b_layout == abi::BLayout::kPanels;
      const std::uint64_t group = k / p.group_size;
      const std::uint64_t at = b0 * p.b_scale_batch0_stride + b1 * p.b_scale_batch1_stride +
                               (panels ? n / 32 : n) * p.b_scale_row_stride +
                               (panels ? group * 32 + n % 32 : group) * bytes;
      const float scale = float_of(memory.load(p.scale_type, p.b_scale_addr + at));
      const float minimum = float_of(memory.load(p.scale_type, p.b_min_addr + at));
      const auto q = p.b_type == Dtype::kU4 ? std::int32_t(bits) : std::int32_t(std::int8_t(bits));
      return numerics::dequantize(scale, q, minimum);
    }
    return widen(p.b_type, bits);
  }
  static float widen(Dtype type, std::uint64_t bits) {
    switch (type) {
      case Dtype::kF32:
        return numerics::to_e8m10(float_of(std::uint32_t(bits)));
      case Dtype::kBF16:
        return float_of(numerics::bf16_to_f32(std::uint16_t(bits)));
      case Dtype::kF16:
        return float_of(numerics::f16_to_f32(std::uint16_t(bits)));
      case Dtype::kE4M3:
        return float_of(numerics::e4m3_to_f32(std::uint8_t(bits)));
      default:
        return float_of(numerics::e5m2_to_f32(std::uint8_t(bits)));
    }
  }
  std::uint64_t c_addr(std::uint64_t m, std::uint64_t n) const {
    return p.c_addr + b0 * p.c_batch0_stride + b1 * p.c_batch1_stride + m * p.c_row_stride +
           n * (abi::dtype_bits(p.c_type) / 8);
  }
  std::uint32_t initial(std::uint64_t m, std::uint64_t n) const {
    switch (p.init_mode) {
      case abi::InitMode::kZero:
        return 0;
      case abi::InitMode::kBias:
        return std::uint32_t(memory.get(p.bias_addr + 4 * n, 4));
      default:
        return memory.load(p.c_type, c_addr(m, n));
    }
  }
  std::uint32_t float_element(std::uint64_t m, std::uint64_t n) const {
    const unsigned bytes = abi::dtype_bits(p.a_type) / 8;
    float acc = float_of(initial(m, n));
    for (std::uint64_t k = 0; k < p.k; ++k) {
      const float a = widen(p.a_type, memory.get(a_addr(m, k), bytes));
      acc = numerics::chain_step(a, b_value(k, n), acc);
    }
    return bits_of(numerics::canonical(acc));
  }
  std::uint32_t integer_element(std::uint64_t m, std::uint64_t n) const {
    auto acc = std::int32_t(initial(m, n));
    for (std::uint64_t k = 0; k < p.k; ++k) {
      const auto a = std::int8_t(memory.get(a_addr(m, k), 1));
      acc = numerics::int8_step(a, std::int8_t(b_bits(k, n)), acc);
    }
    if (p.scale_mode != abi::ScaleMode::kRowCol) return std::uint32_t(acc);
    const std::uint64_t a_scale =
        p.a_scale_addr + b0 * p.a_scale_batch0_stride + b1 * p.a_scale_batch1_stride + 4 * m;
    const std::uint64_t b_scale =
        p.b_scale_addr + b0 * p.b_scale_batch0_stride + b1 * p.b_scale_batch1_stride + 4 * n;
    const float row = float_of(std::uint32_t(memory.get(a_scale, 4)));
    const float column = float_of(std::uint32_t(memory.get(b_scale, 4)));
    return bits_of(
        numerics::mul32(numerics::mul32(float_of(numerics::i32_to_f32(acc)), row), column));
  }
};

}  // namespace

Expected reference_matmul(const abi::MatmulPacket& p, Memory& memory) {
  MatmulReference r{p, ReferenceMemory(memory)};
  for (r.b0 = 0; r.b0 < p.batch0; ++r.b0) {
    for (r.b1 = 0; r.b1 < p.batch1; ++r.b1) {
      for (std::uint64_t m = 0; m < p.m; ++m) {
        for (std::uint64_t n = 0; n < p.n; ++n) {
          const std::uint32_t word =
              p.a_type == Dtype::kI8 ? r.integer_element(m, n) : r.float_element(m, n);
          r.memory.store(p.c_type, false, r.c_addr(m, n), word);
        }
      }
    }
  }
  return {.checksum = r.memory.checksum()};
}

// ---- VECTOR ----

namespace {

using abi::MicroOp;

Bits32 compute(MicroOp op, Bits32 a, Bits32 b, Bits32 c) {
  using namespace numerics;
  switch (op) {
    case MicroOp::kFma:
      return fma(a, b, c);
    case MicroOp::kFnma:
      return fnma(a, b, c);
    case MicroOp::kFadd:
      return add(a, b);
    case MicroOp::kFsub:
      return sub(a, b);
    case MicroOp::kFmul:
      return mul(a, b);
    case MicroOp::kFmin:
      return fmin(a, b);
    case MicroOp::kFmax:
      return fmax(a, b);
    case MicroOp::kFclt:
      return fclt(a, b);
    case MicroOp::kFcle:
      return fcle(a, b);
    case MicroOp::kFceq:
      return fceq(a, b);
    case MicroOp::kSel:
      return sel(a, b, c);
    case MicroOp::kAnd:
      return and_(a, b);
    case MicroOp::kOr:
      return or_(a, b);
    case MicroOp::kXor:
      return xor_(a, b);
    case MicroOp::kShl:
      return shl(a, b);
    case MicroOp::kShr:
      return shr(a, b);
    case MicroOp::kSar:
      return sar(a, b);
    case MicroOp::kIadd:
      return iadd(a, b);
    case MicroOp::kIsub:
      return isub(a, b);
    case MicroOp::kIlt:
      return ilt(a, b);
    case MicroOp::kUlt:
      return ult(a, b);
    case MicroOp::kIeq:
      return ieq(a, b);
    case MicroOp::kMull:
      return mull(a, b);
    case MicroOp::kMulh:
      return mulh(a, b);
    case MicroOp::kClz:
      return clz(a);
    case MicroOp::kI2f:
      return i2f(a);
    case MicroOp::kF2i:
      return f2i(a);
    case MicroOp::kF2t:
      return f2t(a);
    default:
      ADD_FAILURE() << "operation " << int(op);
      return a;
  }
}

std::uint32_t reduce(MicroOp op, const std::vector<std::uint32_t>& x) {
  using namespace numerics;
  switch (op) {
    case MicroOp::kRsum:
      return numerics::reduce<SumF32>(x.data(), x.size());
    case MicroOp::kRmin:
      return numerics::reduce<MinF32>(x.data(), x.size());
    case MicroOp::kRmax:
      return numerics::reduce<MaxF32>(x.data(), x.size());
    case MicroOp::kRisum:
      return numerics::reduce<SumI32>(x.data(), x.size());
    case MicroOp::kRimin:
      return numerics::reduce<MinI32>(x.data(), x.size());
    default:
      return numerics::reduce<MaxI32>(x.data(), x.size());
  }
}

struct Word {
  MicroOp op;
  unsigned d, a, b, c;
  std::uint32_t imm;
};
Word split(std::uint64_t word) {
  const auto bits = [&](unsigned lsb) { return unsigned(word >> lsb) & 63; };
  return {MicroOp(word & 255), bits(8), bits(14), bits(20), bits(26), std::uint32_t(word >> 32)};
}

/// Runs a phase of a row element by element: all columns of one operation before the next.
struct VectorReference {
  const abi::VectorPacket& p;
  const driver::UcodeMemory& ucode;
  ReferenceMemory memory;
  std::uint32_t row0 = 0, row1 = 0;
  std::array<std::uint32_t, 8> s{};
  std::vector<std::vector<std::uint32_t>> v;
  std::map<unsigned, std::uint32_t> reduced;  // readable from the next phase on

  std::uint32_t source(const Word& w, unsigned selector, std::uint32_t column) const {
    if (selector < abi::kSelectS) return v[selector][column];
    if (selector < abi::kSelectP) return s[selector - abi::kSelectS];
    const std::uint32_t params[] = {p.param0, p.param1, p.param2, p.param3};
    switch (selector) {
      case abi::kSelectImm:
        return w.imm;
      case abi::kSelectRow0:
        return row0;
      case abi::kSelectRow1:
        return row1;
      case abi::kSelectCol:
        return column;
      default:
        return params[selector - abi::kSelectP];
    }
  }
  std::uint64_t element(unsigned stream, std::uint64_t column) const {
    const abi::VectorStream x = abi::vector_stream(p, stream);
    return x.addr + row0 * x.row0_stride + row1 * x.row1_stride + column * x.col_stride;
  }
  std::uint32_t value(const Word& w, std::uint32_t column) const {
    if (w.op == MicroOp::kTab) return ucode.tables[w.b][source(w, w.a, column) & 255];
    return compute(w.op, {source(w, w.a, column)}, {source(w, w.b, column)},
                   {source(w, w.c, column)})
        .bits;
  }
  void store(const Word& w, std::uint32_t column) {
    const abi::VectorStream x = abi::vector_stream(p, 4 + w.d);
    const bool saturate = ((p.saturate >> w.d) & 1) != 0;
    memory.store(x.type, saturate, element(4 + w.d, column), source(w, w.a, column));
  }
  void run(const Word& w) {
    if (w.op == MicroOp::kPhase) {
      for (const auto& [number, result] : reduced) s[number] = result;
      reduced.clear();
    } else if (w.op == MicroOp::kSts) {
      store(w, 0);
    } else if (w.op == MicroOp::kLd) {
      const abi::VectorStream x = abi::vector_stream(p, w.a);
      for (std::uint32_t i = 0; i < p.cols; ++i) v[w.d][i] = memory.load(x.type, element(w.a, i));
    } else if (w.op == MicroOp::kSt) {
      for (std::uint32_t i = 0; i < p.cols; ++i) store(w, i);
    } else if (w.op >= MicroOp::kRsum && w.op <= MicroOp::kRimax) {
      std::vector<std::uint32_t> x;
      for (std::uint32_t i = 0; i < p.cols; ++i) x.push_back(source(w, w.a, i));
      reduced[w.d - abi::kSelectS] = reduce(w.op, x);
    } else if (w.d >= abi::kSelectS) {
      s[w.d - abi::kSelectS] = value(w, 0);
    } else {
      for (std::uint32_t i = 0; i < p.cols; ++i) v[w.d][i] = value(w, i);
    }
  }
};

}  // namespace

Expected reference_vector(const abi::VectorPacket& p, const driver::UcodeMemory& ucode,
                          Memory& memory) {
  VectorReference r{p, ucode, ReferenceMemory(memory)};
  r.v.assign(abi::kVectorRegisters, std::vector<std::uint32_t>(p.cols));
  for (r.row0 = 0; r.row0 < p.rows0; ++r.row0) {
    for (r.row1 = 0; r.row1 < p.rows1; ++r.row1) {
      for (unsigned i = 0; i < p.ucode_words; ++i) r.run(split(ucode.words[p.ucode_start + i]));
      r.reduced.clear();
    }
  }
  return {.checksum = r.memory.checksum()};
}

// ---- DMA ----

Expected reference_copy(const abi::CopyPacket& p, Memory& memory) {
  ReferenceMemory m(memory);
  for (std::uint64_t a = 0; a < p.extent0; ++a)
    for (std::uint64_t b = 0; b < p.extent1; ++b)
      for (std::uint64_t c = 0; c < p.extent2; ++c)
        for (std::uint64_t d = 0; d < p.extent3; ++d) {
          const std::uint64_t src = p.src_addr + a * p.src_stride0 + b * p.src_stride1 +
                                    c * p.src_stride2 + d * p.src_stride3;
          const std::uint64_t dst = p.dst_addr + a * p.dst_stride0 + b * p.dst_stride1 +
                                    c * p.dst_stride2 + d * p.dst_stride3;
          m.put(dst, p.elem_bytes, m.get(src, p.elem_bytes));
        }
  return {.checksum = m.checksum()};
}

Expected reference_fill(const abi::FillPacket& p, Memory& memory) {
  ReferenceMemory m(memory);
  for (std::uint64_t a = 0; a < p.extent0; ++a)
    for (std::uint64_t b = 0; b < p.extent1; ++b)
      for (std::uint64_t c = 0; c < p.extent2; ++c)
        for (std::uint64_t d = 0; d < p.extent3; ++d)
          m.put(p.dst_addr + a * p.dst_stride0 + b * p.dst_stride1 + c * p.dst_stride2 +
                    d * p.dst_stride3,
                p.elem_bytes, p.value);
  return {.checksum = m.checksum()};
}

namespace {

/// The index as an unsigned number; negative ones are huge.
template <class PacketType>
std::uint64_t index_at(const PacketType& p, const ReferenceMemory& m, std::uint64_t addr) {
  if (p.index_type == Dtype::kI64) return m.get(addr, 8);
  return std::uint64_t(std::int64_t(std::int32_t(m.get(addr, 4))));
}

/// Calls element(i, j, l, index) in order; the first bad index ends it.
template <class PacketType, class Element>
Expected for_each_index(const PacketType& p, ReferenceMemory& m, Element&& element) {
  for (std::uint64_t i = 0; i < p.extent0; ++i)
    for (std::uint64_t j = 0; j < p.extent1; ++j)
      for (std::uint64_t l = 0; l < p.extent2; ++l) {
        const std::uint64_t addr =
            p.index_addr + i * p.index_stride0 + j * p.index_stride1 + l * p.index_stride2;
        const std::uint64_t index = index_at(p, m, addr);
        if (index >= p.limit) return {abi::Fault::kBadIndex, addr, 0};
        element(i, j, l, index);
      }
  return {.checksum = m.checksum()};
}

}  // namespace

Expected reference_gather(const abi::GatherPacket& p, Memory& memory) {
  ReferenceMemory m(memory);
  return for_each_index(p, m, [&](auto i, auto j, auto l, std::uint64_t index) {
    const std::uint64_t src =
        p.src_addr + i * p.src_stride0 + index * p.src_index_stride + l * p.src_stride2;
    m.put(p.dst_addr + i * p.dst_stride0 + j * p.dst_stride1 + l * p.dst_stride2, p.elem_bytes,
          m.get(src, p.elem_bytes));
  });
}

Expected reference_scatter_add(const abi::ScatterAddPacket& p, Memory& memory) {
  ReferenceMemory m(memory);
  return for_each_index(p, m, [&](auto i, auto j, auto l, std::uint64_t index) {
    const auto addend = std::uint32_t(
        m.get(p.src_addr + i * p.src_stride0 + j * p.src_stride1 + l * p.src_stride2, 4));
    const std::uint64_t dst =
        p.dst_addr + i * p.dst_stride0 + index * p.dst_index_stride + l * p.dst_stride2;
    const auto old = std::uint32_t(m.get(dst, 4));
    m.put(dst, 4,
          p.elem_type == Dtype::kF32 ? numerics::add(Bits32{old}, Bits32{addend}).bits
                                     : std::uint32_t(old + addend));
  });
}

}  // namespace tandem::cmodel::test
