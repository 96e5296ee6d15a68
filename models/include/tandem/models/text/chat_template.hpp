// SPDX-License-Identifier: Apache-2.0
// Chat templates: the Jinja2 subset that Hugging Face models use, with bounded execution.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tandem/models/files/gguf_file.hpp"

namespace tandem::models {

/// One turn of a conversation.
struct ChatMessage {
  std::string role;     ///< "system", "user", "assistant", ...
  std::string content;  ///< UTF-8.
};

/// Limits of one rendering; passing one is an error, so that no template hangs or exhausts memory.
struct TemplateLimits {
  std::uint64_t max_steps = 5'000'000;                 ///< Evaluated nodes and loop rounds.
  std::uint64_t max_bytes = std::uint64_t{256} << 20;  ///< All strings and lists made, in total.
  std::uint32_t max_depth = 64;                        ///< Nested macro calls.
};

/// What a rendering sees besides the messages.
struct ChatOptions {
  bool add_generation_prompt = true;
  std::string bos_token;  ///< Text of the token, for templates that print it.
  std::string eos_token;
  std::string
      variables_json;  ///< A JSON object of more variables (tools, documents ...), or empty.
  TemplateLimits limits;
};

/// A parsed template. Blocks are trimmed as Hugging Face does (trim_blocks and lstrip_blocks).
///
/// Understood: if/elif/else, for (with filter, else, loop.*, break, continue), set (also blocks and
/// namespaces), macro, call of macros, filter blocks, raw, generation blocks, comments; Python's
/// expressions on strings, numbers, lists, tuples and dicts with their usual methods, slices and
/// conditional expressions; some 40 filters and 30 tests. `raise_exception` gives kInvalidArgument
/// with the template's words. `strftime_now` is not defined, so that a prompt does not depend on
/// the day; calling it gives kUnimplemented. Templates print dates given as variables.
///
/// Errors name the template and the line. Move-only. Thread-safety: const calls may run in
/// parallel.
class ChatTemplate {
 public:
  /// `name` stands for the template in messages. Errors: kInvalidArgument, kUnimplemented.
  static ChatTemplate parse(std::string_view source, std::string name = "chat template");

  /// The template of a model: `tokenizer.chat_template` of a GGUF file; chat_template.jinja or the
  /// `chat_template` of tokenizer_config.json in a directory. nullopt when the model has none.
  static std::optional<ChatTemplate> load(const std::filesystem::path& path);
  static std::optional<ChatTemplate> from_gguf(const GgufFile& file);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// The prompt text. bos_token and eos_token default to those that load() found in the files.
  /// Errors: kInvalidArgument (the template fails or refuses the messages, a limit is passed).
  std::string render(std::span<const ChatMessage> messages, const ChatOptions& options = {}) const;

  /// As render, for any template: variables come from a JSON object only.
  std::string render_json(std::string_view variables_json, const TemplateLimits& limits = {}) const;

  const std::string& source() const noexcept;

  struct Impl;

 private:
  explicit ChatTemplate(std::unique_ptr<const Impl> impl);
  static ChatTemplate parse_with_tokens(std::string_view source, std::string name,
                                        std::string bos_token, std::string eos_token);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace tandem::models
