// SPDX-License-Identifier: Apache-2.0
#include "op_case.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compare.hpp"
#include "tandem/base/error.hpp"

namespace tandem::check {
namespace {

HostArray load(const models::SafetensorsFile& file, const JsonValue& entry) {
  return load_array(file, entry.at("key").get<std::string>(), entry.at("dtype").get<std::string>(),
                    entry.at("shape").get<std::vector<std::uint64_t>>());
}

std::vector<std::pair<std::string, JsonValue>> arrays(const JsonValue& list) {
  constexpr std::size_t kMaxArrays = 256;  // They may all name the same large tensor.
  auto members = list.members();
  if (members.size() > kMaxArrays) {
    list.fail(fmt::format("expected at most {} arrays, found {}", kMaxArrays, members.size()));
  }
  return members;
}

// Results whose bits the reference data fixes whatever the case's tolerance is.
bool is_exact(const std::string& label) { return label == "device" || label == "acc"; }

}  // namespace

OpCase::OpCase(ops::Context& ctx, const JsonValue& spec, const models::SafetensorsFile& file)
    : ctx_(ctx), spec_(spec) {
  for (const auto& [label, entry] : arrays(spec.at("inputs"))) {
    HostArray array = load(file, entry);
    const ops::Tensor tensor = allocate(device_type(array.type), array.shape);
    if (!array.bytes.empty()) ctx_.device().copy_in(tensor.addr, array.bytes);
    inputs_[label] = tensor;
    host_inputs_[label] = std::move(array);
  }
  for (const auto& [label, entry] : arrays(spec.at("outputs"))) {
    references_[label] = load(file, entry);
  }
}

bool OpCase::has_param(const std::string& key) const {
  return spec_.has("params") && spec_.at("params").has(key);
}

JsonValue OpCase::param(const std::string& key) const { return spec_.at("params").at(key); }

const ops::Tensor& OpCase::input(const std::string& label) const {
  const auto found = inputs_.find(label);
  if (found == inputs_.end()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("the case has no input '{}'", label));
  }
  return found->second;
}

const HostArray& OpCase::host_input(const std::string& label) const {
  input(label);
  return host_inputs_.at(label);
}

const HostArray& OpCase::reference(const std::string& label) const {
  const auto found = references_.find(label);
  if (found == references_.end()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("the case has no output '{}'", label));
  }
  return found->second;
}

ops::Tensor OpCase::allocate(ops::Dtype type, const std::vector<std::uint64_t>& shape) {
  ops::Tensor tensor(PhysAddr(), type, shape);
  const std::uint64_t num_bytes = tensor.numel() * tensor.elem_bytes();
  buffers_.push_back(
      ctx_.device().malloc("activations", std::max<std::uint64_t>(num_bytes, 1), "check"));
  tensor.addr = buffers_.back().addr();
  return tensor;
}

ops::Tensor OpCase::result(const std::string& label) {
  if (const auto found = results_.find(label); found != results_.end()) return found->second;
  const HostArray& want = reference(label);
  const ops::Dtype type =
      want.type == ElementType::kF64 ? ops::Dtype::kF32 : device_type(want.type);
  order_.push_back(label);
  return results_[label] = allocate(type, want.shape);
}

HostArray OpCase::fetch(const std::string& label) {
  const ops::Tensor& tensor = results_.at(label);
  const HostArray& want = reference(label);
  HostArray got =
      make_array(want.type == ElementType::kF64 ? ElementType::kF32 : want.type, want.shape);
  if (!got.bytes.empty()) ctx_.device().copy_out(tensor.addr, got.bytes);
  return got;
}

Tolerance tolerance_of(const OpCase& op_case, const std::string& label) {
  Tolerance tolerance;
  const JsonValue spec = op_case.spec().at("tolerance");
  tolerance.nan_allowed = op_case.param("nan_also_allowed_at", std::vector<std::uint64_t>());
  const auto kind = spec.at("kind").get<std::string>();
  if (is_exact(label) || kind == "bits") return tolerance;
  if (kind == "ulp") {
    tolerance.kind = Tolerance::Kind::kUlp;
    tolerance.ulp = spec.at("ulp").get<double>();
    tolerance.abs = spec.at("abs").get<double>();
  } else if (kind == "abs") {
    tolerance.kind = Tolerance::Kind::kAbs;
    tolerance.abs = spec.at("abs").get<double>();
  } else if (kind == "scaled") {
    tolerance.kind = Tolerance::Kind::kScaled;
    tolerance.rel = spec.at("rel").get<double>();
    const JsonValue array = spec.at("array");
    tolerance.scale = &op_case.reference(array.get<std::string>());
    if (tolerance.scale->shape != op_case.reference(label).shape) {
      array.fail(fmt::format("expected an output of the shape of '{}'", label));
    }
  } else {
    spec.at("kind").fail(fmt::format("'{}' is not one of bits, ulp, abs, scaled", kind));
  }
  return tolerance;
}

}  // namespace tandem::check
