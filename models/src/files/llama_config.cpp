// SPDX-License-Identifier: Apache-2.0
// Consistency checks and rotary frequencies of a model configuration.
#include "tandem/models/files/llama_config.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "config_checks.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

void demand(bool condition, const std::string& where, const std::string& what) {
  if (!condition) throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, what));
}

void check_rope(const LlamaConfig& config, const std::string& where) {
  const RopeScaling& rope = config.rope_scaling;
  demand(std::isfinite(config.rope_theta) && config.rope_theta > 0, where,
         fmt::format("rotary base {}, expected a positive number", config.rope_theta));
  demand(config.rotary_dims >= 2 && config.rotary_dims % 2 == 0 &&
             config.rotary_dims <= config.head_dim,
         where,
         fmt::format("{} rotary dimensions, expected an even number up to the head's {}",
                     config.rotary_dims, config.head_dim));
  demand(std::isfinite(rope.factor) && rope.factor > 0, where,
         fmt::format("rope scaling factor {}, expected a positive number", rope.factor));
  if (rope.kind == RopeScaling::Kind::kLlama3) {
    demand(rope.low_freq_factor > 0 && rope.high_freq_factor > rope.low_freq_factor &&
               std::isfinite(rope.high_freq_factor) && rope.original_max_positions > 0,
           where,
           fmt::format("llama3 rope scaling with low_freq_factor {}, high_freq_factor {}, "
                       "original_max_position_embeddings {}: expected 0 < low < high and a "
                       "positive length",
                       rope.low_freq_factor, rope.high_freq_factor, rope.original_max_positions));
  }
  if (rope.kind == RopeScaling::Kind::kFactors) {
    demand(rope.factors.size() == config.rotary_dims / 2, where,
           fmt::format("{} rotary frequency factors, expected {}", rope.factors.size(),
                       config.rotary_dims / 2));
    for (const float factor : rope.factors) {
      demand(std::isfinite(factor) && factor > 0, where,
             fmt::format("rotary frequency factor {}, expected a positive number", factor));
    }
  }
}

double llama3_frequency(const RopeScaling& rope, double frequency) {
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  const double length = rope.original_max_positions;
  if (wavelength < length / rope.high_freq_factor) return frequency;
  if (wavelength > length / rope.low_freq_factor) return frequency / rope.factor;
  const double smooth =
      (length / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

}  // namespace

std::string_view to_string(ModelFamily family) {
  switch (family) {
    case ModelFamily::kLlama:
      return "llama";
    case ModelFamily::kMistral:
      return "mistral";
    case ModelFamily::kQwen2:
      return "qwen2";
  }
  return "unknown";
}

std::uint32_t checked_count(std::int64_t value, std::int64_t max, const std::string& place) {
  demand(value >= 1 && value <= max, place,
         fmt::format("expected an integer from 1 to {}, found {}", max, value));
  return static_cast<std::uint32_t>(value);
}

std::int32_t checked_token_id(std::int64_t value, const std::string& place) {
  demand(value >= 0 && value <= std::numeric_limits<std::int32_t>::max(), place,
         fmt::format("expected a token id from 0, found {}", value));
  return static_cast<std::int32_t>(value);
}

void check_config(LlamaConfig& config, const std::string& where) {
  demand(config.num_heads % config.num_kv_heads == 0, where,
         fmt::format("{} attention heads are no multiple of {} key/value heads", config.num_heads,
                     config.num_kv_heads));
  demand(std::uint64_t{config.num_heads} * config.head_dim <= kMaxWidth, where,
         fmt::format("{} heads of {} are wider than {}", config.num_heads, config.head_dim,
                     kMaxWidth));
  demand(std::isfinite(config.rms_norm_eps) && config.rms_norm_eps >= 0, where,
         fmt::format("RMS norm epsilon {}, expected a number from 0", config.rms_norm_eps));
  check_rope(config, where);
  if (config.windowed_layers.empty()) {
    config.windowed_layers.assign(config.num_layers, config.sliding_window > 0);
  }
  demand(config.windowed_layers.size() == config.num_layers, where,
         fmt::format("layer types for {} layers, expected {}", config.windowed_layers.size(),
                     config.num_layers));
}

std::vector<double> rotary_frequencies(const LlamaConfig& config) {
  std::vector<double> out(config.rotary_dims / 2);
  const RopeScaling& rope = config.rope_scaling;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / config.rotary_dims;
    const double frequency = 1.0 / std::pow(config.rope_theta, exponent);
    switch (rope.kind) {
      case RopeScaling::Kind::kNone:
        out[i] = frequency;
        break;
      case RopeScaling::Kind::kLinear:
        out[i] = frequency / rope.factor;
        break;
      case RopeScaling::Kind::kLlama3:
        out[i] = llama3_frequency(rope, frequency);
        break;
      case RopeScaling::Kind::kFactors:
        out[i] = frequency / rope.factors.at(i);
        break;
    }
  }
  return out;
}

}  // namespace tandem::models
