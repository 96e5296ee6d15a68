// SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/backend_uri.hpp"

namespace tandem::bench {
namespace {

std::string uri(const Options& options, const std::map<std::string, std::string>& settings) {
  driver::BackendUri uri = driver::BackendUri::parse(options.backend);
  for (const auto& [key, value] : settings) uri.options.insert_or_assign(key, value);
  return uri.to_string();
}

}  // namespace

BenchDevice::BenchDevice(const Options& options, const std::map<std::string, std::string>& settings)
    : device_(runtime::Device::open(uri(options, settings), {.config = options.config})),
      findings_(options.findings) {}

BenchDevice::~BenchDevice() {
  if (findings_ == nullptr) return;
  try {
    *findings_ += device_.take_findings();
  } catch (const Error& error) {
    // A failed packet has been reported to the benchmark already.
    log::debug("findings of check mode are lost: {}", error.message());
  }
}

std::string backend_name(const Options& options) {
  driver::BackendUri uri = driver::BackendUri::parse(options.backend);
  if (uri.body.empty()) uri.body = options.config.empty() ? "edge" : options.config;
  return uri.to_string();
}

}  // namespace tandem::bench
