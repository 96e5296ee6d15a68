// SPDX-License-Identifier: Apache-2.0
// The generated test vectors.
#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tandem::tests {

/// One line of packet_vectors.txt.
struct Vector {
  std::string kind;  ///< "packet", "completion" or "word".
  std::string name;
  std::vector<std::pair<std::string, std::uint64_t>> fields;  ///< Those that are not zero.
  std::vector<std::uint8_t> bytes;
  int line = 0;

  std::uint64_t value(std::string_view field) const {
    for (const auto& [key, value] : fields) {
      if (key == field) return value;
    }
    return 0;
  }
};

inline Vector parse_vector(const std::string& text, int line) {
  Vector out;
  out.line = line;
  std::istringstream in(text);
  in >> out.kind >> out.name;
  std::string word;
  while (in >> word && word != "=") {
    const std::size_t equals = word.find('=');
    out.fields.emplace_back(word.substr(0, equals),
                            std::stoull(word.substr(equals + 1), nullptr, 16));
  }
  in >> word;
  for (std::size_t i = 0; i + 1 < word.size(); i += 2) {
    out.bytes.push_back(static_cast<std::uint8_t>(std::stoul(word.substr(i, 2), nullptr, 16)));
  }
  return out;
}

inline std::vector<Vector> load_vectors() {
  std::ifstream file(TANDEM_SOURCE_DIR "/tests/abi/packet_vectors.txt");
  if (!file) throw std::runtime_error("tests/abi/packet_vectors.txt cannot be read");
  std::vector<Vector> out;
  std::string text;
  for (int line = 1; std::getline(file, text); ++line) {
    if (!text.empty() && text[0] != '#') out.push_back(parse_vector(text, line));
  }
  return out;
}

}  // namespace tandem::tests
