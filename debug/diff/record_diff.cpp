// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/record_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "diff_groups.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using Figures = PassFigures DiffGroup::*;

/// Fraction bits lost by storing results in the type.
double rounding_of(std::string_view dtype) {
  if (dtype == "bfloat16") return std::ldexp(1.0, -7);
  if (dtype == "float16") return std::ldexp(1.0, -10);
  return 0;
}

/// "layer.3/sdpa", as packets are called.
std::string group_name(std::optional<std::uint32_t> layer, std::string_view op) {
  return layer ? fmt::format("layer.{}/{}", *layer, op) : std::string(op);
}

bool has_head_columns(std::string_view op) { return op == "q" || op == "k" || op == "rotary"; }

void write(runtime::Device& device, const ops::Tensor& tensor, std::span<const float> values) {
  const std::uint64_t rows = tensor.dim(0);
  const std::uint64_t width = values.size() / rows;
  for (std::uint64_t row = 0; row < rows; ++row) {
    device.copy_in(tensor.addr + row * tensor.stride[0],
                   std::as_bytes(values.subspan(row * width, width)));
  }
}

/// Columns of heads from one order of rotary pairs into the other.
std::vector<float> reorder(std::span<const float> values, std::uint64_t head_dim, bool to_halves) {
  std::vector<float> result(values.size());
  const std::uint64_t half = head_dim / 2;
  for (std::uint64_t head = 0; head + head_dim <= values.size(); head += head_dim) {
    for (std::uint64_t i = 0; i < half; ++i) {
      for (std::uint64_t part = 0; part < 2; ++part) {
        const std::uint64_t pair = head + 2 * i + part, halves = head + i + part * half;
        result[to_halves ? halves : pair] = values[to_halves ? pair : halves];
      }
    }
  }
  return result;
}

std::vector<std::byte> bytes_of(float value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// What stands at a place of both results.
struct Place {
  std::string_view port;
  std::uint64_t row = 0;
  std::uint64_t column = 0;
  std::uint64_t width = 0;
  std::uint64_t addr = 0;
};

ElementDifference element_at(const Place& place, float a, float b) {
  ElementDifference element;
  element.operand = place.port;
  element.type = abi::Dtype::kF32;
  element.number = place.row * place.width + place.column;
  element.index = fmt::format("[{}, {}]", place.row, place.column);
  element.addr = place.addr;
  element.a = bytes_of(a);
  element.b = bytes_of(b);
  element.ulp = ulp_distance(abi::Dtype::kF32, element.a, element.b);
  const double distance = std::abs(double{b} - double{a});
  element.relative = a != 0          ? distance / std::abs(double{a})
                     : distance == 0 ? 0
                                     : std::numeric_limits<double>::infinity();
  return element;
}

/// Compares rows of two results; the record's are the reference of relative figures.
class Comparison {
 public:
  Comparison(std::string_view port, const ops::Tensor& tensor, std::uint64_t width, double bound)
      : port_(port), tensor_(tensor), width_(width), bound_(bound) {}

  void add_row(std::uint64_t row, std::span<const float> a, std::span<const float> b) {
    double squares_diff = 0, squares_want = 0, largest = 0;
    for (std::uint64_t column = 0; column < width_; ++column) {
      const double distance = add_element(row, column, a[column], b[column]);
      largest = std::max(largest, distance);
      squares_diff += distance * distance;
      squares_want += double{b[column]} * b[column];
    }
    difference.sums.end_row();
    const double rms = std::sqrt(squares_want / double(width_));
    const double off = std::sqrt(squares_diff / double(width_));
    const double allowed = bound_ * rms + std::numeric_limits<float>::min();
    check.row = std::max(check.row, std::isfinite(off) ? off / allowed : kFar);
    check.element =
        std::max(check.element, std::isfinite(largest) ? largest / (4 * allowed) : kFar);
  }

  PacketDifference difference;
  BoundCheck check;

 private:
  static constexpr double kFar = std::numeric_limits<double>::infinity();

  double add_element(std::uint64_t row, std::uint64_t column, float a, float b) {
    ++difference.elements;
    difference.bytes += sizeof a;
    difference.sums.add(a, b);
    if (std::memcmp(&a, &b, sizeof a) == 0) return 0;
    ++difference.differing;
    const Place place{port_, row, column, width_,
                      tensor_.addr.value + row * tensor_.stride[0] + column * sizeof a};
    const bool same_kind = std::isnan(a) && std::isnan(b);
    const double distance = same_kind ? 0 : a == b ? 0 : std::abs(double{b} - double{a});
    const bool farther = !difference.worst || !(distance <= difference.max_abs);
    difference.add_ulp(ulp_distance(abi::Dtype::kF32, std::as_bytes(std::span(&a, 1)),
                                    std::as_bytes(std::span(&b, 1))));
    if (!difference.first || farther) {
      const ElementDifference element = element_at(place, a, b);
      if (!difference.first) difference.first = element;
      if (farther) difference.worst = element;
    }
    if (farther) difference.max_abs = distance;
    return std::isnan(distance) ? kFar : distance;
  }

  std::string_view port_;
  const ops::Tensor& tensor_;
  std::uint64_t width_;
  double bound_;
};

}  // namespace

std::string record_op(std::optional<std::uint32_t> layer, std::string_view op) {
  return layer ? fmt::format("layer.{}/op.{}", *layer, op) : fmt::format("op.{}", op);
}

std::vector<float> values_of(runtime::Device& device, const ops::Tensor& tensor) {
  const std::uint64_t rows = tensor.dim(0);
  const std::uint64_t width = tensor.numel() / rows;
  std::vector<float> values(rows * width);
  for (std::uint64_t row = 0; row < rows; ++row) {
    device.copy_out(tensor.addr + row * tensor.stride[0],
                    std::as_writable_bytes(std::span(values).subspan(row * width, width)));
  }
  return values;
}

double record_bound(std::string_view op, std::string_view dtype) {
  // Products round each operand to ten bits, r = 2^-11; 2^-8 leaves room for sums that cancel.
  double bound = std::ldexp(1.0, -8);
  // Scores are products, and a probability is off by as much as its score; keys and values have ten
  // bits in the cache.
  if (op == "sdpa") bound = std::ldexp(1.0, -7);
  // Stored with ten bits or more.
  if (op == "embedding") bound = std::ldexp(1.0, -10);
  // fp32 throughout.
  if (op.ends_with("norm") || op == "silu_mul" || op == "rotary") bound = std::ldexp(1.0, -14);
  return bound + rounding_of(dtype);
}

struct RecordDiff::Impl {
  Impl(const Record& run, RecordDiffOptions settings)
      : record(run), options(std::move(settings)), packets(run.packets()) {
    report.unit = tensors() ? "op" : "packet";
    report.a = options.a;
    report.b = fmt::format("record:{}", record.path().string());
    report.trace = record.info().model.name;
    report.bounded = !options.exact;
    report.all.name = "all";
  }

  const Record& record;
  RecordDiffOptions options;
  std::optional<std::vector<RecordPacket>> packets;
  DiffReport report;
  DiffGroups layers, ops;
  bool isolated = false;
  std::uint32_t step = 0;
  std::uint64_t number = 0;        // Of the result in the pass.
  std::uint64_t next_packet = 0;   // Row of the record's.
  std::set<std::string> compared;  // Ops.
  std::uint64_t packets_differing = 0;
  std::optional<DifferingPacket> first_packet;  // With another checksum.
  std::string first_id;

  bool tensors() const { return record.info().contents != RecordContents::kChecksums; }

  void count(const std::string& op, const DifferingPacket* found) {
    const Figures pass = isolated ? &DiffGroup::isolated : &DiffGroup::accumulated;
    for (DiffGroup* group : {&report.all, &layers.at(layer_of(op)), &ops.at(op)}) {
      if (!isolated) ++group->packets;
      add_packet(group->*pass, found);
    }
    if (found == nullptr) return;
    auto& list = isolated ? report.isolated : report.accumulated;
    if (list.size() < kMaxListedPackets) list.push_back(*found);
  }

  /// The last rows of the record's tensor, in the order of the device's columns.
  std::vector<float> wanted(const RecordTensor& stored, const std::string& name,
                            std::string_view op, const ops::Tensor& tensor) const {
    const std::uint64_t rows = tensor.dim(0), size = tensor.numel();
    const std::uint64_t stored_rows = stored.shape.empty() ? 1 : stored.shape[0];
    const std::uint64_t width = stored.values.size() / std::max<std::uint64_t>(stored_rows, 1);
    if (stored_rows < rows || width * rows != size) {
      throw Error(
          ErrorCode::kMismatch,
          fmt::format("{}: step.{}/{} has shape [{}], the model's is {}: a record of another "
                      "model or prompt",
                      record.path().string(), step, name, fmt::join(stored.shape, ", "),
                      tensor.describe()));
    }
    const std::span<const float> last = std::span(stored.values).last(size);
    const bool other_order =
        has_head_columns(op) && options.interleaved != record.info().model.interleaved;
    if (!other_order) return {last.begin(), last.end()};
    return reorder(last, record.info().model.head_dim, !options.interleaved);
  }

  void call_growth(DiffGroup& group) const {
    group.accumulated.outside = 0;
    if (group.kind != DiffClass::kEqual) group.kind = DiffClass::kRoundingGrowth;
  }

  void add_notes() {
    if (tensors()) {
      std::string left;
      std::size_t count = 0;
      for (const RecordOp& op : record.info().ops) {
        if (op.composite || compared.count(op.name) != 0) continue;
        if (++count <= 6) left += (left.empty() ? "" : ", ") + op.name;
      }
      if (count != 0) {
        report.notes.push_back(fmt::format("not compared: {} ops that only the record has: {}{}",
                                           count, left, count > 6 ? ", ..." : ""));
      }
    }
    if (tensors() && packets && options.exact) {
      report.notes.push_back(
          packets_differing == 0
              ? fmt::format("{} packets have the recorded checksums", next_packet)
              : fmt::format("{} of {} packets have other checksums, first packet {} of {}",
                            packets_differing, next_packet, first_packet->number,
                            first_packet->op));
    }
    if (!first_id.empty()) report.notes.push_back(first_id);
    if (report.equal()) return;
    if (!tensors()) {
      report.notes.push_back(
          fmt::format("the record holds checksums only; for the elements record "
                      "there: {} --record-contents ops",
                      options.record_command));
    } else if (record.info().kind == "device") {
      report.notes.push_back(fmt::format(
          "for the packet and its memory record a trace there: {}; then tandem diff --trace",
          options.record_command));
    }
  }
};

RecordDiff::RecordDiff(const Record& record, RecordDiffOptions options)
    : impl_(std::make_unique<Impl>(record, std::move(options))) {}
RecordDiff::~RecordDiff() = default;

bool RecordDiff::has_tensors() const { return impl_->tensors(); }
bool RecordDiff::has_packets() const { return impl_->packets && impl_->options.exact; }

void RecordDiff::begin_pass(bool isolated) {
  impl_->isolated = isolated;
  impl_->number = 0;
  if (isolated) impl_->report.ran_isolated = true;
}

void RecordDiff::begin_step(std::uint32_t step) { impl_->step = step; }

void RecordDiff::value(runtime::Device& device, std::optional<std::uint32_t> layer,
                       std::string_view op, std::string_view port, const ops::Tensor& result) {
  Impl& self = *impl_;
  const std::string name = record_op(layer, op);
  const auto stored = self.record.tensor(self.step, fmt::format("{}/{}", name, port));
  if (!stored) return;
  // Of norm and head a record may have the last position only.
  const bool last_only = !layer && !stored->shape.empty() && stored->shape[0] < result.dim(0);
  const ops::Tensor tensor =
      last_only ? result.slice(0, result.dim(0) - stored->shape[0], result.dim(0)) : result;
  self.compared.insert(name);
  const std::vector<float> b = self.wanted(*stored, name, op, tensor);
  const std::vector<float> a = values_of(device, tensor);
  const std::uint64_t rows = tensor.dim(0), width = a.size() / rows;
  const double bound = self.options.exact ? 0 : record_bound(op, self.record.info().dtype);
  Comparison comparison(port, tensor, width, bound);
  for (std::uint64_t row = 0; row < rows; ++row) {
    comparison.add_row(row, std::span(a).subspan(row * width, width),
                       std::span(b).subspan(row * width, width));
  }
  if (self.isolated) write(device, tensor, b);
  ++self.number;
  self.report.compared_bytes += comparison.difference.bytes;

  DifferingPacket found;
  const std::string group = group_name(layer, op);
  if (comparison.difference.differing == 0) return self.count(group, nullptr);
  found.number = self.number;
  found.op = group;
  found.opcode = fmt::format("{} {}", op, port);
  found.text = fmt::format("step {}, {} x {}{}", self.step, rows, width,
                           self.options.exact ? "" : fmt::format(", bound {:.2g} of a row", bound));
  found.a = self.options.a;
  found.b = self.record.info().backend;
  found.difference = std::move(comparison.difference);
  // On its own data a result is as far off as everything before it made it: no bound tells.
  if (!self.options.exact && self.isolated) found.bound = comparison.check;
  found.outside = self.options.exact || !comparison.check.within();
  self.count(group, &found);
}

void RecordDiff::next_id(std::int32_t id) {
  Impl& self = *impl_;
  const std::vector<std::int32_t>& ids = self.record.info().new_ids;
  if (self.isolated || self.step >= ids.size() || ids[self.step] == id) return;
  if (!self.first_id.empty()) return;
  self.first_id = fmt::format("after step {} the next id is {} here and {} in the record",
                              self.step, id, ids[self.step]);
}

void RecordDiff::packet(const abi::Packet& packet, const abi::Completion& completion,
                        std::string_view op) {
  Impl& self = *impl_;
  if (!has_packets() || self.isolated || !self.report.stopped.empty()) return;
  const std::string name = op.empty() ? "(none)" : std::string(op);
  if (self.next_packet == self.packets->size()) {
    self.report.stopped = fmt::format("the record ends in front of packet {}", packet.seq);
    return;
  }
  const RecordPacket& want = (*self.packets)[self.next_packet++];
  if (want.opcode != static_cast<std::uint8_t>(packet.opcode) || want.op != op) {
    self.report.stopped = fmt::format(
        "packet {} is of {} here and packet {} of {} in the record: the runs are of different "
        "programs from here on",
        packet.seq, name, want.seq, want.op);
    return;
  }
  const bool same = want.error == completion.error && want.checksum == completion.checksum;
  if (same) {
    if (!has_tensors()) self.count(name, nullptr);
    return;
  }
  DifferingPacket found;
  const abi::OpcodeInfo* info = abi::find_opcode(want.opcode);
  found.number = packet.seq;
  found.op = name;
  found.opcode = info == nullptr ? "" : std::string(info->name);
  found.text = abi::disassemble(packet);
  found.a = fmt::format("checksum {:016x}", completion.checksum);
  found.b = fmt::format("checksum {:016x}", want.checksum);
  found.outside = true;
  if (!has_tensors()) self.count(name, &found);
  if (self.packets_differing++ == 0) self.first_packet = std::move(found);
}

bool RecordDiff::differs() const { return impl_->report.all.accumulated.differing != 0; }

DiffReport RecordDiff::finish() {
  Impl& self = *impl_;
  DiffReport& report = self.report;
  if (has_packets() && !has_tensors() && report.stopped.empty() &&
      self.next_packet != self.packets->size()) {
    report.stopped =
        fmt::format("the record has {} packets more", self.packets->size() - self.next_packet);
  }
  // A packet that is wrong in bytes which no recorded result holds.
  if (has_tensors() && self.first_packet && report.equal()) {
    begin_pass(false);
    self.count(self.first_packet->op, &*self.first_packet);
  }
  report.layers = self.layers.take(report.ran_isolated);
  report.ops = self.ops.take(report.ran_isolated);
  report.all.kind = classify(report.all, report.ran_isolated);
  if (report.ran_isolated && report.all.isolated.outside == 0 && report.bounded) {
    // Nothing is wrong by itself, so what is far off in context only grew.
    self.call_growth(report.all);
    for (DiffGroup& group : report.layers) self.call_growth(group);
    for (DiffGroup& group : report.ops) self.call_growth(group);
  }
  self.add_notes();
  return std::move(report);
}

}  // namespace tandem::debug
