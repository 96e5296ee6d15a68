// SPDX-License-Identifier: Apache-2.0
// Collecting and writing dumps.
#include "run_dump.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/models/files/safetensors_writer.hpp"

namespace tandem::cli {

RunDump::RunDump(std::string directory, const models::LlamaModel& model, std::uint32_t sequences)
    : directory_(std::move(directory)), model_(model), sequences_(sequences) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) {
    throw Error(ErrorCode::kUnavailable, fmt::format("--dump {}: the directory cannot be made: {}",
                                                     directory_, error.message()));
  }
}

void RunDump::attach(models::GenerateHooks& hooks) {
  hooks.on_logits = [this](std::uint32_t sequence, std::span<const float> logits) {
    const std::string name = sequences_ > 1 ? fmt::format("b{}.logits", sequence) : "logits";
    std::vector<float>& all = tensors_[name];
    all.insert(all.end(), logits.begin(), logits.end());
    widths_[name] = logits.size();
  };
  hooks.on_hidden = [this](std::span<const models::SequenceRows> rows, std::uint32_t index,
                           const ops::Tensor& hidden) { add_hidden(rows, index, hidden); };
}

void RunDump::add_hidden(std::span<const models::SequenceRows> rows, std::uint32_t index,
                         const ops::Tensor& hidden) {
  const std::string state =
      index > model_.config().num_layers ? std::string("norm") : fmt::format("hidden.{}", index);
  const std::uint64_t width = hidden.dim(1);
  for (const models::SequenceRows& part : rows) {
    const std::string name = sequences_ > 1 ? fmt::format("b{}.{}", part.sequence, state) : state;
    std::vector<float>& all = tensors_[name];
    all.resize(all.size() + part.rows * width);
    model_.context().device().copy_out(
        hidden.addr + part.first_row * hidden.stride[0],
        std::as_writable_bytes(std::span(all).last(part.rows * width)));
    widths_[name] = width;
  }
}

void RunDump::write() const {
  models::SafetensorsWriter writer(std::filesystem::path(directory_) / "dump.safetensors");
  for (const auto& [name, values] : tensors_) {
    const std::uint64_t width = widths_.at(name);
    writer.add(name, models::StoredType::kF32, {values.size() / width, width},
               std::as_bytes(std::span(values)));
  }
  writer.finish();
}

}  // namespace tandem::cli
