// SPDX-License-Identifier: Apache-2.0
// Building and printing reports.
#include "report.hpp"

#include <iostream>
#include <utility>

#include "cli.hpp"

namespace tandem::cli {

Report::Report(std::string backend) {
  json_["version"] = version();
  json_["backend"] = std::move(backend);
  json_["cases"] = Json::array();
  json_["summary"] = Json::object();
}

Json& Report::add_case(std::string name) {
  Json& cases = json_["cases"];
  cases.push_back(Json::object());
  cases.back()["name"] = std::move(name);
  return cases.back();
}

void Report::print() const {
  std::cout << json_.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace tandem::cli
