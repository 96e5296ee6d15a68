// SPDX-License-Identifier: Apache-2.0
// Chat templates: SmolLM2's, several hundred others against Jinja2, and hostile ones.
#include "tandem/models/text/chat_template.hpp"

#include <nlohmann/json.hpp>

#include "unit/models_files/file_helpers.hpp"
#include "unit/models_text/real_model.hpp"

namespace tandem::models {
namespace {

using Json = nlohmann::ordered_json;
using tandem::testing::data_dir;
using tandem::testing::expect_error;
using tandem::testing::GgufBytes;
using tandem::testing::read_file;
using tandem::testing::TempDir;

void expect_golden_chats(const ChatTemplate& chat_template, const Json& golden) {
  EXPECT_EQ(golden["cases"].size(), 12u);
  for (const Json& c : golden["cases"]) {
    std::vector<ChatMessage> messages;
    for (const Json& message : c["messages"]) {
      messages.push_back({message["role"], message["content"]});
    }
    const bool prompt = c["add_generation_prompt"];
    EXPECT_EQ(chat_template.render(messages, {.add_generation_prompt = prompt}), c["text"]);
  }
}

TEST(ChatTemplateGolden, RendersSmolLm2sChats) {
  const Json golden = Json::parse(read_file(data_dir() / "tokenizer" / "chat.json"));
  const std::string source = golden["template"];
  expect_golden_chats(ChatTemplate::parse(source), golden);
  const TempDir dir;
  const auto path = dir.write("m.gguf", GgufBytes().text("tokenizer.chat_template", source).str());
  expect_golden_chats(ChatTemplate::load(path).value(), golden);
  const auto real = tandem::testing::real_model();
  if (real) expect_golden_chats(ChatTemplate::load(*real).value(), golden);
}

TEST(ChatTemplateGolden, AgreesWithJinja2) {
  const Json cases = Json::parse(read_file(data_dir() / "templates" / "cases.json"));
  const std::string variables = read_file(data_dir() / "templates" / "variables.json");
  EXPECT_GE(cases.size(), 490u);
  for (const Json& c : cases) {
    const std::string source = c["template"];
    try {
      const std::string text = ChatTemplate::parse(source).render_json(variables);
      ASSERT_FALSE(c["text"].is_null()) << source << "\nshould fail, gives: " << text;
      ASSERT_EQ(text, c["text"].get<std::string>()) << source;
    } catch (const Error& error) {
      ASSERT_TRUE(c["text"].is_null()) << source << "\n" << error.what();
    }
  }
}

TEST(ChatTemplateFiles, AreFoundWhereModelsKeepThem) {
  const TempDir dir;
  EXPECT_FALSE(ChatTemplate::load(dir.path()));
  const std::vector<ChatMessage> messages{{"user", "hi"}};
  dir.write("tokenizer_config.json",
            R"({"chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
                "bos_token": {"content": "<s>"}, "eos_token": "</s>"})");
  EXPECT_EQ(ChatTemplate::load(dir.path())->render(messages), "<s>hi</s>");
  EXPECT_EQ(ChatTemplate::load(dir.path())->render(messages, {.bos_token = "[B]"}), "[B]hi</s>");
  dir.write("chat_template.jinja", "file {{ messages|length }}{{ eos_token }}");
  EXPECT_EQ(ChatTemplate::load(dir.path())->render(messages), "file 1</s>");
  const TempDir named;
  named.write("tokenizer_config.json",
              R"({"chat_template": [{"name": "tool_use", "template": "t"},
                                    {"name": "default", "template": "d"}]})");
  EXPECT_EQ(ChatTemplate::load(named.path())->render(messages), "d");
  const auto gguf = named.write("m.gguf", GgufBytes()
                                              .text("tokenizer.chat_template", "{{ eos_token }}")
                                              .texts("tokenizer.ggml.tokens", {"a", "<e>"})
                                              .u32("tokenizer.ggml.eos_token_id", 1)
                                              .str());
  EXPECT_EQ(ChatTemplate::load(gguf)->render(messages), "<e>");
}

TEST(ChatTemplateFiles, SeeMoreVariables) {
  const auto t = ChatTemplate::parse("{{ tools[0].name if tools else 'none' }}{{ date }}");
  EXPECT_EQ(t.render({}, {.variables_json = R"({"tools": [{"name": "f"}], "date": 5})"}), "f5");
  EXPECT_EQ(t.render({}), "none");
  expect_error(ErrorCode::kInvalidArgument, {"template variables:1:2", "malformed JSON"},
               [&] { t.render({}, {.variables_json = "{"}); });
}

void expect_failure(const std::string& source, std::initializer_list<std::string_view> parts,
                    ErrorCode code = ErrorCode::kInvalidArgument) {
  SCOPED_TRACE(source.substr(0, 200));
  expect_error(code, parts, [&] {
    ChatTemplate::parse(source, "T").render_json(R"({"l": [1, 2, 3], "s": "text"})");
  });
}

TEST(ChatTemplateBad, NamesTemplateAndLine) {
  expect_failure("a\nb\n{{ s + 1 }}", {"T: line 3: '+' of str and int is not possible"});
  expect_failure("\n\n{% if %}", {"T: line 3: expected an expression, found '%}'"});
  expect_failure("{{ s }\n", {"T: line 1: '}' without its opening bracket"});
  expect_failure("\n{{ messages[0].role }}", {"T: line 2: variable 'messages' is undefined"});
  expect_failure("{{ raise_exception('roles must alternate') }}", {"roles must alternate"});
  expect_failure("{% macro m() %}\n{{ 1 / 0 }}{% endmacro %}\n\n{{ m() }}",
                 {"T: line 2: division"});
  expect_failure("{{ '\x80' }}{{ 1 + 'a' }}", {"T: line 1"});
  expect_failure("{{ \x01 }}", {"unexpected character \\x01"});
}

TEST(ChatTemplateBad, SaysWhatIsNotSupported) {
  const auto missing = ErrorCode::kUnimplemented;
  expect_failure("{% include 'x' %}", {"the tag 'include' is not supported"}, missing);
  expect_failure("{% for i in l recursive %}{% endfor %}", {"recursive loops"}, missing);
  expect_failure("{{ range(*l) }}", {"argument unpacking"}, missing);
  expect_failure("{{ strftime_now('%d') }}", {"'strftime_now'", "dates"}, missing);
  expect_failure("{{ s.format(1) }}", {"str.format is not supported"}, missing);
}

TEST(ChatTemplateBad, StopsEndlessWork) {
  std::string loops, closing;
  for (int i = 0; i < 10; ++i) {
    loops += "{% for a in range(100000) %}";
    closing += "{% endfor %}";
  }
  expect_failure(loops + closing, {"T: line 1", "more steps than allowed"});
  expect_failure(loops + "x" + closing, {"than allowed"});
  expect_failure("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
                 {"macro calls nested deeper than 64"});
  expect_failure("{{ range(10000000)|length }}", {"range: more than 100000 numbers"});
  expect_failure("{{ range(0, 5, 0) }}", {"the step is 0"});
}

TEST(ChatTemplateBad, StopsGrowingMemory) {
  expect_failure("{{ 'x' * 10000000000 }}", {"more text than allowed"});
  expect_failure("{{ [0] * 9223372036854775807 }}", {"more text than allowed"});
  expect_failure("{{ ''.center(1) }}{{ 'x'|center(99999999999) }}", {"T: line 1"});
  expect_failure("{{ '%1000000000d' % 5 }}{{ 'x'|center(99999999999) }}", {"more text"});
  const std::string doubling =
      "{% set n = namespace(x='0123456789abcdef') %}{% for i in range(100) %}{% set n.x = n.x ~ "
      "n.x "
      "%}{% endfor %}";
  expect_failure(doubling, {"more text than allowed"});
  expect_failure(
      "{% set n = namespace(x=[0]) %}{% for i in range(100) %}{% set n.x = n.x + n.x "
      "%}{% endfor %}",
      {"more text than allowed"});
  // A small graph whose text is huge.
  expect_failure(
      "{% set n = namespace(x=[0]) %}{% for i in range(100) %}{% set n.x = [n.x, n.x] "
      "%}{% endfor %}{{ n.x }}",
      {"than allowed"});
  expect_failure("{% for i in range(100000) %}{{ s * 1000 }}{% endfor %}", {"than allowed"});
  expect_failure("{{ s.replace('', s * 100000)|length }}{{ s|replace('', s * 90000000) }}",
                 {"more text than allowed"});
}

TEST(ChatTemplateBad, BoundsNesting) {
  const auto repeat = [](const std::string& text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  expect_failure("{{ " + repeat("(", 100000) + "1" + repeat(")", 100000) + " }}",
                 {"nested too deeply"});
  expect_failure("{{ " + repeat("[", 100000) + repeat("]", 100000) + " }}", {"nested too deeply"});
  expect_failure("{{ " + repeat("not ", 100000) + "1 }}", {"nested too deeply"});
  expect_failure("{{ " + repeat("-", 100000) + "1 }}", {"nested too deeply"});
  expect_failure("{{ 1" + repeat(" + 1", 100000) + " }}", {"too long or nested too deeply"});
  expect_failure("{{ s" + repeat(".a", 100000) + " }}", {"too long or nested too deeply"});
  expect_failure("{{ s" + repeat("|upper", 100000) + " }}", {"too long or nested too deeply"});
  expect_failure("{{ 1" + repeat(" if 1 else 1", 50000) + " }}", {"nested too deeply"});
  expect_failure(repeat("{% if 1 %}", 50000), {"nested too deeply"});
  expect_failure(repeat("{% for a in l %}", 50000), {"nested too deeply"});
  expect_failure(repeat("x", 2 << 20), {"bytes of template, expected at most 1048576"});
  EXPECT_EQ(ChatTemplate::parse("{% if 0 %}" + repeat("{% elif 0 %}", 5000) + "{% endif %}")
                .render_json("{}"),
            "");
  EXPECT_EQ(ChatTemplate::parse("{{ 'a'" + repeat(" ~ 'a'", 5000) + "}}").render_json("{}").size(),
            5001u);
}

TEST(ChatTemplateBad, BoundsNestingOfValues) {
  const std::string wrap =
      "{% set n = namespace(x=[]) %}{% for i in range(100000) %}{% set n.x = [n.x] %}{% endfor %}";
  expect_failure(wrap, {"nested deeper than 200"});
  expect_failure(
      "{% set n = namespace(x={}) %}{% for i in range(100000) %}{% set n.x = {1: n.x} "
      "%}{% endfor %}",
      {"nested deeper than 200"});
  expect_failure(
      "{% set n = namespace(x=[]) %}{% for i in range(1000) %}{% for y in [n.x] %}{% set "
      "n.x = [loop] %}{% endfor %}{% endfor %}",
      {"nested deeper than 200"});
  expect_failure(
      "{% set n = namespace(x=[]) %}{% for i in range(1000) %}{% set n.x = [n.x.count] "
      "%}{% endfor %}",
      {"nested deeper than 200"});
}

TEST(ChatTemplateBad, FreesNamespacesThatHoldEachOther) {
  // Leaks, if any, are what the sanitizer build reports.
  const auto t = ChatTemplate::parse(
      "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{% set a.self = a %}"
      "{% for x in [a] %}{% set a.loop = loop %}{% endfor %}"
      "{% set c = namespace() %}{% for i in range(20000) %}{% set c = namespace(p=c) %}{% endfor %}"
      "{% set d = namespace(x=none) %}{% for i in range(20000) %}"
      "{% set d.x = namespace(p=d.x) %}{% endfor %}ok");
  EXPECT_EQ(t.render_json("{}"), "ok");
}

TEST(ChatTemplateBad, RefusesMacrosOutOfTheirScope) {
  expect_failure(
      "{% set n = namespace() %}{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}"
      "{% set n.m = m %}{% endfor %}{{ n.m() }}",
      {"the macro 'm' is gone"});
}

TEST(ChatTemplateBad, ReportsIntegersThatDoNotFit) {
  expect_failure("{{ 9223372036854775807 + 1 }}", {"larger than 64 bits"});
  expect_failure("{{ 9223372036854775808 }}", {"the number 9223372036854775808 is too large"});
  expect_failure("{{ (-9223372036854775807 - 1) // -1 }}", {"larger than 64 bits"});
  expect_failure("{{ -(-9223372036854775807 - 1) }}", {"larger than 64 bits"});
  expect_failure("{{ 10 ** 30 }}", {"larger than 64 bits"});
  expect_failure("{{ (-9223372036854775807 - 1)|abs }}", {"larger than 64 bits"});
  EXPECT_EQ(ChatTemplate::parse("{{ (-9223372036854775807 - 1) % -1 }}").render_json("{}"), "0");
  EXPECT_EQ(ChatTemplate::parse("{{ [1,2,3][9223372036854775807:-9223372036854775807:-3] }}")
                .render_json("{}"),
            "[3]");
}

}  // namespace
}  // namespace tandem::models
