// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "arguments.hpp"
#include "kernels/matmul_shape.hpp"
#include "kernels/vector_interpreter.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/base/error.hpp"

namespace tandem::gpu {
namespace {

constexpr std::uint64_t kTableBytes = abi::kTableWords * 4;
/// Threads that keep a multiprocessor busy.
constexpr std::uint64_t kThreadsOfMultiprocessor = 1024;

void count_bytes(const abi::OperandList& operands, driver::ExecutionResult& result) {
  for (const abi::Operand& operand : operands.view()) {
    const std::uint64_t bytes = operand.total_bytes();
    if (operand.role != abi::Role::kWrite) result.bytes_read += bytes;
    if (operand.role != abi::Role::kRead) result.bytes_written += bytes;
  }
}

std::uint64_t ceil_div(std::uint64_t value, std::uint64_t divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}

/// Big tiles where they fill the GPU, small ones where there would be too few.
MatmulTiles choose_tiles(const abi::MatmulPacket& p, unsigned multiprocessors) {
  if (p.m <= 2 * std::uint32_t(SkinnyTile::kBm)) return MatmulTiles::kSkinny;
  const std::uint64_t counts[4] = {ceil_div(p.m, BigTile::kBm), ceil_div(p.n, BigTile::kBn),
                                   p.batch0, p.batch1};
  const bool large = p.m > std::uint32_t(MidTile::kBm) && p.n > std::uint32_t(MidTile::kBn);
  return large && product(counts) >= multiprocessors ? MatmulTiles::kBig : MatmulTiles::kMid;
}

template <class T>
void set_tiles(MatmulArgs& args) {
  args.tiles_m = static_cast<std::uint32_t>(ceil_div(args.m, T::kBm));
  args.tiles_n = static_cast<std::uint32_t>(ceil_div(args.n, T::kBn));
  const std::uint64_t counts[4] = {args.tiles_m, args.tiles_n, args.batch0, args.batch1};
  args.tiles = product(counts);
}

}  // namespace

std::uint32_t shared_bytes_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::kMatmulSkinny:
    case Kernel::kMatmulSkinnyI8:
      return SkinnyTile::kSharedBytes;
    case Kernel::kMatmulMid:
    case Kernel::kMatmulMidI8:
      return MidTile::kSharedBytes;
    case Kernel::kMatmulBig:
    case Kernel::kMatmulBigI8:
      return BigTile::kSharedBytes;
    case Kernel::kVector:
      return vector_shared_bytes<Interpreter>();
    default:
      return kSumBytes;
  }
}

/// Where the packet's operands lie on the GPU.
struct CudaEngine::Operands {
  Gpu& gpu;
  const abi::OperandList& list;

  /// By name; 0 if the packet lacks it.
  std::uint64_t at(std::string_view name) const {
    for (const abi::Operand& item : list.view()) {
      if (item.name == name) return gpu.map(item.base, item.hull_end() - item.base);
    }
    return 0;
  }
};

CudaEngine::CudaEngine(std::unique_ptr<Gpu> gpu, EngineOptions options)
    : gpu_(std::move(gpu)), options_(options) {
  tables_at_ = gpu_->allocate(2 * kTableBytes);
}

CudaEngine::~CudaEngine() = default;

LaunchShape CudaEngine::shape_of(Kernel kernel, std::uint64_t blocks) const {
  std::uint32_t grid = grid_for(blocks);
  if (options_.max_blocks != 0) grid = std::min(grid, options_.max_blocks);
  return {grid, kBlockThreads, shared_bytes_of(kernel)};
}

std::optional<abi::Engine> CudaEngine::engine_for(std::uint8_t opcode) const {
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  if (info == nullptr || info->engine == abi::Engine::kControl) return std::nullopt;
  return info->engine;
}

void CudaEngine::reset() { uploaded_.reset(); }

void CudaEngine::execute(const abi::Packet& packet, const abi::OperandList& list,
                         const driver::ExecutionContext& context, driver::ExecutionResult& result) {
  const Operands operands{*gpu_, list};
  std::uint64_t bad_base = 0;
  std::uint64_t extent[3] = {1, 1, 1};
  std::uint64_t stride[3] = {};
  const auto remember = [&](std::uint64_t base, const auto& args) {
    bad_base = base;
    std::copy_n(args.extent, 3, extent);
    std::copy_n(args.index_stride, 3, stride);
  };
  gpu_->begin_packet(context.cancelled);
  switch (packet.opcode) {
    case abi::Opcode::kMatmul:
      launch_matmul(std::bit_cast<abi::MatmulPacket>(packet), operands);
      break;
    case abi::Opcode::kVector:
      launch_vector(std::bit_cast<abi::VectorPacket>(packet), operands, context.ucode);
      break;
    case abi::Opcode::kCopy:
      launch_copy(std::bit_cast<abi::CopyPacket>(packet), operands);
      break;
    case abi::Opcode::kFill:
      launch_fill(std::bit_cast<abi::FillPacket>(packet), operands);
      break;
    case abi::Opcode::kGather: {
      const auto gather = std::bit_cast<abi::GatherPacket>(packet);
      remember(gather.index_addr, launch_gather(gather, operands));
      break;
    }
    case abi::Opcode::kScatterAdd: {
      const auto scatter = std::bit_cast<abi::ScatterAddPacket>(packet);
      remember(scatter.index_addr, launch_scatter_add(scatter, operands));
      break;
    }
    default:
      TANDEM_CHECK(!"an opcode that engine_for refuses");
  }
  const PacketOutcome outcome = gpu_->end_packet();
  result.checksum = outcome.status.checksum;
  result.cycles = outcome.cycles;
  result.start_cycle = outcome.start_cycle;
  if (outcome.status.first_bad != kNoBadIndex) {
    const std::uint64_t n = outcome.status.first_bad;
    result.error = abi::Fault::kBadIndex;
    result.fault_addr = bad_base + n / extent[2] / extent[1] * stride[0] +
                        n / extent[2] % extent[1] * stride[1] + n % extent[2] * stride[2];
  }
  count_bytes(list, result);
}

void CudaEngine::launch_copy(const abi::CopyPacket& p, const Operands& operands) {
  CopyArgs args;
  args.status = gpu_->status();
  args.src = {operands.at("src"), p.src_addr};
  args.dst = {operands.at("dst"), p.dst_addr};
  set_loops(args,
            {{{p.extent0, p.src_stride0, p.dst_stride0},
              {p.extent1, p.src_stride1, p.dst_stride1},
              {p.extent2, p.src_stride2, p.dst_stride2},
              {p.extent3, p.src_stride3, p.dst_stride3}}},
            p.elem_bytes, p.src_addr | p.dst_addr);
  launch(Kernel::kCopy, shape_of(Kernel::kCopy, ceil_div(args.elements, kBlockThreads)), args);
}

void CudaEngine::launch_fill(const abi::FillPacket& p, const Operands& operands) {
  CopyArgs args;
  args.status = gpu_->status();
  args.dst = {operands.at("dst"), p.dst_addr};
  args.value = p.value;
  for (unsigned bits = 8u * p.elem_bytes; bits < 64; bits *= 2) args.value |= args.value << bits;
  set_loops(args,
            {{{p.extent0, 0, p.dst_stride0},
              {p.extent1, 0, p.dst_stride1},
              {p.extent2, 0, p.dst_stride2},
              {p.extent3, 0, p.dst_stride3}}},
            p.elem_bytes, p.dst_addr);
  launch(Kernel::kFill, shape_of(Kernel::kFill, ceil_div(args.elements, kBlockThreads)), args);
}

GatherArgs CudaEngine::launch_gather(const abi::GatherPacket& p, const Operands& operands) {
  GatherArgs args = gather_args(p);
  args.status = gpu_->status();
  args.src = {operands.at("src"), p.src_addr};
  args.dst = {operands.at("dst"), p.dst_addr};
  args.index = operands.at("index");
  launch(Kernel::kGather, shape_of(Kernel::kGather, ceil_div(args.elements, kBlockThreads)), args);
  return args;
}

ScatterArgs CudaEngine::launch_scatter_add(const abi::ScatterAddPacket& p,
                                           const Operands& operands) {
  ScatterArgs args = scatter_args(p, gpu_->multiprocessors() * kThreadsOfMultiprocessor);
  args.status = gpu_->status();
  args.src = {operands.at("src"), p.src_addr};
  args.dst = {operands.at("dst"), p.dst_addr};
  args.index = operands.at("index");
  const std::uint64_t columns =
      (args.split_i != 0 ? args.extent[0] : 1) * (args.split_l != 0 ? args.extent[2] : 1);
  const std::uint64_t blocks = ceil_div(columns << args.parts_log2, kBlockThreads);
  launch(Kernel::kScatterAdd, shape_of(Kernel::kScatterAdd, blocks), args);
  return args;
}

void CudaEngine::launch_matmul(const abi::MatmulPacket& p, const Operands& operands) {
  MatmulArgs args = matmul_args(p);
  args.status = gpu_->status();
  args.c_addr = p.c_addr;
  args.a.at = operands.at("a");
  args.b.at = operands.at("b");
  args.c.at = operands.at("c");
  args.bias = operands.at("bias");
  args.b_scale.at = operands.at("b_scale");
  args.b_min.at = operands.at("b_min");
  args.a_scale.at = operands.at("a_scale");
  if (gpu_->native_matmul(p, args)) {
    ChecksumArgs sum;
    sum.status = args.status;
    sum.data = {args.c.at, p.c_addr};
    const std::uint64_t extents[3] = {p.batch0, p.batch1, p.m};
    const std::uint64_t strides[3] = {p.c_batch0_stride, p.c_batch1_stride, p.c_row_stride};
    std::copy_n(extents, 3, sum.extent);
    std::copy_n(strides, 3, sum.stride);
    sum.row_bytes = std::uint64_t{p.n} * abi::dtype_bits(p.c_type) / 8;
    const std::uint64_t words[4] = {p.batch0, p.batch1, p.m, sum.row_bytes / 4 + 2};
    launch(Kernel::kChecksum, shape_of(Kernel::kChecksum, ceil_div(product(words), kBlockThreads)),
           sum);
    return;
  }
  const bool integers = p.a_type == abi::Dtype::kI8;
  const MatmulTiles tiles = options_.tiles != MatmulTiles::kAuto
                                ? options_.tiles
                                : choose_tiles(p, gpu_->multiprocessors());
  Kernel kernel = integers ? Kernel::kMatmulSkinnyI8 : Kernel::kMatmulSkinny;
  if (tiles == MatmulTiles::kSkinny) {
    set_tiles<SkinnyTile>(args);
  } else if (tiles == MatmulTiles::kMid) {
    set_tiles<MidTile>(args);
    kernel = integers ? Kernel::kMatmulMidI8 : Kernel::kMatmulMid;
  } else {
    set_tiles<BigTile>(args);
    kernel = integers ? Kernel::kMatmulBigI8 : Kernel::kMatmulBig;
  }
  launch(kernel, shape_of(kernel, args.tiles), args);
}

void CudaEngine::launch_vector(const abi::VectorPacket& p, const Operands& operands,
                               const driver::UcodeMemory& ucode) {
  static constexpr std::string_view kNames[abi::kVectorStreams] = {"in0",  "in1",  "in2", "in3",
                                                                   "out0", "out1", "out2"};
  const std::span<const std::uint64_t> words(ucode.words.data() + p.ucode_start, p.ucode_words);
  VectorArgs args = vector_args(p, words, gpu_->multiprocessors() * kThreadsOfMultiprocessor);
  upload_ucode(ucode);
  args.status = gpu_->status();
  args.program = words_at_ + std::uint64_t{p.ucode_start} * 8;
  args.table[0] = tables_at_;
  args.table[1] = tables_at_ + kTableBytes;
  for (unsigned i = 0; i < abi::kVectorStreams; ++i)
    args.stream[i].place.at = operands.at(kNames[i]);
  const LaunchShape shape =
      shape_of(Kernel::kVector, ceil_div(args.units, kBlockThreads / args.lanes));
  if (const auto program = gpu_->load_program(words, p)) {
    gpu_->launch_program(*program, shape, args);
    return;
  }
  launch(Kernel::kVector, shape, args);
}

void CudaEngine::upload_ucode(const driver::UcodeMemory& ucode) {
  if (uploaded_ == ucode.generation) return;
  if (words_ != ucode.words.size()) {
    if (words_ != 0) gpu_->release(words_at_);
    words_ = ucode.words.size();
    words_at_ = gpu_->allocate(words_ * 8);
  }
  gpu_->upload(words_at_, std::as_bytes(std::span(ucode.words)));
  for (std::size_t t = 0; t < ucode.tables.size(); ++t) {
    gpu_->upload(tables_at_ + t * kTableBytes, std::as_bytes(std::span(ucode.tables[t])));
  }
  uploaded_ = ucode.generation;
}

}  // namespace tandem::gpu
