// SPDX-License-Identifier: Apache-2.0
// Fuzz target: tokenizer.json, and texts and ids for the tokenizers that it makes.
#include "fuzz_target.hpp"
#include "tandem/models/text/tokenizer.hpp"
#include "tandem/models/text/utf8.hpp"

namespace {

using namespace tandem::models;

/// All pieces that a stream gives must together be what decode gives.
void check_stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  StreamingDecoder decoder(tokenizer, SpecialText::kKeep);
  std::string streamed;
  for (const TokenId id : ids) streamed += decoder.push(id);
  streamed += decoder.finish();
  const std::string whole = tokenizer.decode(ids);
  if (streamed != whole || !is_valid_utf8(whole)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const tandem::fuzz::MemoryFile memory(input);
  tandem::fuzz::ignore_errors([&] {
    const Tokenizer tokenizer = Tokenizer::from_json_file(memory.path());
    for (const std::string_view text :
         {std::string_view("Hello w\xC3\xB6rld, it's 2024!\n\n <s><|x|> \xE6\x9D\xB1 ab a b"),
          input.substr(size / 2, 300)}) {
      const auto ids = tokenizer.encode(text, SpecialTokens::kAdd);
      check_stream(tokenizer, ids);
    }
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < std::min<std::size_t>(size, 200); ++i) {
      ids.push_back(static_cast<TokenId>(data[i] * 3) - 5);
    }
    check_stream(tokenizer, ids);
  });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> out;
  for (const char* name : {"gpt2", "qwen2", "llama3", "added", "llama2", "metaspace_first"}) {
    out.push_back(tandem::fuzz::read_data(std::string("tokenizer_variants/") + name + ".json"));
  }
  // Tiny ones, in which most changes hit the structure.
  out.push_back(
      R"({"added_tokens":[{"id":3,"content":"<s>","special":true,"lstrip":true}],)"
      R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},)"
      R"({"type":"Replace","pattern":{"String":"x"},"content":"y"}]},)"
      R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",)"
      R"("pattern":{"Regex":"\\s+|a|b+"},"behavior":"MergedWithNext","invert":true},)"
      R"({"type":"Digits","individual_digits":true},{"type":"ByteLevel","use_regex":true}]},)"
      R"("decoder":{"type":"ByteLevel"},"post_processor":{"type":"TemplateProcessing","single":)"
      R"([{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":)"
      R"({"ids":[3]}}},"model":{"type":"BPE","unk_token":"a","fuse_unk":true,)"
      R"("vocab":{"a":0,"b":1,"ab":2,"<s>":3},"merges":["a b"]}})");
  out.push_back(
      R"({"normalizer":{"type":"Prepend","prepend":"_"},"pre_tokenizer":{"type":"Metaspace",)"
      R"("replacement":"_","prepend_scheme":"first","split":true},"decoder":{"type":"Sequence",)"
      R"("decoders":[{"type":"Replace","pattern":{"String":"_"},"content":" "},)"
      R"({"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,)"
      R"("stop":0}]},"model":{"byte_fallback":true,"vocab":{"_":0,"a":1,"<0x41>":2,"_a":3},)"
      R"("merges":[["_","a"]]}})");
  return out;
}
