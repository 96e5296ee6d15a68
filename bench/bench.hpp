// SPDX-License-Identifier: Apache-2.0
// What every benchmark of `tandem bench` is made of.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::bench {

struct Options {
  std::string backend = "cmodel:";  ///< URI of the backend that is measured.
  std::string config;               ///< Device configuration; empty: the URI's, else edge.
  std::string model;  ///< Model file, where a benchmark needs one; empty: the demo's model.
  int repeats = 7;    ///< Timed repetitions; the median counts.
  std::string* findings = nullptr;  ///< Takes what check mode finds, a line each; null: nowhere.
};

/// One measured figure beside a named rival's, taken in the same run.
struct Case {
  std::string name;
  double value = 0;
  std::string unit;
  std::string rival;  ///< What `ratio` compares with; empty: an absolute figure.
  std::optional<double>
      rival_value;              ///< In `unit`; absent when the rival is missing on this machine.
  std::optional<double> ratio;  ///< Above 1: ahead of the rival.
  nlohmann::json more = nlohmann::json::object();  ///< Further fields: m, n, k, threads ...;
                                                   ///< "summary": fields of the report's summary.
};

/// Fills in `ratio` from two rates (higher is better).
Case rate_case(std::string name, double value, std::string unit, std::string rival,
               std::optional<double> rival_value, nlohmann::json more = nlohmann::json::object());

/// A named benchmark.
struct Suite {
  std::string_view name;
  std::string_view doc;
  std::vector<Case> (*run)(const Options& options);
};

std::span<const Suite> suites();

/// Seconds of the median repetition of `body`, after one warm-up.
double median_seconds(int repeats, const std::function<void()>& body);
/// Both bodies in turn, so that drift of the machine meets both: medians of each.
std::pair<double, double> median_seconds_pair(int repeats, const std::function<void()>& ours,
                                              const std::function<void()>& rival);

/// Read bandwidth of one thread over `bytes` of memory that no cache holds, bytes/s.
double read_bandwidth(std::span<const std::byte> memory, int repeats);

std::vector<Case> run_gemm(const Options& options);
std::vector<Case> run_vector(const Options& options);
std::vector<Case> run_driver(const Options& options);
std::vector<Case> run_model(const Options& options);
std::vector<Case> run_batch(const Options& options);
std::vector<Case> run_rtl(const Options& options);
std::vector<Case> run_cuda(const Options& options);
std::vector<Case> run_bisect(const Options& options);  // only in builds with faults

}  // namespace tandem::bench
