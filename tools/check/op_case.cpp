// SPDX-License-Identifier: Apache-2.0
#include "op_case.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compare.hpp"
#include "tandem/base/error.hpp"

namespace tandem::check {
namespace {

HostArray load(const models::SafetensorsFile& file, const nlohmann::json& entry) {
  return load_array(file, entry.at("key"), entry.at("dtype").get<std::string>(),
                    entry.at("shape").get<std::vector<std::uint64_t>>());
}

// Results whose bits the reference data fixes whatever the case's tolerance is.
bool is_exact(const std::string& label) { return label == "device" || label == "acc"; }

}  // namespace

OpCase::OpCase(ops::Context& ctx, const nlohmann::json& spec, const models::SafetensorsFile& file)
    : ctx_(ctx), spec_(spec), params_(spec.value("params", nlohmann::json::object())) {
  for (const auto& [label, entry] : spec.at("inputs").items()) {
    HostArray array = load(file, entry);
    const ops::Tensor tensor = allocate(device_type(array.type), array.shape);
    if (!array.bytes.empty()) ctx_.device().copy_in(tensor.addr, array.bytes);
    inputs_[label] = tensor;
    host_inputs_[label] = std::move(array);
  }
  for (const auto& [label, entry] : spec.at("outputs").items()) {
    references_[label] = load(file, entry);
  }
}

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
  const nlohmann::json& spec = op_case.spec().at("tolerance");
  if (op_case.params().contains("nan_also_allowed_at")) {
    tolerance.nan_allowed =
        op_case.params().at("nan_also_allowed_at").get<std::vector<std::uint64_t>>();
  }
  const std::string kind = spec.at("kind");
  if (is_exact(label) || kind == "bits") return tolerance;
  if (kind == "ulp") {
    tolerance.kind = Tolerance::Kind::kUlp;
    tolerance.ulp = spec.at("ulp");
    tolerance.abs = spec.at("abs");
  } else if (kind == "abs") {
    tolerance.kind = Tolerance::Kind::kAbs;
    tolerance.abs = spec.at("abs");
  } else if (kind == "scaled") {
    tolerance.kind = Tolerance::Kind::kScaled;
    tolerance.rel = spec.at("rel");
    tolerance.scale = &op_case.reference(spec.at("array"));
  } else {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("tolerance kind '{}' is not one of bits, ulp, abs, scaled", kind));
  }
  return tolerance;
}

}  // namespace tandem::check
