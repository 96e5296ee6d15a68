// SPDX-License-Identifier: Apache-2.0
// Configuration files: the ones that ship, and every message for one that is wrong.
#include "tandem/runtime/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>

#include "schema.hpp"
#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string source(const std::string& path) { return std::string(TANDEM_SOURCE_DIR) + "/" + path; }

/// A correct configuration with one part replaced.
std::string edited(const std::string& from, const std::string& to) {
  std::string text =
      "name: test\n"
      "array: {rows: 4, cols: 4}\n"
      "vector: {lanes: 4, length: 64}\n"
      "ucode_words: 1024\n"
      "axi_data_bits: 128\n"
      "memory:\n"
      "  - {name: commands, base: 0x8000_0000, size: 2 MiB, writable: true}\n"
      "  - {name: ucode, base: 0x9000_0000, size: 1 MiB, writable: true}\n"
      "  - {name: weights, base: 0x1_0000_0000, size: 64 MiB, writable: false}\n"
      "  - {name: activations, base: 0x2_0000_0000, size: 64 MiB, writable: yes}\n"
      "  - {name: kv, base: 0x3_0000_0000, size: 0x1000, writable: true}\n";
  if (!from.empty()) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string message_of(const std::string& text) {
  try {
    parse_config(text, "test.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.message();
  }
  return "no error";
}

TEST(Config, ReadsEveryField) {
  const driver::DeviceConfig config = parse_config(edited("", ""), "test.yaml");
  EXPECT_EQ(config.name, "test");
  EXPECT_EQ(config.array_rows, 4u);
  EXPECT_EQ(config.array_cols, 4u);
  EXPECT_EQ(config.vector_lanes, 4u);
  EXPECT_EQ(config.vector_length, 64u);
  EXPECT_EQ(config.ucode_words, 1024u);
  EXPECT_EQ(config.axi_data_bits, 128u);
  ASSERT_EQ(config.regions.size(), 5u);
  EXPECT_EQ(config.regions[2].name, "weights");
  EXPECT_EQ(config.regions[2].base.value, 0x1'0000'0000u);
  EXPECT_EQ(config.regions[2].size, 64u << 20);
  EXPECT_FALSE(config.regions[2].writable);
  EXPECT_TRUE(config.regions[3].writable);
  EXPECT_EQ(config.regions[4].size, 4096u);
}

TEST(Config, ShippedFilesLoadAndHaveTheSameKeys) {
  std::multiset<std::string> tiny_regions;
  for (const std::string name : {"tiny", "edge", "large"}) {
    const driver::DeviceConfig config = load_config(source("sim_configs/" + name + ".yaml"));
    EXPECT_EQ(config.name, name);
    std::multiset<std::string> regions;
    for (const auto& region : config.regions) {
      regions.insert(region.name);
      EXPECT_GE(region.base.value, 0x8000'0000u) << name << " " << region.name;
    }
    if (tiny_regions.empty()) {
      tiny_regions = regions;
    }
    EXPECT_EQ(regions, tiny_regions);
  }
  EXPECT_EQ(load_config(source("sim_configs/edge.yaml")).array_rows, 16u);
}

TEST(Config, ShippedRegionsHaveGaps) {
  for (const std::string name : {"tiny", "edge", "large"}) {
    const driver::DeviceConfig config = load_config(source("sim_configs/" + name + ".yaml"));
    for (const auto& a : config.regions) {
      for (const auto& b : config.regions) {
        EXPECT_NE(a.base.value + a.size, b.base.value) << name << " " << a.name << " " << b.name;
      }
    }
  }
}

TEST(Config, DocumentNamesEveryKey) {
  const std::string document = read_file(source("docs/reference/sim_configs.md"));
  for (const SchemaKey& key : config_schema().keys) {
    EXPECT_THAT(document, HasSubstr("`" + key.key + "`"));
    EXPECT_FALSE(key.doc.empty()) << key.key;
  }
  for (const auto& region : config_schema().regions) {
    EXPECT_THAT(document, HasSubstr("`" + region.name + "`"));
  }
  for (const auto& section : config_schema().sections) {
    EXPECT_THAT(document, HasSubstr("`" + section.name + "`"));
  }
}

TEST(ConfigBad, MissingKey) {
  EXPECT_EQ(message_of(edited("ucode_words: 1024\n", "")),
            "test.yaml:1: ucode_words: missing; expected an integer from 256 to 0x10000, a "
            "multiple of 64 [words]");
  EXPECT_EQ(message_of(edited("rows: 4, ", "")),
            "test.yaml:2: array.rows: missing; expected an integer from 1 to 256, a power of two "
            "[rows]");
  EXPECT_EQ(message_of(edited("size: 2 MiB, ", "")),
            "test.yaml:7: memory[0].size: missing; expected a size such as 16 MiB from 4096 to "
            "0x1000000000000, a multiple of 4096 [bytes]");
}

TEST(ConfigBad, UnknownKey) {
  EXPECT_EQ(message_of(edited("ucode_words", "ucode_word")),
            "test.yaml:4: ucode_word: unknown key; did you mean ucode_words?");
  EXPECT_EQ(message_of(edited("lanes: 4", "lane: 4")),
            "test.yaml:3: vector.lane: unknown key; did you mean vector.lanes?");
  EXPECT_THAT(message_of(edited("axi_data_bits", "something_else")),
              AllOf(HasSubstr("test.yaml:5: something_else: unknown key; expected one of name, "),
                    HasSubstr("starts with x-")));
}

TEST(Config, UserAndBackendSectionsAreNotOurs) {
  const std::string text = edited("", "") + "x-note: {anything: [1, 2]}\nrtl: {buffers: 3}\n";
  EXPECT_EQ(parse_config(text, "test.yaml").name, "test");
}

TEST(ConfigBad, WrongType) {
  EXPECT_EQ(message_of(edited("rows: 4", "rows: sixteen")),
            "test.yaml:2: array.rows: expected an integer from 1 to 256, a power of two [rows], "
            "found 'sixteen'");
  EXPECT_THAT(message_of(edited("rows: 4", "rows: '4'")), HasSubstr("found '4'"));
  EXPECT_THAT(message_of(edited("rows: 4", "rows: [4]")), HasSubstr("found a list"));
  EXPECT_THAT(message_of(edited("rows: 4", "rows: ")), HasSubstr("found nothing"));
  EXPECT_THAT(message_of(edited("rows: 4", "rows: -4")), HasSubstr("found '-4'"));
  EXPECT_THAT(message_of(edited("rows: 4", "rows: 04")), HasSubstr("found '04'"));
  EXPECT_THAT(message_of(edited("rows: 4", "rows: 4.0")), HasSubstr("found '4.0'"));
  EXPECT_EQ(message_of(edited("array: {rows: 4, cols: 4}", "array: 16")),
            "test.yaml:2: array: expected a map with the keys rows, cols, found '16'");
  EXPECT_EQ(message_of(edited("writable: true", "writable: 1")),
            "test.yaml:7: memory[0].writable: expected true or false, found '1'");
  EXPECT_THAT(message_of(edited("name: test", "name: Test One")),
              HasSubstr("expected a name of 1 to 16 characters a-z 0-9 _ -, found 'Test One'"));
  EXPECT_THAT(message_of("memory: 3"), HasSubstr("memory: expected a list of 1 to 16 entries"));
  EXPECT_EQ(message_of("- 1\n"),
            "test.yaml:1: expected a map with the keys name, array, vector, ucode_words, "
            "axi_data_bits, memory, found a list");
  EXPECT_THAT(message_of(""), HasSubstr("found nothing"));
}

TEST(ConfigBad, OutOfRange) {
  EXPECT_THAT(message_of(edited("rows: 4", "rows: 512")), HasSubstr("from 1 to 256"));
  EXPECT_THAT(message_of(edited("rows: 4", "rows: 3")), HasSubstr("a power of two"));
  EXPECT_THAT(message_of(edited("length: 64", "length: 96")), HasSubstr("a multiple of 64"));
  EXPECT_THAT(message_of(edited("name: test", "name: a-name-that-is-too-long")),
              HasSubstr("1 to 16 characters"));
  EXPECT_THAT(message_of(edited("size: 2 MiB", "size: 99999999999999999999 GiB")),
              HasSubstr("memory[0].size: expected a size"));
}

TEST(ConfigBad, Addresses) {
  EXPECT_THAT(message_of(edited("0x8000_0000", "0")),
              HasSubstr("test.yaml:7: memory[0].base: expected an integer from 4096"));
  EXPECT_THAT(message_of(edited("0x8000_0000", "0x8000_0001")), HasSubstr("a multiple of 4096"));
  EXPECT_EQ(message_of(edited("0x3_0000_0000, size: 0x1000", "0xffff_ffff_f000, size: 0x2000")),
            "test.yaml:11: memory[4].size: region 'kv' ends at 0x1000000001000; expected an end at "
            "or below 2^48 = 0x1000000000000");
}

TEST(ConfigBad, OverlappingRegions) {
  EXPECT_EQ(message_of(edited("0x9000_0000", "0x801f_f000")),
            "test.yaml:8: memory[1].base: region 'ucode' [0x801ff000, 0x802ff000) overlaps region "
            "'commands' [0x80000000, 0x80200000) of line 7; expected regions without common bytes");
}

TEST(ConfigBad, RegionNames) {
  EXPECT_EQ(message_of(edited("name: kv", "name: ucode")),
            "test.yaml:11: memory[4].name: 'ucode' is already the name of memory[1] at line 8; "
            "expected different ones");
  EXPECT_EQ(message_of(edited("name: kv", "name: cache")),
            "test.yaml:7: memory: expected a region 'kv' (Key and value caches.), found only "
            "commands, ucode, weights, activations, cache");
}

TEST(ConfigBad, NotYaml) {
  EXPECT_THAT(message_of("name: [1, 2\narray: }"), HasSubstr("test.yaml:2: not YAML: "));
  EXPECT_THAT(message_of(edited("", "") + "---\nname: two\n"), HasSubstr("a second document"));
  EXPECT_EQ(message_of(edited("cols: 4", "rows: 4")),
            "test.yaml:2: key 'rows' appears twice; it first stood at line 2");
  EXPECT_EQ(message_of("? [a]\n: 1\n"),
            "test.yaml:1: a key must be a plain word, not a list or map");
  EXPECT_EQ(message_of("name: !!str edge\n"),
            "test.yaml:1: tag 'tag:yaml.org,2002:str' is not supported; remove it");
}

TEST(ConfigBad, HostileFilesAreRefusedWithinBounds) {
  EXPECT_THAT(message_of("a: &x [1]\nb: [*x, *x]\n"),
              HasSubstr("test.yaml:1: anchors (&name) are not supported"));
  EXPECT_THAT(message_of("a: &x [*x]\n"), HasSubstr("anchors"));
  EXPECT_THAT(message_of("a: *x\n"), HasSubstr("test.yaml:1: "));
  EXPECT_THAT(message_of(std::string(100'000, '[')), HasSubstr("test.yaml:1: "));
  const std::string deep = "x-list: " + std::string(100, '[') + "1" + std::string(100, ']');
  EXPECT_THAT(message_of(deep), HasSubstr("nested deeper than 16 levels"));
  EXPECT_THAT(message_of(std::string(300'000, 'a')), HasSubstr("at most 262144 bytes"));
  std::string many = "x-list: [";
  for (int i = 0; i < 10'000; ++i) {
    many += "1,";
  }
  EXPECT_THAT(message_of(many + "]"), HasSubstr("more than 4096 values"));
}

TEST(ConfigBad, DamagedFilesNeverCrash) {
  constexpr unsigned kSeed = 20240;
  std::mt19937 random(kSeed);
  const std::string good = edited("", "");
  constexpr char kBytes[] = "{}[]:,-&*!|>'\"%@`# \n\t\0x09azAZ~\\";
  int accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kBytes[random() % (sizeof(kBytes) - 1)];
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        default:
          text.insert(at, 1 + random() % 3, kBytes[random() % (sizeof(kBytes) - 1)]);
      }
    }
    SCOPED_TRACE(::testing::Message() << "seed " << kSeed << " case " << i << "\n" << text);
    const std::string message = message_of(text);
    accepted += message == "no error";
    if (message != "no error") {
      EXPECT_THAT(message, ::testing::StartsWith("test.yaml:"));
    }
  }
  EXPECT_LT(accepted, 2000);
}

TEST(ConfigSearch, FindsNamesAndPaths) {
  EXPECT_EQ(load_config("edge").name, "edge");
  EXPECT_THAT(list_configs(), ::testing::IsSupersetOf({"edge", "large", "tiny"}));
  EXPECT_EQ(load_config(source("sim_configs/tiny.yaml")).name, "tiny");
}

TEST(ConfigSearch, VariableComesFirst) {
  const auto directory = std::filesystem::temp_directory_path() / "tandem_config_search_test";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "edge.yaml") << edited("name: test", "name: mine");
  setenv("TANDEM_CONFIG_PATH", (":/nonexistent:" + directory.string()).c_str(), 1);
  EXPECT_EQ(load_config("edge").name, "mine");
  unsetenv("TANDEM_CONFIG_PATH");
  EXPECT_EQ(load_config("edge").name, "edge");
  std::filesystem::remove_all(directory);
}

TEST(ConfigSearchBad, SaysWhereItLooked) {
  try {
    load_config("egde");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.message(),
                AllOf(HasSubstr("configuration 'egde' not found in "), HasSubstr("sim_configs"),
                      HasSubstr("edge, large, tiny"), HasSubstr("TANDEM_CONFIG_PATH")));
  }
  EXPECT_THROW(load_config("./missing.yaml"), Error);
  EXPECT_THROW(load_config("/tmp/"), Error);
  EXPECT_THROW(load_config(""), Error);
}

TEST(ParseInteger, TakesDigitsSeparatorsAndUnits) {
  EXPECT_EQ(parse_integer("0", false), 0u);
  EXPECT_EQ(parse_integer("0x_1", false), std::nullopt);
  EXPECT_EQ(parse_integer("1_000", false), 1000u);
  EXPECT_EQ(parse_integer("0xFfff_0000", false), 0xffff'0000u);
  EXPECT_EQ(parse_integer("18446744073709551615", false), ~std::uint64_t{0});
  EXPECT_EQ(parse_integer("18446744073709551616", false), std::nullopt);
  EXPECT_EQ(parse_integer("16 MiB", true), 16u << 20);
  EXPECT_EQ(parse_integer("16MiB", true), 16u << 20);
  EXPECT_EQ(parse_integer("16 MiB", false), std::nullopt);
  EXPECT_EQ(parse_integer("16777216 TiB", true), std::nullopt);
  EXPECT_EQ(parse_integer("MiB", true), std::nullopt);
  EXPECT_EQ(parse_integer("", false), std::nullopt);
  EXPECT_EQ(parse_integer("1_", false), std::nullopt);
}

TEST(NearestName, FindsTypingErrorsOnly) {
  const std::vector<std::string> names = {"weights", "kv", "activations"};
  EXPECT_EQ(nearest_name("weigths", names), "weights");
  EXPECT_EQ(nearest_name("activation", names), "activations");
  EXPECT_EQ(nearest_name("tensorflow", names), "");
  EXPECT_EQ(nearest_name(std::string(5000, 'a'), names), "");
}

}  // namespace
}  // namespace tandem::runtime
