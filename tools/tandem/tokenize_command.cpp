// SPDX-License-Identifier: Apache-2.0
// tandem tokenize: text to token ids and back.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/text/tokenizer.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::cli {

namespace {

struct TokenizeOptions {
  std::string model;
  std::string text;
  std::string ids;
  bool add_special = false;
  bool skip_special = false;
  bool json = false;
};

void check_ids(const models::Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (static_cast<std::size_t>(ids[i]) >= tokenizer.vocab_size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--ids: entry {} is {}, this vocabulary has ids 0 to {}", i, ids[i],
                              tokenizer.vocab_size() - 1));
    }
  }
}

int tokenize(const TokenizeOptions& options, bool encode) {
  const models::Tokenizer tokenizer = models::Tokenizer::load(options.model);
  std::vector<std::int32_t> ids;
  if (encode) {
    ids = tokenizer.encode(options.text, options.add_special ? models::SpecialTokens::kAdd
                                                             : models::SpecialTokens::kNone);
  } else {
    ids = parse_ids(options.ids, "--ids");
    check_ids(tokenizer, ids);
  }
  const std::string text = tokenizer.decode(
      ids, options.skip_special ? models::SpecialText::kSkip : models::SpecialText::kKeep);
  if (!options.json) {
    if (encode) {
      fmt::print("{}\n", fmt::join(ids, ","));
    } else {
      fmt::print("{}\n", text);
    }
    return kSuccess;
  }
  Report report;
  Json& entry = report.add_case(encode ? "encode" : "decode");
  entry["ids"] = ids;
  entry["text"] = encode ? models::utf8_lossy(options.text) : text;
  Json& tokens = entry["tokens"] = Json::array();
  for (std::int32_t id : ids) tokens.push_back(std::string(tokenizer.token_text(id)));
  if (encode) entry["decoded"] = text;
  report.summary()["tokens"] = ids.size();
  report.summary()["vocab_size"] = tokenizer.vocab_size();
  report.print();
  return kSuccess;
}

}  // namespace

Command add_tokenize_command(CLI::App& app) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn text into token ids, or ids into text");
  command
      ->add_option("--model", options->model, "GGUF file, Hugging Face directory or tokenizer.json")
      ->type_name("PATH")
      ->required();
  auto* input = command->add_option_group("input", "One of");
  auto* text = input->add_option("--text", options->text, "Text to encode");
  input->add_option("--ids", options->ids, "Ids to decode, e.g. 1,22007,314")->type_name("LIST");
  input->require_option(1);
  command->add_flag("--add-special", options->add_special,
                    "Add the tokens that the model puts round a text (BOS ...)");
  command->add_flag("--skip-special", options->skip_special,
                    "Leave special tokens out of the text");
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options, text] { return tokenize(*options, text->count() != 0); }};
}

}  // namespace tandem::cli
