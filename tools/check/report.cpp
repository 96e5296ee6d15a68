// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace tandem::check {
namespace {

std::string xml_escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // XML 1.0 has no other control characters.
        out += (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') ? '?' : c;
    }
  }
  return out;
}

}  // namespace

const char* to_string(Status status) {
  switch (status) {
    case Status::kPass:
      return "pass";
    case Status::kFail:
      return "fail";
    case Status::kUnsupported:
      return "unsupported";
  }
  return "?";
}

void Report::add(CaseResult result) {
  if (on_case_) on_case_(result);
  cases_.push_back(std::move(result));
}

std::uint64_t Report::count(Status status) const {
  return static_cast<std::uint64_t>(
      std::count_if(cases_.begin(), cases_.end(),
                    [status](const CaseResult& result) { return result.status == status; }));
}

std::string Report::junit() const {
  std::map<std::string, std::vector<const CaseResult*>> suites;
  for (const CaseResult& result : cases_) suites[result.suite].push_back(&result);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n", cases_.size(),
                     count(Status::kFail), count(Status::kUnsupported));
  for (const auto& [suite, results] : suites) {
    std::size_t failures = 0;
    std::size_t skipped = 0;
    for (const CaseResult* result : results) {
      failures += result->status == Status::kFail;
      skipped += result->status == Status::kUnsupported;
    }
    out += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
                       xml_escape(suite), results.size(), failures, skipped);
    for (const CaseResult* result : results) {
      out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.6f}\"",
                         xml_escape(suite), xml_escape(result->name), result->seconds);
      if (result->status == Status::kPass) {
        out += "/>\n";
        continue;
      }
      const char* tag = result->status == Status::kFail ? "failure" : "skipped";
      out += fmt::format(">\n      <{} message=\"{}\"/>\n    </testcase>\n", tag,
                         xml_escape(result->detail));
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace tandem::check
