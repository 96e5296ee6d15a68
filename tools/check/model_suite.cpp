// SPDX-License-Identifier: Apache-2.0
// Whole models against float64 references.
#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <optional>

#include "bounds.hpp"
#include "json_value.hpp"
#include "model_run.hpp"
#include "suites.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::check {
namespace {

using models::TokenId;
namespace fs = std::filesystem;

// A KV cache type with the bounds that hold for it: f16 keeps the ten fraction bits that a matrix
// operand has, so it is held to the bounds of the fp32 cache.
struct CacheType {
  const char* name;
  abi::Dtype dtype;
  const char* bounds;
};
constexpr CacheType kCaches[] = {{"f16", abi::Dtype::kF16, "fp32_cache"},
                                 {"f32", abi::Dtype::kF32, "fp32_cache"},
                                 {"bf16", abi::Dtype::kBF16, "bf16_cache"}};

CaseResult verdict(std::string bad, std::string good = {}) {
  CaseResult result;
  result.status = bad.empty() ? Status::kPass : Status::kFail;
  result.detail = bad.empty() ? std::move(good) : std::move(bad);
  return result;
}

CaseResult within(const Matrix& got, const HostArray& want, const JsonValue& bounds,
                  std::size_t first_row = 0) {
  const Distance d = distance(got, want, first_row);
  return verdict(exceeded(d, bounds), describe(d, bounds));
}

HostArray reference(const models::SafetensorsFile& file, const std::string& key) {
  const models::SafetensorsTensor* tensor = file.find(key);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no tensor '{}'", file.path().string(), key));
  }
  return load_array(file, key, tensor->dtype == "F64" ? "f64" : "f32", tensor->shape);
}

// The device's own ids in the steps where the data demands equality.
std::string greedy_difference(const ModelUnderCheck::Generation& got,
                              const std::vector<TokenId>& want, std::size_t exact_steps) {
  for (std::size_t s = 0; s < exact_steps; ++s) {
    if (got.ids[s] == want[s]) continue;
    return fmt::format("step {}: got token {}, expected {}", s, got.ids[s], want[s]);
  }
  return {};
}

const Matrix& layer_of(const ModelUnderCheck::Pass& pass, std::size_t number) {
  if (number >= pass.hidden.size()) {
    throw Error(ErrorCode::kMismatch, fmt::format("the reference has hidden state {}, the model {}",
                                                  number, pass.hidden.size() - 1));
  }
  return pass.hidden[number];
}

// The model is loaded by the first selected case and shared by the others.
class LazyModel {
 public:
  LazyModel(Session& session, fs::path path) : session_(session), path_(std::move(path)) {}
  ModelUnderCheck& get() {
    if (!model_) model_ = std::make_unique<ModelUnderCheck>(session_.device(), path_);
    return *model_;
  }

 private:
  Session& session_;
  fs::path path_;
  std::unique_ptr<ModelUnderCheck> model_;
};

struct Prompt {
  std::string name;
  std::vector<TokenId> ids;
  std::vector<TokenId> greedy;
  std::optional<JsonValue> exact_steps;

  // From an entry with `ids`, `greedy` and perhaps `exact_steps`.
  Prompt(std::string prompt_name, const JsonValue& item)
      : name(std::move(prompt_name)),
        ids(item.at("ids").get<std::vector<TokenId>>()),
        greedy(item.at("greedy").get<std::vector<TokenId>>()) {
    if (ids.empty()) item.at("ids").fail("expected a token or more");
    if (greedy.empty()) item.at("greedy").fail("expected a token or more");
    if (item.has("exact_steps")) exact_steps = item.at("exact_steps");
  }
  // First steps whose ids must be equal.
  std::size_t steps_for(const char* bounds) const {
    if (!exact_steps) return greedy.size();
    const auto steps = exact_steps->value(bounds, std::uint64_t{0});
    if (steps > greedy.size()) {
      exact_steps->at(bounds).fail(
          fmt::format("expected at most the {} steps of 'greedy', found {}", greedy.size(), steps));
    }
    return steps;
  }
  // What the recorded pass was fed.
  std::vector<TokenId> fed() const {
    std::vector<TokenId> all = ids;
    all.insert(all.end(), greedy.begin(), greedy.end() - 1);
    return all;
  }
};

void check_one_pass(Session& session, const std::string& suite, LazyModel& model,
                    const Prompt& prompt, const JsonValue& bounds,
                    const models::SafetensorsFile& file, const CacheType& cache) {
  const bool hidden = cache.dtype == abi::Dtype::kF16;
  std::optional<ModelUnderCheck::Pass> pass;
  const auto result = [&]() -> const ModelUnderCheck::Pass& {
    if (!pass) pass = model.get().run_all(prompt.fed(), cache.dtype, hidden);
    return *pass;
  };
  const std::string base = fmt::format("{}.{}", prompt.name, cache.name);
  session.run(suite, base + ".logits", [&] {
    return within(result().logits, reference(file, prompt.name + ".logits"),
                  bounds.at(cache.bounds).at("logits"));
  });
  if (!hidden) return;
  const JsonValue layer_bounds = bounds.at(cache.bounds).at("hidden");
  std::size_t states = 0;
  for (; file.find(fmt::format("{}.hidden.{}", prompt.name, states)) != nullptr; ++states) {
    const std::size_t l = states;
    session.run(suite, fmt::format("{}.hidden.{}", base, l), [&] {
      return within(layer_of(result(), l),
                    reference(file, fmt::format("{}.hidden.{}", prompt.name, l)),
                    layer_bounds.at(l));
    });
  }
  // The bound of the final norm follows those of the layers, where there is one.
  const std::string norm_key = prompt.name + ".norm";
  if (file.find(norm_key) != nullptr && layer_bounds.size() > states) {
    session.run(suite, base + ".norm", [&] {
      return within(result().norm, reference(file, norm_key), layer_bounds.at(states));
    });
  }
}

void check_generation(Session& session, const std::string& suite, LazyModel& model,
                      const Prompt& prompt, const JsonValue& bounds,
                      const models::SafetensorsFile& file, const CacheType& cache) {
  const std::size_t exact = prompt.steps_for(cache.bounds);
  std::optional<ModelUnderCheck::Generation> made;
  const auto result = [&]() -> const ModelUnderCheck::Generation& {
    if (!made) made = model.get().generate(prompt.ids, prompt.greedy, exact, cache.dtype);
    return *made;
  };
  const std::string base = fmt::format("{}.{}", prompt.name, cache.name);
  session.run(suite, base + ".greedy", [&] {
    return verdict(greedy_difference(result(), prompt.greedy, exact),
                   fmt::format("{} of {} steps demanded", exact, prompt.greedy.size()));
  });
  session.run(suite, base + ".cached_logits", [&] {
    return within(result().logits, reference(file, prompt.name + ".logits"),
                  bounds.at(cache.bounds).at("logits"), prompt.ids.size() - 1);
  });
}

// Left-padded prompts: the valid positions must have the logits of the single prompts.
void check_batch(Session& session, const std::string& suite, LazyModel& model,
                 const JsonValue& batch, const JsonValue& bounds,
                 const models::SafetensorsFile& file) {
  if (!batch.value("supported", true)) return;
  session.run(suite, "batch", [&] {
    std::vector<std::vector<TokenId>> prompts;
    for (const JsonValue& ids : batch.at("input_ids").elements()) {
      const JsonValue mask = batch.at("attention_mask").at(prompts.size());
      prompts.emplace_back();
      for (std::size_t t = 0; t < ids.size(); ++t) {
        if (mask.at(t).get<int>() != 0) prompts.back().push_back(ids.at(t).get<TokenId>());
      }
    }
    const std::vector<Matrix> logits = model.get().run_batch(prompts, abi::Dtype::kF16);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CaseResult one = within(logits[i], reference(file, fmt::format("p{}.logits", i)),
                              bounds.at("fp32_cache").at("logits"));
      if (one.status == Status::kFail) {
        one.detail = fmt::format("sequence {}: {}", i, one.detail);
        return one;
      }
    }
    return verdict({}, fmt::format("{} sequences in one step", prompts.size()));
  });
}

// ---- the recorded real model

fs::path find_recorded_model(const Session& session, const JsonValue& golden) {
  if (!session.options().model.empty()) return session.options().model;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path base = cache != nullptr ? fs::path(cache) : fs::path(home ? home : ".") / ".cache";
  return base / "tandem" / golden.at("file").get<std::string>();
}

void check_recorded_case(Session& session, const std::string& suite, LazyModel& model,
                         const JsonValue& item, const JsonValue& bounds,
                         const models::SafetensorsFile& file, const CacheType& cache) {
  const Prompt prompt(item.at("name").get<std::string>(), item);
  const std::size_t exact = prompt.steps_for(cache.bounds);
  const std::string base = fmt::format("{}.{}", prompt.name, cache.name);
  std::optional<ModelUnderCheck::Generation> made;
  const auto result = [&]() -> const ModelUnderCheck::Generation& {
    if (!made) made = model.get().generate(prompt.ids, prompt.greedy, exact, cache.dtype);
    return *made;
  };
  session.run(suite, base + ".greedy", [&] {
    return verdict(greedy_difference(result(), prompt.greedy, exact),
                   fmt::format("{} of {} steps demanded", exact, prompt.greedy.size()));
  });
  session.run(suite, base + ".last_logits", [&] {
    const Matrix& all = result().logits;
    const Matrix first{
        1,
        all.cols,
        {all.values.begin(), all.values.begin() + static_cast<std::ptrdiff_t>(all.cols)}};
    return within(first, reference(file, prompt.name + ".last_logits"),
                  bounds.at(cache.bounds).at("logits"));
  });
  session.run(suite, base + ".top5", [&] {
    const double limit = bounds.at(cache.bounds).at("logits").at("max_abs").get<double>();
    const Matrix& all = result().logits;
    for (std::size_t s = 0; s < all.rows; ++s) {
      const JsonValue ids = item.at("top5_ids").at(s);
      const JsonValue logits = item.at("top5_logits").at(s);
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto id = ids.at(i).get<std::size_t>();
        if (id >= all.cols) ids.at(i).fail(fmt::format("the model has {} tokens", all.cols));
        const auto want = logits.at(i).get<double>();
        const double got = all.values[s * all.cols + id];
        if (!(std::abs(got - want) <= limit)) {
          return verdict(fmt::format("step {}, token {}: got {:.6g}, expected {:.6g}, bound {:.3g}",
                                     s, id, got, want, limit));
        }
      }
    }
    return verdict({}, fmt::format("{} steps", all.rows));
  });
  if (!item.value("hidden_states", false) || cache.dtype != abi::Dtype::kF16) return;
  std::optional<ModelUnderCheck::Pass> pass;
  const JsonValue layer_bounds = bounds.at(cache.bounds).at("hidden");
  for (std::size_t l = 0; file.find(fmt::format("{}.hidden.{}", prompt.name, l)) != nullptr; ++l) {
    session.run(suite, fmt::format("{}.hidden.{}", base, l), [&] {
      if (!pass) pass = model.get().run_all(prompt.ids, cache.dtype, true);
      return within(layer_of(*pass, l),
                    reference(file, fmt::format("{}.hidden.{}", prompt.name, l)),
                    layer_bounds.at(l));
    });
  }
  const std::size_t norm = layer_bounds.size() - 1;
  if (file.find(prompt.name + ".norm") == nullptr) return;
  session.run(suite, base + ".norm", [&] {
    if (!pass) pass = model.get().run_all(prompt.ids, cache.dtype, true);
    return within(pass->norm, reference(file, prompt.name + ".norm"), layer_bounds.at(norm));
  });
}

}  // namespace

void check_model(Session& session, const fs::path& dir) {
  const std::string suite = dir.filename().string();
  const JsonValue golden = JsonValue::read(dir / "golden.json");
  const models::SafetensorsFile file = models::SafetensorsFile::open(dir / "golden.safetensors");
  LazyModel model(session, dir);
  // A family that Tandem does not have is one unsupported case, with the reason.
  try {
    models::config_from_hf(dir);
  } catch (const Error& error) {
    session.run(suite, "model", [&]() -> CaseResult { throw error; });
    return;
  }
  const JsonValue bounds = golden.at("bounds");
  for (const CacheType& cache : kCaches) {
    if (!bounds.has(cache.bounds)) continue;
    const std::vector<JsonValue> prompts = golden.at("prompts").elements();
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const Prompt prompt(fmt::format("p{}", i), prompts[i]);
      check_one_pass(session, suite, model, prompt, bounds, file, cache);
      check_generation(session, suite, model, prompt, bounds, file, cache);
    }
  }
  if (golden.has("batch")) {
    check_batch(session, suite, model, golden.at("batch"), bounds, file);
  }
}

void check_recorded_model(Session& session, const fs::path& dir) {
  const std::string suite = dir.filename().string();
  const JsonValue golden = JsonValue::read(dir / "golden.json");
  const fs::path path = find_recorded_model(session, golden);
  if (!fs::exists(path)) {
    CaseResult result;
    result.suite = suite;
    result.name = "model";
    result.status = Status::kUnsupported;
    result.detail = fmt::format(
        "{} is not there; scripts/demo.sh fetches it, or name it with --model", path.string());
    if (session.selected(suite, "model")) session.add(std::move(result));
    return;
  }
  const models::SafetensorsFile file = models::SafetensorsFile::open(dir / "golden.safetensors");
  LazyModel model(session, path);
  for (const CacheType& cache : kCaches) {
    for (const JsonValue& item : golden.at("cases").elements()) {
      check_recorded_case(session, suite, model, item, golden.at("bounds"), file, cache);
    }
  }
}

}  // namespace tandem::check
