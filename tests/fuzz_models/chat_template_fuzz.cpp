// SPDX-License-Identifier: Apache-2.0
// Fuzz target: chat templates, parsed and rendered.
#include "fuzz_target.hpp"
#include "tandem/models/text/chat_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::models;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  static const std::string variables = tandem::fuzz::read_data("templates/variables.json");
  constexpr TemplateLimits kLimits{.max_steps = 50'000, .max_bytes = 4 << 20, .max_depth = 16};
  tandem::fuzz::ignore_errors([&] {
    const ChatTemplate chat_template = ChatTemplate::parse(source);
    tandem::fuzz::ignore_errors([&] { chat_template.render_json(variables, kLimits); });
    const ChatMessage messages[] = {{"system", "s"}, {"user", "\xff"}};
    if (chat_template.render(messages, {.limits = kLimits}).size() > kLimits.max_bytes) {
      __builtin_trap();
    }
  });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string all = tandem::fuzz::read_data("templates/templates.txt");
  const std::string separator = "\n===\n";
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = std::min(all.find(separator, begin), all.size());
    out.push_back(all.substr(begin, end - begin));
    begin = end + separator.size();
  }
  return out;
}
