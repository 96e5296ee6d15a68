// SPDX-License-Identifier: Apache-2.0
// VECTOR: runs a decoded micro-program over rows, chunk by chunk, operation by operation.
#include <algorithm>
#include <array>
#include <vector>

#include "cmd/command.hpp"
#include "fault.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/reduce.hpp"
#include "vector/streams.hpp"

namespace tandem::cmodel {
namespace {

using abi::Dtype;
using abi::MicroOp;
using abi::VectorPacket;
using Kind = DecodedOp::Kind;

constexpr int kInputs = 4;
constexpr int kOutputs = 3;
constexpr int kScalarWords = kPackSlack;  // an operation on scalars writes a whole vector
constexpr std::uint64_t kTaskElements = 8192;
constexpr std::uint64_t kLoneThreadWork = 1 << 15;  // elements times operations

std::uint32_t fold(MicroOp op, std::uint32_t (&partial)[kPartials]) {
  using namespace numerics;
  switch (op) {
    case MicroOp::kRsum:
      return TANDEM_CMODEL_FAULT(cmodel_sum_order, fold_partials<SumF32>(partial), [&] {
        std::swap(partial[1], partial[34]);
        return fold_partials<SumF32>(partial);
      }());
    case MicroOp::kRmin:
      return fold_partials<MinF32>(partial);
    case MicroOp::kRmax:
      return fold_partials<MaxF32>(partial);
    case MicroOp::kRisum:
      return fold_partials<SumI32>(partial);
    case MicroOp::kRimin:
      return fold_partials<MinI32>(partial);
    default:
      return fold_partials<MaxI32>(partial);
  }
}

/// An operation with its sources and destination as pointers into one thread's registers.
struct BoundOp {
  Kind kind = Kind::kCompute;
  MicroOp op = MicroOp::kPhase;
  std::uint8_t number = 0;  ///< Stream of loads and stores, S register of reductions.
  OpFn run = nullptr;
  OpArgs args;
};
struct BoundPhase {
  std::vector<BoundOp> scalar_ops;
  std::vector<BoundOp> vector_ops;
};

/// What one call works on: all columns of a row; in programs that treat all elements alike also
/// part of the columns, or several whole rows.
struct Area {
  std::uint64_t row = 0;
  int rows = 1;
  std::uint64_t column = 0;
  std::uint64_t columns = 0;
};

/// Where a chunk lies: `rows` rows from `row` on (more than one only in programs that treat all
/// rows alike), `count` columns from `column` on of each.
struct Chunk {
  std::uint64_t row = 0;
  int rows = 1;
  std::uint64_t column = 0;
  int count = 0;
};

/// The packet as all threads see it.
struct VectorJob {
  VectorJob(const VectorPacket& p, const CommandContext& c);

  const VectorPacket& packet;
  const CommandContext& context;
  const DecodedProgram& program;
  std::array<Stream, kInputs + kOutputs> streams;
  std::array<std::uint32_t, abi::kUcodeParams> params;
  std::array<bool, kInputs + kOutputs> rows_joined{};  ///< Consecutive rows are contiguous.
};

VectorJob::VectorJob(const VectorPacket& p, const CommandContext& c)
    : packet(p),
      context(c),
      program(c.programs.find(c.device.ucode, p.ucode_start, p.ucode_words)),
      streams{{
          {p.in0_type, false, nullptr, p.in0_addr, p.in0_col_stride, p.in0_row1_stride,
           p.in0_row0_stride},
          {p.in1_type, false, nullptr, p.in1_addr, p.in1_col_stride, p.in1_row1_stride,
           p.in1_row0_stride},
          {p.in2_type, false, nullptr, p.in2_addr, p.in2_col_stride, p.in2_row1_stride,
           p.in2_row0_stride},
          {p.in3_type, false, nullptr, p.in3_addr, p.in3_col_stride, p.in3_row1_stride,
           p.in3_row0_stride},
          {p.out0_type, (p.saturate & 1) != 0, nullptr, p.out0_addr, p.out0_col_stride,
           p.out0_row1_stride, p.out0_row0_stride},
          {p.out1_type, (p.saturate & 2) != 0, nullptr, p.out1_addr, p.out1_col_stride,
           p.out1_row1_stride, p.out1_row0_stride},
          {p.out2_type, (p.saturate & 4) != 0, nullptr, p.out2_addr, p.out2_col_stride,
           p.out2_row1_stride, p.out2_row0_stride},
      }},
      params{p.param0, p.param1, p.param2, p.param3} {
  static constexpr std::array<std::string_view, kInputs + kOutputs> kNames = {
      "in0", "in1", "in2", "in3", "out0", "out1", "out2"};
  for (std::size_t i = 0; i < streams.size(); ++i) {
    Stream& s = streams[i];
    if (s.type == Dtype::kNone) continue;
    s.host = c.pointer(kNames[i]);
    const std::uint64_t bytes = abi::dtype_bits(s.type) / 8;
    rows_joined[i] = s.col_stride == bytes && s.row1_stride == bytes * p.cols &&
                     (p.rows0 == 1 || s.row0_stride == s.row1_stride * p.rows1);
  }
}

/// One thread's registers and the program bound to them.
class Worker {
 public:
  Worker(const VectorJob& job, Scratch& scratch);
  /// All phases over an area. Returns the checksum of what was stored.
  std::uint64_t run(const Area& area);

 private:
  // Registers in words: V, column indices, S, partial results by S register.
  /// Registers do not start a power of two apart, where they would hinder each other in the cache.
  static constexpr int kRegisterWords = kChunk + 16;
  static constexpr int kColumns = int(abi::kVectorRegisters) * kRegisterWords;
  static constexpr int kScalars = kColumns + kRegisterWords;
  static constexpr int kPartialSums = kScalars + int(abi::kScalarRegisters) * kScalarWords;
  static constexpr int kEnd = kPartialSums + int(abi::kScalarRegisters * kPartials);
  static_assert(kEnd <= int(Scratch::kRegisters));

  std::uint32_t* register_of(unsigned selector) const;
  const std::uint32_t* source(unsigned selector, const DecodedOp& op) const;
  BoundOp bind(const DecodedOp& op) const;
  std::uint32_t* partials(unsigned scalar) const {
    return base_ + kPartialSums + scalar * kPartials;
  }
  void set_columns(const Chunk& chunk);
  void load(const BoundOp& op, const Chunk& chunk);
  std::uint64_t store(const BoundOp& op, const Chunk& chunk);
  void run_scalars(const BoundPhase& phase, const Area& area);
  void run_chunk(const BoundPhase& phase, const Chunk& chunk);

  const VectorJob& job_;
  const Kernels& kernels_;
  std::uint32_t* base_;
  std::uint32_t rows_[2] = {};  // ROW0, ROW1
  std::vector<BoundPhase> phases_;
  std::uint64_t sum_ = 0;
};

Worker::Worker(const VectorJob& job, Scratch& scratch)
    : job_(job), kernels_(job.context.kernels), base_(scratch.registers) {
  phases_.reserve(job.program.phases.size());
  for (const DecodedPhase& phase : job.program.phases) {
    BoundPhase& bound = phases_.emplace_back();
    bound.scalar_ops.reserve(phase.scalar_ops.size());
    bound.vector_ops.reserve(phase.vector_ops.size());
    for (const DecodedOp& op : phase.scalar_ops) bound.scalar_ops.push_back(bind(op));
    for (const DecodedOp& op : phase.vector_ops) bound.vector_ops.push_back(bind(op));
  }
}

std::uint32_t* Worker::register_of(unsigned selector) const {
  if (selector < abi::kSelectS) return base_ + selector * kRegisterWords;
  return base_ + kScalars + (selector - abi::kSelectS) * kScalarWords;
}

const std::uint32_t* Worker::source(unsigned selector, const DecodedOp& op) const {
  if (selector < abi::kSelectP) return register_of(selector);
  switch (selector) {
    case abi::kSelectImm:
      return &op.imm;
    case abi::kSelectRow0:
      return &rows_[0];
    case abi::kSelectRow1:
      return &rows_[1];
    case abi::kSelectCol:
      return base_ + kColumns;
    default:
      return &job_.params[selector - abi::kSelectP];
  }
}

BoundOp Worker::bind(const DecodedOp& op) const {
  BoundOp out{.kind = op.kind, .op = op.op};
  switch (op.kind) {
    case Kind::kLoad:
      out.number = op.a;
      out.args.d = register_of(op.d);
      break;
    case Kind::kStore:
    case Kind::kStoreScalar:
      out.number = std::uint8_t(kInputs + op.d);
      out.args.a = source(op.a, op);
      // Set where a vector output stores a scalar.
      out.args.b = (op.scalars & 1) != 0 && op.kind == Kind::kStore ? out.args.a : nullptr;
      break;
    case Kind::kReduce:
      out.number = std::uint8_t(op.d - abi::kSelectS);
      out.args.a = source(op.a, op);
      break;
    case Kind::kCompute:
      out.run = kernels_.ops[std::size_t(op.op)][op.scalars];
      out.args.d = register_of(op.d);
      out.args.a = source(op.a, op);
      if (op.op == MicroOp::kTab) {
        out.args.b = job_.context.device.ucode.tables[op.b].data();
      } else {
        out.args.b = source(op.b, op);
        out.args.c = source(op.c, op);
      }
      break;
  }
  return out;
}

void Worker::set_columns(const Chunk& chunk) {
  std::uint32_t* columns = base_ + kColumns;
  for (int r = 0; r < chunk.rows; ++r) {
    for (int i = 0; i < chunk.count; ++i)
      *columns++ = std::uint32_t(chunk.column) + std::uint32_t(i);
  }
}

void Worker::load(const BoundOp& op, const Chunk& chunk) {
  const Stream& stream = job_.streams[op.number];
  const std::uint64_t rows1 = job_.packet.rows1;
  const std::uint64_t column = chunk.column * stream.col_stride;
  std::uint32_t* out = op.args.d;
  const bool once = chunk.rows == 1 || job_.rows_joined[op.number];
  const int rows = once ? 1 : chunk.rows;
  const int count = once ? chunk.rows * chunk.count : chunk.count;
  for (int r = 0; r < rows; ++r, out += count) {
    const std::uint64_t row = chunk.row + std::uint64_t(r);
    load_stream(kernels_, stream, stream.row_offset(row / rows1, row % rows1) + column, count, out);
  }
}

std::uint64_t Worker::store(const BoundOp& op, const Chunk& chunk) {
  const Stream& stream = job_.streams[op.number];
  const std::uint64_t rows1 = job_.packet.rows1;
  const std::uint64_t column = chunk.column * stream.col_stride;
  const std::uint32_t* words = op.args.a;
  std::uint32_t splat[kChunk];
  if (op.args.b != nullptr) {
    std::fill_n(splat, chunk.rows * chunk.count, *op.args.b);
    words = splat;
  }
  const bool once = chunk.rows == 1 || job_.rows_joined[op.number];
  const int rows = once ? 1 : chunk.rows;
  const int count = once ? chunk.rows * chunk.count : chunk.count;
  std::uint64_t sum = 0;
  for (int r = 0; r < rows; ++r, words += count) {
    const std::uint64_t row = chunk.row + std::uint64_t(r);
    sum += store_stream(kernels_, stream, stream.row_offset(row / rows1, row % rows1) + column,
                        count, words);
  }
  return sum;
}

void Worker::run_scalars(const BoundPhase& phase, const Area& area) {
  for (const BoundOp& op : phase.scalar_ops) {
    if (op.kind == Kind::kStoreScalar) {
      sum_ += store(op, {.row = area.row, .count = 1});
      continue;
    }
    OpArgs args = op.args;
    args.count = 1;
    op.run(args);
  }
}

void Worker::run_chunk(const BoundPhase& phase, const Chunk& chunk) {
  const int elements = chunk.rows * chunk.count;
  for (const BoundOp& op : phase.vector_ops) {
    switch (op.kind) {
      case Kind::kLoad:
        load(op, chunk);
        break;
      case Kind::kStore:
      case Kind::kStoreScalar:
        sum_ += store(op, chunk);
        break;
      case Kind::kReduce:
        kernels_.accumulate(op.op, partials(op.number), const_cast<std::uint32_t*>(op.args.a),
                            elements);
        break;
      case Kind::kCompute: {
        OpArgs args = op.args;
        args.count = elements;
        op.run(args);
        break;
      }
    }
  }
}

std::uint64_t Worker::run(const Area& area) {
  sum_ = 0;
  rows_[0] = std::uint32_t(area.row / job_.packet.rows1);
  rows_[1] = std::uint32_t(area.row % job_.packet.rows1);
  const std::uint64_t end = area.column + area.columns;
  for (std::size_t n = 0; n < phases_.size(); ++n) {
    const BoundPhase& phase = phases_[n];
    const bool uses_column = job_.program.phases[n].uses_column;
    run_scalars(phase, area);
    if (phase.vector_ops.empty()) continue;
    for (const BoundOp& op : phase.vector_ops) {
      if (op.kind != Kind::kReduce) continue;
      std::fill_n(partials(op.number), kPartials, reduction_identity(op.op));
    }
    Chunk chunk{.row = area.row, .rows = area.rows};
    for (std::uint64_t column = area.column; column < end; column += kChunk) {
      chunk.column = column;
      chunk.count = int(std::min<std::uint64_t>(kChunk, end - column));
      if (uses_column) set_columns(chunk);
      run_chunk(phase, chunk);
    }
    for (const BoundOp& op : phase.vector_ops) {
      if (op.kind != Kind::kReduce) continue;
      auto& partial = *reinterpret_cast<std::uint32_t(*)[kPartials]>(partials(op.number));
      *register_of(abi::kSelectS + op.number) = fold(op.op, partial);
    }
  }
  return sum_;
}

}  // namespace

void run_vector(const VectorPacket& packet, const CommandContext& context,
                driver::ExecutionResult& result) {
  const VectorJob job(packet, context);
  const std::uint64_t rows = std::uint64_t(packet.rows0) * packet.rows1;
  const bool alike = !job.program.uses_row;
  // A unit is what one call of Worker::run does; a task is some units.
  const std::uint64_t batch = alike && packet.cols <= kChunk / 2 ? kChunk / packet.cols : 1;
  const std::uint64_t columns =
      alike ? std::min<std::uint64_t>(packet.cols, kTaskElements) : packet.cols;
  const std::uint64_t parts = (packet.cols + columns - 1) / columns;
  const std::uint64_t units = (rows + batch - 1) / batch * parts;
  const std::uint64_t units_per_task =
      std::max<std::uint64_t>(1, kTaskElements / (columns * batch));
  const std::uint64_t tasks = (units + units_per_task - 1) / units_per_task;

  ThreadPool& pool = context.pool;
  std::vector<std::unique_ptr<Worker>> workers(std::size_t(pool.size()));
  std::atomic<std::uint64_t> sum{0};
  const auto body = [&](std::uint64_t task, int thread) {
    std::unique_ptr<Worker>& worker = workers[std::size_t(thread)];
    if (!worker) worker = std::make_unique<Worker>(job, pool.scratch(thread));
    const std::uint64_t end = std::min(units, (task + 1) * units_per_task);
    std::uint64_t part_sum = 0;
    for (std::uint64_t unit = task * units_per_task; unit < end; ++unit) {
      if (context.cancelled()) return;
      const std::uint64_t row = unit / parts * batch;
      const std::uint64_t column = unit % parts * columns;
      part_sum += worker->run({.row = row,
                               .rows = int(std::min(batch, rows - row)),
                               .column = column,
                               .columns = std::min(columns, packet.cols - column)});
    }
    sum.fetch_add(part_sum, std::memory_order_relaxed);
  };
  if (rows * packet.cols * packet.ucode_words < kLoneThreadWork) {
    for (std::uint64_t task = 0; task < tasks; ++task) body(task, 0);
  } else {
    pool.run(tasks, body);
  }
  result.checksum = sum;
}

}  // namespace tandem::cmodel
