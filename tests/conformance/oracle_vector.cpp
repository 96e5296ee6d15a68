// SPDX-License-Identifier: Apache-2.0
// VECTOR: an interpreter that computes a row at a time, and conversions of elements.
#include <map>

#include "conformance/oracle.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/numerics/reduce.hpp"

namespace tandem::tests::oracle {
namespace {

using abi::Dtype;
using abi::MicroOp;
using abi::MicroOpClass;
using abi::MicroWord;
using numerics::Bits32;
using Row = std::vector<std::uint32_t>;

/// One row of one packet.
class RowMachine {
 public:
  RowMachine(Image& image, const abi::VectorPacket& packet, const std::array<Table, 2>& tables,
             std::uint32_t row0, std::uint32_t row1)
      : image_(image), packet_(packet), tables_(tables), row0_(row0), row1_(row1) {
    v_.fill(Row(packet.cols));
  }

  void run(std::span<const std::uint64_t> program) {
    for (const std::uint64_t bits : program) {
      const MicroWord word = abi::decode(bits);
      if (word.op == MicroOp::kPhase) {
        end_phase();
      } else {
        step(word);
      }
    }
  }

 private:
  void end_phase() {
    for (const auto& [reg, value] : reduced_) s_[reg] = value;
    reduced_.clear();
  }

  std::uint64_t address(const abi::VectorStream& stream, std::uint64_t col) const {
    return stream.addr + row0_ * stream.row0_stride + row1_ * stream.row1_stride +
           col * stream.col_stride;
  }

  std::uint32_t source(unsigned selector, const MicroWord& word, std::size_t col) const {
    if (abi::is_v(selector)) return v_[selector][col];
    if (abi::is_s(selector)) return s_[selector - abi::kSelectS];
    switch (selector) {
      case abi::kSelectP:
        return packet_.param0;
      case abi::kSelectP + 1:
        return packet_.param1;
      case abi::kSelectP + 2:
        return packet_.param2;
      case abi::kSelectP + 3:
        return packet_.param3;
      case abi::kSelectImm:
        return word.imm;
      case abi::kSelectRow0:
        return row0_;
      case abi::kSelectRow1:
        return row1_;
      default:
        return static_cast<std::uint32_t>(col);
    }
  }

  std::uint32_t compute(const MicroWord& word, std::size_t col) const {
    const std::uint32_t a = source(word.a, word, col);
    if (word.op == MicroOp::kTab) return tables_[word.b][a & 255];
    return micro_op(word.op, a, source(word.b, word, col), source(word.c, word, col));
  }

  std::uint32_t reduce(const MicroWord& word) const {
    Row elements(packet_.cols);
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = source(word.a, word, i);
    const std::uint32_t* data = elements.data();
    switch (word.op) {
      case MicroOp::kRsum:
        return numerics::reduce<numerics::SumF32>(data, elements.size());
      case MicroOp::kRmin:
        return numerics::reduce<numerics::MinF32>(data, elements.size());
      case MicroOp::kRmax:
        return numerics::reduce<numerics::MaxF32>(data, elements.size());
      case MicroOp::kRisum:
        return numerics::reduce<numerics::SumI32>(data, elements.size());
      case MicroOp::kRimin:
        return numerics::reduce<numerics::MinI32>(data, elements.size());
      default:
        return numerics::reduce<numerics::MaxI32>(data, elements.size());
    }
  }

  void step(const MicroWord& word) {
    const abi::MicroOpInfo& info = *abi::find_micro_op(static_cast<std::uint8_t>(word.op));
    if (info.op_class == MicroOpClass::kReduce) {
      reduced_[word.dst - abi::kSelectS] = reduce(word);
    } else if (word.op == MicroOp::kSts) {
      store(word, 0, 1);
    } else if (word.op == MicroOp::kSt) {
      store(word, 0, packet_.cols);
    } else if (word.op == MicroOp::kLd) {
      const abi::VectorStream stream = abi::vector_stream(packet_, word.a);
      for (std::size_t col = 0; col < packet_.cols; ++col) {
        v_[word.dst][col] = load_element(image_, stream.type, address(stream, col));
      }
    } else if (abi::is_s(word.dst)) {
      s_[word.dst - abi::kSelectS] = compute(word, 0);
    } else {
      Row result(packet_.cols);
      for (std::size_t col = 0; col < result.size(); ++col) result[col] = compute(word, col);
      v_[word.dst] = result;
    }
  }

  void store(const MicroWord& word, std::size_t first, std::size_t count) {
    const abi::VectorStream stream = abi::vector_stream(packet_, abi::kVectorInputs + word.dst);
    const bool saturate = ((packet_.saturate >> word.dst) & 1) != 0;
    for (std::size_t col = first; col < first + count; ++col) {
      store_element(image_, stream.type, address(stream, col), source(word.a, word, col), saturate);
    }
  }

  Image& image_;
  const abi::VectorPacket& packet_;
  const std::array<Table, 2>& tables_;
  std::uint32_t row0_;
  std::uint32_t row1_;
  std::array<Row, abi::kVectorRegisters> v_;
  std::array<std::uint32_t, abi::kScalarRegisters> s_{};
  std::map<unsigned, std::uint32_t> reduced_;
};

}  // namespace

std::uint32_t micro_op(MicroOp op, std::uint32_t a_bits, std::uint32_t b_bits,
                       std::uint32_t c_bits) {
  const Bits32 a{a_bits};
  const Bits32 b{b_bits};
  const Bits32 c{c_bits};
  switch (op) {
    case MicroOp::kFma:
      return fma(a, b, c).bits;
    case MicroOp::kFnma:
      return fnma(a, b, c).bits;
    case MicroOp::kFadd:
      return add(a, b).bits;
    case MicroOp::kFsub:
      return sub(a, b).bits;
    case MicroOp::kFmul:
      return mul(a, b).bits;
    case MicroOp::kFmin:
      return fmin(a, b).bits;
    case MicroOp::kFmax:
      return fmax(a, b).bits;
    case MicroOp::kFclt:
      return fclt(a, b).bits;
    case MicroOp::kFcle:
      return fcle(a, b).bits;
    case MicroOp::kFceq:
      return fceq(a, b).bits;
    case MicroOp::kSel:
      return sel(a, b, c).bits;
    case MicroOp::kAnd:
      return and_(a, b).bits;
    case MicroOp::kOr:
      return or_(a, b).bits;
    case MicroOp::kXor:
      return xor_(a, b).bits;
    case MicroOp::kShl:
      return shl(a, b).bits;
    case MicroOp::kShr:
      return shr(a, b).bits;
    case MicroOp::kSar:
      return sar(a, b).bits;
    case MicroOp::kIadd:
      return iadd(a, b).bits;
    case MicroOp::kIsub:
      return isub(a, b).bits;
    case MicroOp::kIlt:
      return ilt(a, b).bits;
    case MicroOp::kUlt:
      return ult(a, b).bits;
    case MicroOp::kIeq:
      return ieq(a, b).bits;
    case MicroOp::kMull:
      return mull(a, b).bits;
    case MicroOp::kMulh:
      return mulh(a, b).bits;
    case MicroOp::kClz:
      return clz(a).bits;
    case MicroOp::kI2f:
      return i2f(a).bits;
    case MicroOp::kF2i:
      return f2i(a).bits;
    case MicroOp::kF2t:
      return f2t(a).bits;
    default:
      return 0;
  }
}

std::uint32_t load_element(const Image& image, Dtype type, std::uint64_t addr) {
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
    case Dtype::kI64:
      return image.load<std::uint32_t>(addr);
    case Dtype::kBF16:
      return numerics::bf16_to_f32(image.load<std::uint16_t>(addr));
    case Dtype::kF16:
      return numerics::f16_to_f32(image.load<std::uint16_t>(addr));
    case Dtype::kE4M3:
      return numerics::e4m3_to_f32(image.load<std::uint8_t>(addr));
    case Dtype::kE5M2:
      return numerics::e5m2_to_f32(image.load<std::uint8_t>(addr));
    case Dtype::kI8:
      return static_cast<std::uint32_t>(std::int32_t{image.load<std::int8_t>(addr)});
    case Dtype::kU8:
      return image.load<std::uint8_t>(addr);
    case Dtype::kU16:
      return image.load<std::uint16_t>(addr);
    default:
      return 0;
  }
}

void store_element(Image& image, Dtype type, std::uint64_t addr, std::uint32_t value,
                   bool saturate) {
  const auto overflow =
      saturate ? numerics::Fp8Overflow::kSaturate : numerics::Fp8Overflow::kNonSaturate;
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
      return image.store(addr, value);
    case Dtype::kI64:
      return image.store(addr, std::int64_t{static_cast<std::int32_t>(value)});
    case Dtype::kBF16:
      return image.store(addr, numerics::f32_to_bf16(value));
    case Dtype::kF16:
      return image.store(addr, numerics::f32_to_f16(value));
    case Dtype::kE4M3:
      return image.store(addr, numerics::f32_to_e4m3(value, overflow));
    case Dtype::kE5M2:
      return image.store(addr, numerics::f32_to_e5m2(value, overflow));
    case Dtype::kU16:
      return image.store(addr, static_cast<std::uint16_t>(value));
    case Dtype::kI8:
    case Dtype::kU8:
      return image.store(addr, static_cast<std::uint8_t>(value));
    default:
      return;
  }
}

void run_vector(Image& image, const abi::VectorPacket& packet,
                std::span<const std::uint64_t> program, const std::array<Table, 2>& tables) {
  for (std::uint32_t row0 = 0; row0 < packet.rows0; ++row0) {
    for (std::uint32_t row1 = 0; row1 < packet.rows1; ++row1) {
      RowMachine(image, packet, tables, row0, row1).run(program);
    }
  }
}

}  // namespace tandem::tests::oracle
