// SPDX-License-Identifier: Apache-2.0
#include "record_json.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using models::Json;
using models::JsonFields;
using models::JsonLimits;

constexpr const char* kFormat = "tandem-record";
constexpr std::int64_t kVersion = 1;
// A long run of a large model: ids, ops and aliases of every step.
constexpr JsonLimits kLimits{std::uint64_t{256} << 20, 8'000'000, 16};

std::string text_or_empty(const JsonFields& fields, const std::string& key) {
  return fields.text(key).value_or("");
}

std::string needed_text(const JsonFields& fields, const std::string& key) {
  const auto text = fields.text(key);
  if (!text) fields.missing(key, "a string");
  return *text;
}

std::uint32_t count_of(const JsonFields& fields, const std::string& key) {
  const std::int64_t value = fields.integer(key).value_or(0);
  if (value < 0 || value > std::numeric_limits<std::int32_t>::max()) {
    fields.fail(key, fmt::format("expected 0 to 2^31 - 1, found {}", value));
  }
  return static_cast<std::uint32_t>(value);
}

std::vector<std::int32_t> ids_of(const JsonFields& fields, const std::string& key) {
  std::vector<std::int32_t> ids;
  for (const Json& id : fields.array(key)) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<std::int32_t>::max()) {
      fields.fail(key, "expected token ids, found " + models::describe(id));
    }
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

/// Names of files that lie beside record.json, never elsewhere.
std::string file_of(const JsonFields& fields, const std::string& key) {
  const std::string name = text_or_empty(fields, key);
  if (name.find('/') != std::string::npos || name == "." || name == "..") {
    fields.fail(key,
                fmt::format("expected the name of a file without directories, found '{}'", name));
  }
  return name;
}

RecordModel model_of(const JsonFields& fields) {
  RecordModel model;
  model.name = text_or_empty(fields, "name");
  model.family = text_or_empty(fields, "family");
  model.layers = count_of(fields, "layers");
  model.hidden = count_of(fields, "hidden");
  model.heads = count_of(fields, "heads");
  model.kv_heads = count_of(fields, "kv_heads");
  model.head_dim = count_of(fields, "head_dim");
  model.vocab = count_of(fields, "vocab");
  const std::string rotary = fields.text("rotary").value_or("half");
  if (rotary != "half" && rotary != "interleaved") {
    fields.fail("rotary", fmt::format("expected half or interleaved, found '{}'", rotary));
  }
  model.interleaved = rotary == "interleaved";
  return model;
}

void read_lists(const Json& json, const std::string& where, RecordInfo& info) {
  const JsonFields root(json, where);
  std::size_t number = 0;
  for (const Json& step : root.array("steps")) {
    const JsonFields fields(step, where, fmt::format("steps[{}].", number++));
    info.steps.push_back(
        {file_of(fields, "file"), ids_of(fields, "ids"), count_of(fields, "first_position")});
  }
  number = 0;
  for (const Json& op : root.array("ops")) {
    const JsonFields fields(op, where, fmt::format("ops[{}].", number++));
    info.ops.push_back({needed_text(fields, "name"), text_or_empty(fields, "module"),
                        fields.flag("composite").value_or(false)});
  }
  const Json* aliases = root.find("aliases");
  if (aliases == nullptr) return;
  if (!aliases->is_object()) root.fail("aliases", "expected an object");
  for (const auto& [name, target] : aliases->items()) {
    if (!target.is_string()) root.fail("aliases", fmt::format("'{}' names no tensor", name));
    info.aliases.emplace(name, target.get<std::string>());
  }
}

Json packets_json(const RecordPacketsInfo& packets) {
  if (packets.file.empty()) return nullptr;
  return {{"file", packets.file},
          {"ops", packets.ops},
          {"digest", packets.digest.empty() ? Json() : Json(packets.digest)}};
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

RecordDocument read_record_json(const std::filesystem::path& path) {
  const Json json = models::read_json_file(path, kLimits);
  const std::string where = path.string();
  const JsonFields root(json, where);
  if (text_or_empty(root, "format") != kFormat) {
    root.fail("format", fmt::format("expected \"{}\": this is no record of a run", kFormat));
  }
  if (const auto version = root.integer("version"); version != kVersion) {
    root.fail("version", fmt::format("expected {}, found {}: written by another version of the "
                                     "format",
                                     kVersion, version.value_or(0)));
  }
  RecordDocument document;
  RecordInfo& info = document.info;
  const JsonFields source = root.object("source");
  info.kind = needed_text(source, "kind");
  if (info.kind != "torch" && info.kind != "device") {
    source.fail("kind", fmt::format("expected torch or device, found '{}'", info.kind));
  }
  info.backend = needed_text(source, "backend");
  info.device = text_or_empty(source, "device");
  info.dtype = text_or_empty(source, "dtype");
  info.model = model_of(root.object("model"));
  try {
    info.contents = record_contents(needed_text(root, "contents"));
  } catch (const Error& error) {
    root.fail("contents", error.message());
  }
  info.prompt_ids = ids_of(root, "prompt_ids");
  info.new_ids = ids_of(root, "new_ids");
  info.config = text_or_empty(root, "config");
  info.abi_hash = text_or_empty(root, "abi_hash");
  read_lists(json, where, info);
  if (!root.has("packets")) return document;
  const JsonFields packets = root.object("packets");
  document.packets.file = file_of(packets, "file");
  document.packets.digest = text_or_empty(packets, "digest");
  for (const Json& op : packets.array("ops")) {
    if (!op.is_string()) packets.fail("ops", "expected names, found " + models::describe(op));
    document.packets.ops.push_back(op.get<std::string>());
  }
  return document;
}

Json to_json(const RecordDocument& document) {
  const RecordInfo& info = document.info;
  Json steps = Json::array(), ops = Json::array(), aliases = Json::object();
  for (const RecordStep& step : info.steps) {
    steps.push_back(
        {{"file", or_null(step.file)}, {"ids", step.ids}, {"first_position", step.first_position}});
  }
  for (const RecordOp& op : info.ops) ops.push_back({{"name", op.name}, {"module", op.module}});
  for (const auto& [name, target] : info.aliases) aliases[name] = target;
  const RecordModel& model = info.model;
  return {{"format", kFormat},
          {"version", kVersion},
          {"source",
           {{"kind", info.kind},
            {"backend", info.backend},
            {"device", info.device},
            {"versions", Json::object()},
            {"dtype", info.dtype}}},
          {"model",
           {{"name", model.name},
            {"family", model.family},
            {"layers", model.layers},
            {"hidden", model.hidden},
            {"heads", model.heads},
            {"kv_heads", model.kv_heads},
            {"head_dim", model.head_dim},
            {"vocab", model.vocab},
            {"rotary", model.interleaved ? "interleaved" : "half"}}},
          {"contents", to_string(info.contents)},
          {"prompt_ids", info.prompt_ids},
          {"new_ids", info.new_ids},
          {"config", or_null(info.config)},
          {"abi_hash", or_null(info.abi_hash)},
          {"steps", std::move(steps)},
          {"ops", std::move(ops)},
          {"aliases", std::move(aliases)},
          {"packets", packets_json(document.packets)}};
}

}  // namespace tandem::debug
