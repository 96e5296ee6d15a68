// SPDX-License-Identifier: Apache-2.0
#include "wave_report.hpp"

#include <cstddef>
#include <optional>
#include <utility>

namespace tandem::cli {

namespace {

Json to_json(const debug::WaveMoment& moment) {
  return {{"cycle", moment.cycle}, {"time", moment.time}};
}

Json to_json(const debug::WaveFinding& finding) {
  Json json = to_json(finding.at);
  json["stage"] = finding.stage;
  json["place"] = finding.place;
  json["signal"] = finding.signal;
  json["expected"] = finding.expected;
  json["found"] = finding.found;
  return json;
}

const char* name_of(debug::WaveReport::Symptom symptom) {
  constexpr const char* kNames[] = {"none", "data", "completion", "hang", "protocol", "register"};
  return kNames[static_cast<std::size_t>(symptom)];
}

template <class T>
void put(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = to_json(*value);
}

}  // namespace

Json wave_json(const debug::WaveReport& result) {
  Json entry;
  entry["symptom"] = name_of(result.symptom);
  entry["packet"] = result.packet;
  entry["op"] = result.op;
  entry["text"] = result.text;
  entry["expected"] = result.expected;
  entry["found"] = result.found;
  entry["wrong_bytes"] = result.wrong_bytes;
  if (result.element) {
    entry["element"] = {{"operand", result.element->operand},
                        {"index", result.element->index},
                        {"addr", result.element->addr},
                        {"expected", result.element->expected},
                        {"found", result.element->found}};
  }
  put(entry, "fetch", result.fetch);
  put(entry, "dispatch", result.dispatch);
  put(entry, "first_wrong_value", result.first_wrong_value);
  put(entry, "first_wrong_write", result.first_wrong_write);
  put(entry, "completion", result.completion);
  put(entry, "last_transfer", result.last_transfer);
  entry["waiting"] = Json::array();
  for (const debug::WaveWait& wait : result.waiting) {
    Json json = to_json(wait.since);
    json["valid"] = wait.valid;
    json["ready"] = wait.ready;
    entry["waiting"].push_back(std::move(json));
  }
  entry["states"] = result.states;
  entry["in_flight"] = result.in_flight;
  entry["waves"] = result.waves.string();
  entry["view"] = result.view.string();
  return entry;
}

}  // namespace tandem::cli
