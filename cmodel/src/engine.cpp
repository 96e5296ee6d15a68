// SPDX-License-Identifier: Apache-2.0
// Fetch is done by the command processor; this dispatches a checked packet to its command.
#include "tandem/cmodel/engine.hpp"

#include <bit>
#include <thread>

#include "check/checker.hpp"
#include "cmd/command.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/fp_env.hpp"

namespace tandem::cmodel {
namespace {

constexpr int kMaxThreads = 256;

const Kernels& checked_kernels(SimdPath path) {
  if (const Kernels* kernels = find_kernels(path)) return *kernels;
  const char* wanted = path == SimdPath::kAvx512 ? "simd=avx512" : "simd=avx2";
  throw Error(ErrorCode::kUnimplemented,
              std::string("cmodel: this processor or build lacks the instructions of ") + wanted +
                  "; use simd=auto");
}

int checked_threads(int threads) {
  if (threads < 0 || threads > kMaxThreads) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "cmodel: threads must be 1 to 256 or 0 for all cores, found " + std::to_string(threads));
  }
  if (threads != 0) return threads;
  const auto cores = int(std::thread::hardware_concurrency());
  return cores < 1 ? 1 : (cores > kMaxThreads ? kMaxThreads : cores);
}

void count_bytes(const abi::OperandList& operands, driver::ExecutionResult& result) {
  for (const abi::Operand& operand : operands.view()) {
    const std::uint64_t bytes = operand.total_bytes();
    if (operand.role != abi::Role::kWrite) result.bytes_read += bytes;
    if (operand.role != abi::Role::kRead) result.bytes_written += bytes;
  }
}

}  // namespace

NpuEngine::NpuEngine(const Options& options)
    : kernels_(checked_kernels(options.simd)),
      pool_(std::make_unique<ThreadPool>(checked_threads(options.threads))),
      programs_(std::make_unique<ProgramCache>()),
      checker_(options.checker) {}

NpuEngine::~NpuEngine() = default;

std::optional<abi::Engine> NpuEngine::engine_for(std::uint8_t opcode) const {
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  if (info == nullptr || info->engine == abi::Engine::kControl) return std::nullopt;
  return info->engine;
}

void NpuEngine::execute(const abi::Packet& packet, const abi::OperandList& operands,
                        const driver::ExecutionContext& context, driver::ExecutionResult& result) {
  if (checker_) checker_->examine(packet, operands, context.ram, context.ucode);
  const numerics::FpEnvironment environment;
  const CommandContext command{kernels_, *pool_, *programs_, operands, context};
  switch (packet.opcode) {
    case abi::Opcode::kMatmul:
      run_matmul(std::bit_cast<abi::MatmulPacket>(packet), command, result);
      break;
    case abi::Opcode::kVector:
      run_vector(std::bit_cast<abi::VectorPacket>(packet), command, result);
      break;
    case abi::Opcode::kCopy:
      run_copy(std::bit_cast<abi::CopyPacket>(packet), command, result);
      break;
    case abi::Opcode::kFill:
      run_fill(std::bit_cast<abi::FillPacket>(packet), command, result);
      break;
    case abi::Opcode::kGather:
      run_gather(std::bit_cast<abi::GatherPacket>(packet), command, result);
      break;
    case abi::Opcode::kScatterAdd:
      run_scatter_add(std::bit_cast<abi::ScatterAddPacket>(packet), command, result);
      break;
    default:
      TANDEM_CHECK(!"an opcode that engine_for refuses");
  }
  count_bytes(operands, result);
}

void NpuEngine::reset() {
  programs_->clear();
  if (checker_) checker_->reset();
}

void NpuEngine::before(const abi::Packet& packet, const abi::OperandList& operands) {
  checker_->issued(packet, operands);
}

void NpuEngine::after(const abi::Packet& /*packet*/, const abi::OperandList& operands,
                      const driver::ExecutionResult& result) {
  if (result.error == abi::Fault::kNone) checker_->completed(operands);
}

std::string_view NpuEngine::simd_name() const { return kernels_.name; }
int NpuEngine::threads() const { return pool_->size(); }

}  // namespace tandem::cmodel
