// SPDX-License-Identifier: Apache-2.0
#include "checkpoint.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::debug {

namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "bisect.json";
constexpr const char* kImage = "image.snapshot";

nlohmann::json read_state(const fs::path& file) {
  std::ifstream in(file);
  try {
    return nlohmann::json::parse(in);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: not the state of a search ({}); remove the folder and start again",
                            file.string(), error.what()));
  }
}

}  // namespace

CheckpointFolder::CheckpointFolder(fs::path folder, std::string key)
    : folder_(std::move(folder)), key_(std::move(key)) {
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: cannot be made: {}", folder_.string(), failed.message()));
  }
  const fs::path file = folder_ / kState;
  if (!fs::exists(file)) {
    save();
    return;
  }
  const nlohmann::json state = read_state(file);
  const std::string found = state.value("search", std::string());
  if (found != key_) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{} belongs to another search: expected '{}', found '{}'; give another "
                            "folder, or remove this one",
                            folder_.string(), key_, found));
  }
  if (!state.contains("position")) return;
  try {
    last_ = Checkpoint{state.at("packets"),
                       TracePosition::parse(state.at("position").get<std::string>()),
                       folder_ / state.at("snapshot").get<std::string>()};
  } catch (const nlohmann::json::exception& error) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {}; remove the folder and start again", file.string(), error.what()));
  }
}

void CheckpointFolder::write(runtime::Device& device, const TracePosition& position,
                             std::uint64_t packets) {
  const fs::path image = folder_ / kImage;
  const bool first = !last_;
  const fs::path snapshot = first ? image : folder_ / fmt::format("after-{}.snapshot", packets);
  device.snapshot(snapshot.string(), {.base = first ? std::string() : image.string()});
  const std::optional<Checkpoint> before =
      std::exchange(last_, Checkpoint{packets, position, snapshot});
  save();
  if (before && before->snapshot != image) fs::remove(before->snapshot);
}

void CheckpointFolder::save() const {
  nlohmann::json state{{"search", key_}};
  if (last_) {
    state["packets"] = last_->packets;
    state["position"] = last_->position.to_string();
    state["snapshot"] = last_->snapshot.filename().string();
  }
  // Replaced as a whole, so that an interruption leaves the old state or the new one.
  const fs::path file = folder_ / kState;
  const fs::path next = folder_ / "bisect.json.new";
  std::ofstream out(next);
  out << state.dump(1) << '\n';
  out.close();
  if (!out)
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", next.string()));
  fs::rename(next, file);
}

}  // namespace tandem::debug
