// SPDX-License-Identifier: Apache-2.0
// Records of model runs: what a run elsewhere gave, op by op. docs/reference/record_format.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::debug {

/// How much a record holds.
enum class RecordContents : std::uint8_t {
  kChecksums,  ///< Completions of packets alone.
  kBlocks,     ///< Also results of embedding, decoder blocks, norm and head.
  kOps,        ///< Also results of every op.
};
std::string_view to_string(RecordContents contents);
/// Throws kInvalidArgument for other texts than to_string gives.
RecordContents record_contents(std::string_view text);

struct RecordModel {
  std::string name;
  std::string family;
  std::uint32_t layers = 0;
  std::uint32_t hidden = 0;
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t head_dim = 0;
  std::uint32_t vocab = 0;
  bool interleaved = false;  ///< Rotary pairs are neighbours, not halves of a head.
};

struct RecordStep {
  std::string file;  ///< Empty: no tensors.
  std::vector<std::int32_t> ids;
  std::uint32_t first_position = 0;
};

struct RecordOp {
  std::string name;    ///< "layer.3/op.sdpa".
  std::string module;  ///< Where it comes from, for messages; may be empty.
  bool composite = false;
};

/// record.json.
struct RecordInfo {
  std::string kind;     ///< "torch" or "device".
  std::string backend;  ///< "torch:cuda", "cmodel:edge".
  std::string device;
  std::string dtype;  ///< Of the computation, "bfloat16".
  RecordModel model;
  RecordContents contents = RecordContents::kOps;
  std::vector<std::int32_t> prompt_ids;
  std::vector<std::int32_t> new_ids;
  std::string config;    ///< Empty: none.
  std::string abi_hash;  ///< "0x...", empty: none.
  std::vector<RecordStep> steps;
  std::vector<RecordOp> ops;
  std::map<std::string, std::string, std::less<>> aliases;
};

/// A packet of a recorded run.
struct RecordPacket {
  std::uint64_t seq = 0;
  std::uint32_t step = 0;
  std::string op;
  std::uint8_t opcode = 0;
  abi::Fault error = abi::Fault::kNone;
  std::uint64_t checksum = 0;
};

/// A recorded tensor; row-major.
struct RecordTensor {
  std::vector<std::uint64_t> shape;
  std::vector<float> values;
};

/// An open record, a folder or an archive `.tar.zst` (unpacked into a temporary folder while it is
/// open). Everything is checked when it is opened, and again with sizes when a tensor is read.
/// Errors: kNotFound, kInvalidArgument with file, key and what was expected.
class Record {
 public:
  static Record open(const std::filesystem::path& path);
  ~Record();
  Record(Record&&) noexcept;
  Record& operator=(Record&&) noexcept;

  const std::filesystem::path& path() const;
  const RecordInfo& info() const;
  /// A floating tensor of a step, "layer.0/op.q/out", aliases resolved; nothing if it is missing.
  std::optional<RecordTensor> tensor(std::uint32_t step, std::string_view name) const;
  /// Nothing if the record holds none.
  std::optional<std::vector<RecordPacket>> packets() const;

 private:
  struct Impl;
  explicit Record(std::unique_ptr<Impl> impl);
  std::vector<RecordPacket> read_packets() const;
  std::unique_ptr<Impl> impl_;
};

/// Writes a record; finish() makes it appear under its name, a folder, or an archive if the name
/// ends in ".tar.zst". Without finish() nothing stays. A record that is there is replaced; anything
/// else is refused (kInvalidArgument).
class RecordWriter {
 public:
  /// Of `info` steps, ops and new_ids are filled while writing.
  RecordWriter(std::filesystem::path path, RecordInfo info);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void begin_step(std::vector<std::int32_t> ids, std::uint32_t first_position);
  /// A result of the step: `op` "layer.0/op.q", `port` "out".
  void add(const std::string& op, std::string_view port, std::vector<std::uint64_t> shape,
           std::span<const float> values);
  void add(const RecordPacket& packet);
  void add_new_id(std::int32_t id);
  /// `digest`: over all checksums (TransferCounters::packet_digest).
  void finish(std::uint64_t digest);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::debug
