// SPDX-License-Identifier: Apache-2.0
// VECTOR: rows, phases and reductions around a program that does one element at a time.
//
// `lanes` threads work on a unit, lane n on the columns n, n + lanes, ...; with 64 lanes element i
// meets partial i mod 64 in ascending order, as the contract defines reductions, without a word
// between threads until the phase ends. Programs without reductions need no whole rows: long rows
// are cut into units of `part_cols` columns, short ones take fewer lanes. Scalar operations are
// done by every lane, which is cheaper than to wait for one.
//
// A program is a class with
//   static constexpr unsigned kRegisterWords;  words of shared memory that a thread needs
//   void scalars(args, phase, thread, registers) const;          scalar operations of the phase
//   void element(args, phase, thread, column, registers) const;  vector operations for one column
// where word w of a thread's registers is registers[w * kBlockThreads]. `element` adds to
// thread.partial with `reduce`, `scalars` stores with thread.lane == 0 and thread.first_part only.
#pragma once

#include "kernels/vector_stream.hpp"
#include "tandem/numerics/reduce.hpp"

namespace tandem::gpu {

/// A thread of VECTOR.
struct VectorThread {
  std::uint64_t sum = 0;  ///< Checksum of what it stored.
  std::uint32_t row0 = 0, row1 = 0;
  std::uint64_t column = 0, end = 0;  ///< Columns column, column + lanes, ... below end.
  std::uint32_t lane = 0;
  bool active = false;
  bool first_part = false;   ///< Stores the row's scalars, if lane is 0.
  std::uint32_t scalar[8];   ///< S registers.
  std::uint32_t partial[8];  ///< By S register, in phases that reduce into it.
};

/// op(partial, element) of a reduction.
TANDEM_GPU_FN std::uint32_t reduce(abi::MicroOp op, std::uint32_t a, std::uint32_t b) {
  using abi::MicroOp;
  switch (op) {
    case MicroOp::kRsum:
      return numerics::SumF32()(a, b);
    case MicroOp::kRmin:
      return numerics::MinF32()(a, b);
    case MicroOp::kRmax:
      return numerics::MaxF32()(a, b);
    case MicroOp::kRisum:
      return numerics::SumI32()(a, b);
    case MicroOp::kRimin:
      return numerics::MinI32()(a, b);
    default:
      return numerics::MaxI32()(a, b);
  }
}

TANDEM_GPU_FN std::uint32_t reduction_identity(abi::MicroOp op) {
  using abi::MicroOp;
  switch (op) {
    case MicroOp::kRsum:
      return numerics::SumF32::kIdentity;
    case MicroOp::kRmin:
      return numerics::MinF32::kIdentity;
    case MicroOp::kRmax:
      return numerics::MaxF32::kIdentity;
    case MicroOp::kRisum:
      return numerics::SumI32::kIdentity;
    case MicroOp::kRimin:
      return numerics::MinI32::kIdentity;
    default:
      return numerics::MaxI32::kIdentity;
  }
}

/// Byte offset of an element of a stream.
TANDEM_GPU_FN std::uint64_t stream_offset(const StreamArgs& stream, const VectorThread& thread,
                                          std::uint64_t column) {
  return thread.row0 * stream.row0_stride + thread.row1 * stream.row1_stride +
         column * stream.col_stride;
}

/// Micro-operations `ld`, `st` and `sts`, for programs to call. Inputs are streams 0..3, outputs
/// 4..6.
TANDEM_GPU_FN std::uint32_t vector_load(const VectorArgs& a, unsigned stream,
                                        const VectorThread& thread, std::uint64_t column) {
  const StreamArgs& s = a.stream[stream];
  return load_element(s.type, s.place.at + stream_offset(s, thread, column));
}
TANDEM_GPU_FN void vector_store(const VectorArgs& a, unsigned stream, VectorThread& thread,
                                std::uint64_t column, std::uint32_t word) {
  const StreamArgs& s = a.stream[stream];
  thread.sum += store_element(s, stream_offset(s, thread, column), word);
}
TANDEM_GPU_FN void vector_store_scalar(const VectorArgs& a, unsigned stream, VectorThread& thread,
                                       std::uint32_t word) {
  if (thread.lane == 0 && thread.first_part) vector_store(a, stream, thread, 0, word);
}
/// Word `index` mod 256 of a lookup table.
TANDEM_GPU_FN std::uint32_t vector_table(const VectorArgs& a, unsigned table, std::uint32_t index) {
  return load<std::uint32_t>(a.table[table] + 4 * (index & (abi::kTableWords - 1)));
}

/// Makes the thread ready for its unit, which may be past the last.
TANDEM_GPU_FN void start_unit(const VectorArgs& a, std::uint64_t unit, unsigned t,
                              VectorThread& thread) {
  thread.active = unit < a.units;
  thread.lane = t & (a.lanes - 1);
  const std::uint64_t row = unit / a.parts;
  const std::uint64_t part = unit - row * a.parts;
  thread.row0 = static_cast<std::uint32_t>(row / a.rows1);
  thread.row1 = static_cast<std::uint32_t>(row - std::uint64_t{thread.row0} * a.rows1);
  thread.first_part = part == 0;
  const std::uint64_t first = part * a.part_cols;
  thread.column = first + thread.lane;
  thread.end = a.cols - first < a.part_cols ? a.cols : first + a.part_cols;
}

/// All of a phase but the end of its reductions.
template <class Program>
TANDEM_GPU_FN void run_phase(const VectorArgs& a, unsigned phase, const Program& program,
                             VectorThread& thread, std::uint32_t* registers) {
  TANDEM_GPU_UNROLL
  for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
    if ((a.reduces[phase] >> s & 1) != 0) {
      thread.partial[s] = reduction_identity(static_cast<abi::MicroOp>(a.reduce_op[phase][s]));
    }
  }
  program.scalars(a, phase, thread, registers);
  for (std::uint64_t column = thread.column; column < thread.end; column += a.lanes) {
    program.element(a, phase, thread, column, registers);
  }
}

/// The tree over the 64 partials of every reduction of the phase; leaves the results in the S
/// registers. `partials` are 64 x 8 words a unit.
template <class Context, class Threads>
TANDEM_GPU_FN void fold_partials(Context& ctx, const VectorArgs& a, unsigned phase,
                                 Threads& threads, std::uint32_t* partials) {
  const unsigned mask = a.reduces[phase];
  ctx.for_each_thread([&](unsigned t) {
    TANDEM_GPU_UNROLL
    for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
      if ((mask >> s & 1) != 0) partials[s * kBlockThreads + t] = threads[t].partial[s];
    }
  });
  for (unsigned width = unsigned(numerics::kPartials) / 2; width != 0; width /= 2) {
    ctx.sync();
    ctx.for_each_thread([&](unsigned t) {
      if (threads[t].lane >= width) return;
      for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
        if ((mask >> s & 1) == 0) continue;
        std::uint32_t* p = partials + s * kBlockThreads + t;
        *p = reduce(static_cast<abi::MicroOp>(a.reduce_op[phase][s]), p[0], p[width]);
      }
    });
  }
  ctx.sync();
  ctx.for_each_thread([&](unsigned t) {
    TANDEM_GPU_UNROLL
    for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
      if ((mask >> s & 1) != 0) {
        threads[t].scalar[s] = partials[s * kBlockThreads + (t - threads[t].lane)];
      }
    }
  });
  ctx.sync();
}

/// Shared memory of `vector_body`.
template <class Program>
constexpr std::uint32_t vector_shared_bytes() {
  return kSumBytes + shared_size(abi::kScalarRegisters * kBlockThreads, 4) +
         shared_size(Program::kRegisterWords * kBlockThreads, 4);
}

template <class Program, class Context>
TANDEM_GPU_FN void vector_body(Context& ctx, const VectorArgs& a, const Program& program) {
  auto threads = ctx.template locals<VectorThread>();
  auto sum = ctx.template locals<std::uint64_t>();
  auto* sums = ctx.template shared<std::uint64_t>(kBlockThreads);
  auto* partials = ctx.template shared<std::uint32_t>(abi::kScalarRegisters * kBlockThreads);
  auto* registers = ctx.template shared<std::uint32_t>(Program::kRegisterWords * kBlockThreads);
  const std::uint64_t at_once = kBlockThreads / a.lanes;
  const std::uint64_t step = ctx.grid() * at_once;
  ctx.for_each_thread([&](unsigned t) { threads[t].sum = 0; });
  for (std::uint64_t first = ctx.block() * at_once; first < a.units && !ctx.cancelled();
       first += step) {
    ctx.for_each_thread([&](unsigned t) { start_unit(a, first + t / a.lanes, t, threads[t]); });
    for (unsigned phase = 0; phase < a.phases; ++phase) {
      ctx.for_each_thread([&](unsigned t) {
        if (threads[t].active) run_phase(a, phase, program, threads[t], registers + t);
      });
      if (a.reduces[phase] != 0) fold_partials(ctx, a, phase, threads, partials);
    }
  }
  ctx.for_each_thread([&](unsigned t) { sum[t] = threads[t].sum; });
  finish_sum(ctx, sum, sums, a.status);
}

}  // namespace tandem::gpu
