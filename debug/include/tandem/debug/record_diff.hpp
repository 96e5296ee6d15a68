// SPDX-License-Identifier: Apache-2.0
// A run on a device against a record of a run elsewhere, op by op or packet by packet.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/debug/diff.hpp"
#include "tandem/debug/record.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::debug {

/// Name of an op in records: "layer.3/op.sdpa", or "op.norm" outside decoder blocks.
std::string record_op(std::optional<std::uint32_t> layer, std::string_view op);

/// Elements of an f32 tensor on a device, row-major; rows (axis 0) may lie apart.
std::vector<float> values_of(runtime::Device& device, const ops::Tensor& tensor);

/// How far a row of an op's result may be from that of another arithmetic with the same inputs: in
/// the root mean square, relative to the row. Single elements may be four times as far off.
/// `op`: "sdpa"; `dtype`: of the other computation, "bfloat16". docs/reference/op_bounds.md
double record_bound(std::string_view op, std::string_view dtype);

struct RecordDiffOptions {
  std::string a;               ///< Name of the device.
  bool exact = false;          ///< Same arithmetic on both sides: bits must be equal.
  bool interleaved = false;    ///< How the device's model orders rotary pairs.
  std::string record_command;  ///< `tandem run ...` that makes the record; for messages.
};

/// Collects what a run on A and a record differ in. Two passes: `accumulated`, in which A computes
/// with its own values, and `isolated`, in which each result is replaced by the record's once it
/// was compared, so every op has the record's inputs. A result that is out of bounds in the second
/// is wrong by itself.
class RecordDiff {
 public:
  RecordDiff(const Record& record, RecordDiffOptions options);
  ~RecordDiff();
  RecordDiff(const RecordDiff&) = delete;
  RecordDiff& operator=(const RecordDiff&) = delete;

  /// Whether the record has results of ops; else only its packets can be compared.
  bool has_tensors() const;
  /// Whether it has packets that A's arithmetic must repeat.
  bool has_packets() const;

  /// The accumulated pass comes first.
  void begin_pass(bool isolated);
  void begin_step(std::uint32_t step);
  /// A result of the running step, as models::OpHook tells it. Writes to device memory in the
  /// isolated pass. Throws kMismatch where shapes differ: another model.
  void value(runtime::Device& device, std::optional<std::uint32_t> layer, std::string_view op,
             std::string_view port, const ops::Tensor& tensor);
  /// The id with the largest logit after the running step, of the accumulated pass.
  void next_id(std::int32_t id);
  /// A packet of the accumulated pass.
  void packet(const abi::Packet& packet, const abi::Completion& completion, std::string_view op);

  /// Whether the passes so far found a difference.
  bool differs() const;
  DiffReport finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::debug
