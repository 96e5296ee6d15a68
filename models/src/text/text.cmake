# model_text: tokenizers, chat templates, sampling.
find_package(PkgConfig REQUIRED)
pkg_check_modules(TANDEM_PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.40)
pkg_check_modules(TANDEM_UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc>=2.6)

tandem_library(model_text
  src/text/added_tokens.cpp
  src/text/bpe.cpp
  src/text/byte_alphabet.cpp
  src/text/chat_template.cpp
  src/text/jinja/arguments.cpp
  src/text/jinja/case.cpp
  src/text/jinja/evaluate.cpp
  src/text/jinja/filters_sequence.cpp
  src/text/jinja/filters_text.cpp
  src/text/jinja/format_text.cpp
  src/text/jinja/interpreter.cpp
  src/text/jinja/lexer.cpp
  src/text/jinja/methods.cpp
  src/text/jinja/operations.cpp
  src/text/jinja/parser_expressions.cpp
  src/text/jinja/parser_statements.cpp
  src/text/jinja/tests.cpp
  src/text/jinja/value.cpp
  src/text/jinja/value_text.cpp
  src/text/normalizer.cpp
  src/text/pre_tokenizer.cpp
  src/text/regex.cpp
  src/text/sampler.cpp
  src/text/tokenizer.cpp
  src/text/tokenizer_gguf.cpp
  src/text/tokenizer_json.cpp
  src/text/utf8.cpp
  src/text/vocabulary.cpp)
target_link_libraries(tandem_model_text
  PUBLIC tandem_model_files
  PRIVATE fmt::fmt nlohmann_json::nlohmann_json PkgConfig::TANDEM_PCRE2 PkgConfig::TANDEM_UTF8PROC)
