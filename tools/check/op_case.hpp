// SPDX-License-Identifier: Apache-2.0
// One operation case on a device.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host_array.hpp"
#include "json_value.hpp"
#include "tandem/models/files/safetensors_file.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::check {

/// A case of index.json with its inputs in device memory. Outputs are allocated as they are asked
/// for.
class OpCase {
 public:
  /// Loads inputs and references; throws as load_array and JsonValue do.
  OpCase(ops::Context& ctx, const JsonValue& spec, const models::SafetensorsFile& file);

  ops::Context& ctx() { return ctx_; }
  const JsonValue& spec() const { return spec_; }

  // Parameters; a case may have none.
  bool has_param(const std::string& key) const;
  /// Throws as JsonValue::at.
  JsonValue param(const std::string& key) const;
  template <class T>
  T param(const std::string& key, T fallback) const {
    return has_param(key) ? param(key).get<T>() : fallback;
  }

  bool has_input(const std::string& label) const { return inputs_.contains(label); }
  const ops::Tensor& input(const std::string& label) const;
  const HostArray& host_input(const std::string& label) const;
  bool has_reference(const std::string& label) const { return references_.contains(label); }
  const HostArray& reference(const std::string& label) const;

  /// Device memory of any shape and type, freed with the case.
  ops::Tensor allocate(ops::Dtype type, const std::vector<std::uint64_t>& shape);
  /// The result for output `label`: its reference's shape and type, fp32 where the reference is
  /// f64.
  ops::Tensor result(const std::string& label);
  /// The result read back.
  HostArray fetch(const std::string& label);
  /// Results asked for so far, in that order.
  const std::vector<std::string>& results() const { return order_; }

 private:
  ops::Context& ctx_;
  JsonValue spec_;
  std::vector<runtime::Buffer> buffers_;
  std::map<std::string, HostArray> host_inputs_;
  std::map<std::string, ops::Tensor> inputs_;
  std::map<std::string, HostArray> references_;
  std::map<std::string, ops::Tensor> results_;
  std::vector<std::string> order_;
};

/// Runs the operation that the case names; its results are then in the case. Throws kUnimplemented
/// for an operation or parameter that Tandem does not have.
void run_op(OpCase& op_case);

/// The tolerance of output `label`: that of the case, but equal bits for outputs that must be
/// exact.
struct Tolerance;
Tolerance tolerance_of(const OpCase& op_case, const std::string& label);

}  // namespace tandem::check
