// SPDX-License-Identifier: Apache-2.0
// The kinds of reference data that `tandem check` understands. Layouts:
// docs/reference/reference_data.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "report.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::check {

struct Options {
  std::string backend = "cmodel:";
  std::string config;        ///< Device configuration; empty: the URI's.
  std::string filter = "*";  ///< Glob over "suite/case".
  std::string model;         ///< Model file for data that names one without bringing it (smollm2).
};

/// What the suites share: options, the device (opened when the first case needs it), the report.
class Session {
 public:
  /// `device`: used instead of opening the options' backend.
  Session(Options options, Report& report, std::unique_ptr<runtime::Device> device = nullptr);
  ~Session();

  const Options& options() const { return options_; }
  runtime::Device& device();

  /// Runs one case if the filter selects it: `body` returns the result; an exception is a failure,
  /// except kUnimplemented, which is "unsupported". A device error resets the device, so later
  /// cases run.
  void run(const std::string& suite, const std::string& name,
           const std::function<CaseResult()>& body);
  bool selected(const std::string& suite, const std::string& name) const;
  void add(CaseResult result) { report_.add(std::move(result)); }

 private:
  Options options_;
  Report& report_;
  std::unique_ptr<runtime::Device> device_;
};

/// Runs every suite found in `dir` or in the folders directly below it. Throws kNotFound when there
/// is none.
void check_path(Session& session, const std::filesystem::path& dir);

// One suite each; `dir` holds the files that the suite is recognised by.
void check_ops(Session& session, const std::filesystem::path& dir);        // index.json
void check_tokenizer(Session& session, const std::filesystem::path& dir);  // encode.json
void check_gguf(Session& session, const std::filesystem::path& dir);   // golden.json with "files"
void check_model(Session& session, const std::filesystem::path& dir);  // golden.json + config.json
void check_recorded_model(Session& session,
                          const std::filesystem::path& dir);  // golden.json with "sha256"

}  // namespace tandem::check
