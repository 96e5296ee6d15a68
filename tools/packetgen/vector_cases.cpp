// SPDX-License-Identifier: Apache-2.0
#include "packetgen/vector_cases.hpp"

#include <algorithm>
#include <stdexcept>

#include "tandem/abi/metadata.hpp"

namespace tandem::packetgen {
namespace {

using abi::Dtype;

Dtype any_type(Random& random) {
  return random.pick({Dtype::kF32, Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3,
                      Dtype::kE5M2, Dtype::kI8, Dtype::kU8, Dtype::kU16, Dtype::kI32, Dtype::kI64});
}

}  // namespace

void place_streams(Random& random, VectorCase& c) {
  abi::VectorPacket& p = c.packet;
  std::uint64_t next = kOperandBase;
  for (unsigned i = 0; i < abi::kVectorStreams; ++i) {
    abi::VectorStream s = abi::vector_stream(p, i);
    if (s.type == Dtype::kNone) continue;
    const bool output = i >= abi::kVectorInputs;
    const bool scalar = output && ((p.out_scalar >> (i - abi::kVectorInputs)) & 1) != 0;
    const std::uint64_t bytes = abi::dtype_bits(s.type) / 8;
    s.col_stride = scalar ? 0 : bytes * random.pick<std::uint64_t>({1, 1, 1, 1, 2, 3, 17});
    if (s.col_stride * p.cols > 16'000) s.col_stride = bytes;
    if (!output && random.one_in(6)) s.col_stride = 0;
    const std::uint64_t row = scalar ? bytes : (p.cols - 1) * s.col_stride + bytes;
    s.row1_stride = row + bytes * random.pick<std::uint64_t>({0, 0, 3});
    s.row0_stride = s.row1_stride * p.rows1 + bytes * random.pick<std::uint64_t>({0, 0, 2});
    if (!output && random.one_in(5)) s.row1_stride = 0;
    if (!output && random.one_in(5)) s.row0_stride = 0;
    // Any alignment that the element allows, and a gap to the stream before.
    s.addr = (next + 1 + random.below(80) + bytes - 1) / bytes * bytes;
    if (random.one_in(3)) s.addr = (next + 64) / 64 * 64;
    next = s.addr + (p.rows0 - 1) * s.row0_stride + (p.rows1 - 1) * s.row1_stride + row;
    abi::set_vector_stream(p, i, s);
    if (output) continue;
    VectorCase::Data data{s.addr, std::vector<std::byte>(next - s.addr)};
    fill_random(random, s.type, random.one_in(2), data.bytes.data(), data.bytes.size() / bytes);
    c.data.push_back(std::move(data));
  }
  if (next > kOperandBase + kOperandBytes) throw std::logic_error("the case does not fit");
}

VectorCase random_vector_case(Random& random, std::uint32_t max_cols) {
  VectorCase c;
  abi::VectorPacket& p = c.packet;
  p.wait_mask = 7;
  p.cols = random.one_in(2)
               ? random.pick<std::uint32_t>({1, 2, 3, 4, 15, 16, 17, 31, 63, 64, 65, 128})
               : std::uint32_t(1 + random.below(max_cols));
  p.rows0 = random.pick<std::uint32_t>({1, 1, 2, 3});
  p.rows1 = random.pick<std::uint32_t>({1, 2, 5});
  while (p.rows1 > 1 && p.cols * p.rows0 * p.rows1 > 2000) --p.rows1;
  while (p.rows0 > 1 && p.cols * p.rows0 * p.rows1 > 2000) --p.rows0;
  p.in0_type = any_type(random);
  for (Dtype* type : {&p.in1_type, &p.in2_type, &p.in3_type}) {
    *type = random.one_in(2) ? any_type(random) : Dtype::kNone;
  }
  p.out0_type = any_type(random);
  p.out1_type = random.one_in(2) ? any_type(random) : Dtype::kNone;
  p.out2_type = random.one_in(3) ? any_type(random) : Dtype::kNone;
  const Dtype outputs[] = {p.out0_type, p.out1_type, p.out2_type};
  for (unsigned i = 0; i < abi::kVectorOutputs; ++i) {
    if (outputs[i] == Dtype::kNone) continue;
    if (random.one_in(4)) p.out_scalar |= std::uint8_t(1u << i);
    const bool fp8 = outputs[i] == Dtype::kE4M3 || outputs[i] == Dtype::kE5M2;
    if (fp8 && random.one_in(2)) p.saturate |= std::uint8_t(1u << i);
  }
  p.param0 = random.float_pattern(false);
  p.param1 = random.float_pattern(true);
  p.param2 = random.word();
  p.param3 = std::uint32_t(random.below(40));
  c.program = random_program(random, p);
  p.ucode_words = std::uint16_t(c.program.size());
  place_streams(random, c);
  return c;
}

abi::LoadUcodePacket load_program(std::uint32_t dst_word, std::uint32_t words) {
  abi::LoadUcodePacket packet;
  packet.wait_mask = 7;
  packet.words = words;
  packet.dst_word = dst_word;
  packet.target = abi::UcodeTarget::kProgram;
  packet.src_addr = kUcodeBase;
  return packet;
}

abi::LoadUcodePacket load_table(unsigned table, std::uint64_t addr) {
  abi::LoadUcodePacket packet;
  packet.wait_mask = 7;
  packet.words = abi::kTableWords;
  packet.target = table == 0 ? abi::UcodeTarget::kTable0 : abi::UcodeTarget::kTable1;
  packet.src_addr = addr;
  return packet;
}

}  // namespace tandem::packetgen
