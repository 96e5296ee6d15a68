// SPDX-License-Identifier: Apache-2.0
// Builds the bytes of small GGUF and safetensors files, valid ones and deliberately bad ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::testing {

/// Little-endian bytes, appended piece by piece.
class ByteString {
 public:
  template <typename T>
  ByteString& put(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof value);
    return *this;
  }
  ByteString& text(std::string_view text) {
    put<std::uint64_t>(text.size());
    bytes_ += text;
    return *this;
  }
  ByteString& raw(std::string_view raw) {
    bytes_ += raw;
    return *this;
  }
  const std::string& str() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

/// A GGUF version 3 file. Counts, alignment and padding are right unless a test changes the bytes.
class GgufBytes {
 public:
  GgufBytes& u32(std::string_view key, std::uint32_t value) {
    return start(key, 4).end(values_.put(value));
  }
  GgufBytes& f32(std::string_view key, float value) {
    return start(key, 6).end(values_.put(value));
  }
  GgufBytes& flag(std::string_view key, bool value) {
    return start(key, 7).end(values_.put<std::uint8_t>(value ? 1 : 0));
  }
  GgufBytes& text(std::string_view key, std::string_view value) {
    return start(key, 8).end(values_.text(value));
  }
  GgufBytes& texts(std::string_view key, const std::vector<std::string>& items) {
    start(key, 9).values_.put<std::uint32_t>(8).put<std::uint64_t>(items.size());
    for (const std::string& item : items) values_.text(item);
    return end(values_);
  }
  GgufBytes& i32s(std::string_view key, const std::vector<std::int32_t>& items) {
    start(key, 9).values_.put<std::uint32_t>(5).put<std::uint64_t>(items.size());
    for (const std::int32_t item : items) values_.put(item);
    return end(values_);
  }
  /// Any type number and payload.
  GgufBytes& value(std::string_view key, std::uint32_t type, std::string_view payload) {
    return start(key, type).end(values_.raw(payload));
  }

  GgufBytes& tensor(std::string_view name, std::vector<std::uint64_t> extents, std::uint32_t type,
                    std::string_view data) {
    info(name, extents, type, data_.size());
    data_.raw(data);
    data_.raw(std::string((32 - data_.size() % 32) % 32, '\0'));
    return *this;
  }
  /// A table entry without data of its own.
  GgufBytes& info(std::string_view name, const std::vector<std::uint64_t>& extents,
                  std::uint32_t type, std::uint64_t offset) {
    infos_.text(name).put(static_cast<std::uint32_t>(extents.size()));
    for (const std::uint64_t extent : extents) infos_.put(extent);
    infos_.put(type).put(offset);
    ++num_tensors_;
    return *this;
  }

  std::string str(std::uint32_t version = 3) const {
    ByteString out;
    out.raw("GGUF").put(version).put(num_tensors_).put(num_keys_);
    out.raw(values_.str()).raw(infos_.str());
    out.raw(std::string((32 - out.size() % 32) % 32, '\0')).raw(data_.str());
    return out.str();
  }

 private:
  GgufBytes& start(std::string_view key, std::uint32_t type) {
    values_.text(key).put(type);
    ++num_keys_;
    return *this;
  }
  GgufBytes& end(const ByteString&) { return *this; }

  ByteString values_, infos_, data_;
  std::uint64_t num_tensors_ = 0, num_keys_ = 0;
};

/// A safetensors file from its JSON header and its data.
inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  return ByteString().text(header).raw(data).str();
}

/// The metadata and weights of a one-layer Llama with f32 weights of small, distinct values.
inline GgufBytes tiny_gguf_model() {
  GgufBytes out;
  out.text("general.architecture", "llama").text("general.name", "tiny");
  out.u32("llama.block_count", 1).u32("llama.context_length", 64).u32("llama.embedding_length", 8);
  out.u32("llama.feed_forward_length", 12).u32("llama.attention.head_count", 2);
  out.u32("llama.attention.head_count_kv", 1).u32("llama.rope.dimension_count", 4);
  out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f).f32("llama.rope.freq_base", 10000.0f);
  out.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
  float next = 0.0f;
  const auto add = [&](const char* name, std::uint64_t rows, std::uint64_t cols) {
    ByteString data;
    for (std::uint64_t i = 0; i < rows * cols; ++i) data.put(next += 0.125f);
    std::vector<std::uint64_t> extents{cols};
    if (rows > 1) extents.push_back(rows);
    out.tensor(name, extents, 0, data.str());
  };
  add("token_embd.weight", 16, 8);
  add("output_norm.weight", 1, 8);
  add("output.weight", 16, 8);
  add("blk.0.attn_norm.weight", 1, 8);
  add("blk.0.attn_q.weight", 8, 8);
  add("blk.0.attn_k.weight", 4, 8);
  add("blk.0.attn_v.weight", 4, 8);
  add("blk.0.attn_output.weight", 8, 8);
  add("blk.0.ffn_norm.weight", 1, 8);
  add("blk.0.ffn_gate.weight", 12, 8);
  add("blk.0.ffn_up.weight", 12, 8);
  add("blk.0.ffn_down.weight", 8, 12);
  return out;
}

}  // namespace tandem::testing
