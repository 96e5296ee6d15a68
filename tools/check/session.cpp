// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "json_value.hpp"
#include "suites.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::check {
namespace {

namespace fs = std::filesystem;

using Suite = void (*)(Session&, const fs::path&);

Suite recognise(const fs::path& dir) {
  if (fs::exists(dir / "index.json")) return check_ops;
  if (fs::exists(dir / "encode.json")) return check_tokenizer;
  if (!fs::exists(dir / "golden.json")) return nullptr;
  if (fs::exists(dir / "config.json")) return check_model;
  const JsonValue golden = JsonValue::read(dir / "golden.json");
  if (golden.has("files")) return check_gguf;
  if (golden.has("sha256")) return check_recorded_model;
  return nullptr;
}

}  // namespace

Session::Session(Options options, Report& report, std::unique_ptr<runtime::Device> device)
    : options_(std::move(options)), report_(report), device_(std::move(device)) {}

Session::~Session() = default;

runtime::Device& Session::device() {
  if (!device_) {
    device_ = std::make_unique<runtime::Device>(
        runtime::Device::open(options_.backend, {.config = options_.config}));
  }
  return *device_;
}

bool Session::selected(const std::string& suite, const std::string& name) const {
  const std::string full = suite + "/" + name;
  return fnmatch(options_.filter.c_str(), full.c_str(), 0) == 0 ||
         fnmatch(options_.filter.c_str(), name.c_str(), 0) == 0;
}

void Session::run(const std::string& suite, const std::string& name,
                  const std::function<CaseResult()>& body) {
  if (!selected(suite, name)) return;
  const auto start = std::chrono::steady_clock::now();
  CaseResult result;
  try {
    result = body();
  } catch (const Error& error) {
    result.status =
        error.code() == ErrorCode::kUnimplemented ? Status::kUnsupported : Status::kFail;
    result.detail = error.what();
  } catch (const std::exception& error) {
    result.status = Status::kFail;
    result.detail = error.what();
  }
  // Taken after a failure too, so that no finding counts for the next case.
  std::string findings = device_ ? device_->driver().backend().take_findings() : std::string();
  if (!findings.empty() && result.status == Status::kPass) {
    if (findings.back() == '\n') findings.pop_back();
    result.status = Status::kFail;
    result.detail = "results are right, but " + findings;
  }
  result.suite = suite;
  result.name = name;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report_.add(std::move(result));
}

void check_path(Session& session, const fs::path& dir) {
  if (!fs::is_directory(dir)) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: no such directory; name a folder of reference data", dir.string()));
  }
  std::vector<fs::path> found;
  if (recognise(dir) != nullptr) {
    found.push_back(dir);
  } else {
    for (const fs::directory_entry& entry : fs::directory_iterator(dir)) {
      if (entry.is_directory() && recognise(entry.path()) != nullptr) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
  }
  if (found.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: holds no reference data (index.json, encode.json or golden.json), "
                            "nor does a folder directly below it",
                            dir.string()));
  }
  for (const fs::path& folder : found) recognise(folder)(session, folder);
}

}  // namespace tandem::check
