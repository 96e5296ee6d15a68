// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>

#include "compare.hpp"
#include "op_case.hpp"
#include "suites.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::check {
namespace {

// Outputs that only serve the comparison of others; `dequantised` is what the operand must hold.
bool is_auxiliary(const OpCase& op_case, const std::string& label) {
  const JsonValue tolerance = op_case.spec().at("tolerance");
  return label == "dequantised" || tolerance.value("array", std::string()) == label;
}

CaseResult run_case(ops::Context& ctx, const JsonValue& spec, const models::SafetensorsFile& file) {
  OpCase op_case(ctx, spec, file);
  const std::size_t host_ops = ctx.host_ops().size();
  run_op(op_case);
  CaseResult result;
  std::set<std::string> compared(op_case.results().begin(), op_case.results().end());
  for (const auto& [label, entry] : spec.at("outputs").members()) {
    if (!compared.contains(label) && !is_auxiliary(op_case, label)) {
      result.status = Status::kUnsupported;
      result.detail = fmt::format("output '{}' is not computed", label);
      return result;
    }
  }
  for (const std::string& label : op_case.results()) {
    const Comparison comparison =
        compare(op_case.fetch(label), op_case.reference(label), tolerance_of(op_case, label));
    if (!comparison.equal) result.status = Status::kFail;
    if (!comparison.equal || result.detail.empty()) {
      result.detail = fmt::format("{}: {}", label, comparison.detail);
    }
    if (!comparison.equal) break;
  }
  if (ctx.host_ops().size() != host_ops) result.detail += "; computed on the host";
  return result;
}

}  // namespace

void check_ops(Session& session, const std::filesystem::path& dir) {
  const std::string suite = dir.filename().string();
  const JsonValue index = JsonValue::read(dir / "index.json");
  std::map<std::string, models::SafetensorsFile> files;
  std::unique_ptr<ops::Context> ctx;
  for (const JsonValue& spec : index.at("cases").elements()) {
    const auto name = spec.at("id").get<std::string>();
    session.run(suite, name, [&] {
      if (!ctx) ctx = std::make_unique<ops::Context>(session.device());
      const auto file = spec.at("file").get<std::string>();
      if (!files.contains(file)) {
        files.emplace(file, models::SafetensorsFile::open(dir / file));
      }
      return run_case(*ctx, spec, files.at(file));
    });
  }
}

}  // namespace tandem::check
