// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "support/errors.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/debug/case_file.hpp"
#include "tandem/debug/wave.hpp"
#include "tandem/runtime/device.hpp"
#include "wave/fst_file.hpp"
#include "wave_support.hpp"

namespace tandem {
namespace {

using debug::WaveOptions;
using debug::WaveReport;
using testing::HasSubstr;
using tests::ScratchDir;
using Symptom = WaveReport::Symptom;

constexpr const char* kBackend = "rtl:tiny";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

/// Values of all signals as "time handle bits", by our reader.
std::vector<std::string> all_changes(const std::filesystem::path& path) {
  debug::wave::FstFile file(path);
  std::vector<const debug::wave::WaveSignal*> signals;
  std::map<std::uint32_t, bool> seen;
  for (const auto& signal : file.signals()) {
    if (!std::exchange(seen[signal.handle], true)) signals.push_back(&signal);
  }
  std::vector<std::string> changes;
  debug::wave::WaveScan scan(file, signals);
  scan.run(0, ~std::uint64_t{0}, [&](std::uint64_t time) {
    for (std::size_t i = 0; i < signals.size(); ++i) {
      if (!scan.changed(i)) continue;
      std::string line = std::to_string(time) + ' ' + std::to_string(signals[i]->handle) + ' ';
      for (std::uint32_t bit = signals[i]->width; bit-- > 0;) {
        line += (scan.words(i)[bit / 32] >> bit % 32 & 1) != 0 ? '1' : '0';
      }
      changes.push_back(std::move(line));
    }
    return true;
  });
  std::ranges::sort(changes);
  return changes;
}

/// The same from the text that fst2vcd gives; its identifiers appear in the order of handles.
std::vector<std::string> vcd_changes(const std::filesystem::path& vcd) {
  std::ifstream in(vcd);
  std::map<std::string, std::pair<std::size_t, std::size_t>> ids;  // handle, width
  std::vector<std::string> changes;
  std::string line;
  std::string time;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string first, second, width, id;
    words >> first >> second;
    if (first == "$var") {
      words >> width >> id;
      ids.try_emplace(id, ids.size() + 1, std::stoul(width));
    } else if (first.starts_with('#')) {
      time = first.substr(1);
    } else if (!time.empty() && (first.starts_with('b') || first[0] == '0' || first[0] == '1')) {
      const bool vector = first[0] == 'b';
      const auto& [handle, bits] = ids.at(vector ? second : first.substr(1));
      std::string value = vector ? first.substr(1) : first.substr(0, 1);
      value.insert(0, bits - value.size(), '0');
      changes.push_back(time + ' ' + std::to_string(handle) + ' ' + value);
    }
  }
  std::ranges::sort(changes);
  return changes;
}

class WaveTest : public testing::Test {
 protected:
  WaveReport find(const std::string& trace, const WaveOptions& options = {},
                  const std::string& backend = kBackend) {
    return debug::find_first_wrong(trace, backend, dir_.path() / "out", options);
  }
  std::string out(const std::string& name) const { return dir_.file("out/" + name); }

  ScratchDir dir_{"wave"};
};

TEST_F(WaveTest, ReaderGivesWhatFst2vcdGives) {
  if (!installed("fst2vcd")) GTEST_SKIP() << "fst2vcd is not installed (Debian: gtkwave)";
  const std::string trace = dir_.file("t.trace");
  tests::record_program("tables", trace);
  find(trace);
  const std::string command =
      "fst2vcd -f " + out("waves.fst") + " -o " + dir_.file("waves.vcd") + " > /dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::vector<std::string> expected = vcd_changes(dir_.file("waves.vcd"));
  ASSERT_GT(expected.size(), 1'000U);
  EXPECT_EQ(all_changes(out("waves.fst")), expected);
}

TEST_F(WaveTest, ReaderRefusesWhatIsNoWaveFile) {
  tests::expect_error(ErrorCode::kNotFound, {"none.fst", "cannot be opened"},
                      [&] { debug::wave::FstFile file(dir_.file("none.fst")); });
  const std::string trace = dir_.file("t.trace");
  tests::record_program("tables", trace);
  find(trace);
  const std::string whole = text_of(out("waves.fst"));
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{1}}) {
    std::ofstream(dir_.file("cut.fst"), std::ios::binary) << whole.substr(0, size);
    tests::expect_error(ErrorCode::kInvalidArgument, {"cut.fst", "is damaged or was not closed"},
                        [&] { debug::wave::FstFile file(dir_.file("cut.fst")); });
  }
}

/// Every stage of a device without a fault has the values that the reference computes.
class WaveStagesTest : public WaveTest {
 protected:
  void check(const std::vector<std::uint64_t>& numbers, const std::string& trace,
             const std::string& config, const std::string& name) {
    for (const std::uint64_t number : numbers) {
      const WaveReport report =
          find(trace, {.packet = number, .every_stage = true}, "rtl:" + config);
      EXPECT_EQ(report.symptom, Symptom::kNone) << name << '\n' << debug::wave_text(report);
      EXPECT_FALSE(report.first_wrong_value) << name << '\n' << debug::wave_text(report);
      EXPECT_TRUE(report.dispatch && report.completion) << name;
    }
  }
};

TEST_F(WaveStagesTest, AreRightOnAHealthyDevice) {
  const std::string trace = dir_.file("t.trace");
  check(tests::record_products(trace), trace, "tiny", "products");
  for (const char* name :
       {"arithmetic", "control", "copies", "errors", "gathers", "matmuls", "narrow", "programs",
        "reductions", "scales", "scatters", "specials", "stores", "tables", "vectors"}) {
    check(tests::record_program(name, trace), trace, "tiny", name);
  }
}

#ifdef TANDEM_HAVE_RTL_EDGE
TEST_F(WaveStagesTest, AreRightOnALargerArray) {
  const std::string trace = dir_.file("t.trace");
  check(tests::record_products(trace, "edge"), trace, "edge", "products");
  for (const char* name : {"narrow", "reductions", "scales", "scatters"}) {
    check(tests::record_program(name, trace, "edge"), trace, "edge", name);
  }
}
#endif

/// A case that expects other bytes than the device gives: the write is found, and no stage.
TEST_F(WaveTest, NamesElementAndWriteOfAWrongByte) {
  const std::string trace = dir_.file("t.trace");
  const std::uint64_t number = tests::record_products(trace).at(3);
  runtime::Device device = runtime::Device::open("cmodel:tiny");
  debug::Player player(runtime::TraceReader(trace), device);
  player.play_to(number);
  ASSERT_NE(player.next(), nullptr);
  debug::Case item = debug::record_case(player);
  const auto packet = abi::packet_as<abi::MatmulPacket>(item.failing().packet);
  const std::uint64_t addr = packet.c_addr + 6 * packet.c_row_stride + 37 * 2;
  for (debug::MemoryPiece& piece : item.expected) {
    if (addr < piece.addr.value || addr >= piece.addr.value + piece.bytes.size()) continue;
    piece.bytes[addr - piece.addr.value] ^= std::byte{1};
  }
  debug::write_case(item, dir_.file("wrong.case"));

  const WaveReport report = find(dir_.file("wrong.case"));
  EXPECT_EQ(report.symptom, Symptom::kData);
  EXPECT_EQ(report.packet, number);
  EXPECT_EQ(report.wrong_bytes, 1U);
  ASSERT_TRUE(report.element);
  EXPECT_EQ(report.element->operand, "c");
  EXPECT_EQ(report.element->index, "[0, 0, 6, 37]");
  EXPECT_EQ(report.element->addr, addr);
  ASSERT_TRUE(report.first_wrong_write && report.first_wrong_value);
  EXPECT_EQ(report.first_wrong_write->stage, "write beat");
  EXPECT_EQ(report.first_wrong_value->at.time, report.first_wrong_write->at.time);
  ASSERT_TRUE(report.dispatch && report.completion);
  EXPECT_LT(report.dispatch->time, report.first_wrong_write->at.time);
  EXPECT_LT(report.first_wrong_write->at.time, report.completion->time);
  EXPECT_THAT(text_of(report.view), HasSubstr("[markername] Cfirst wrong value and write\n"));
}

TEST_F(WaveTest, NamesTheHandshakeOfAHang) {
  const std::string trace = dir_.file("t.trace");
  tests::record_program("copies", trace);
  // Memory that answers later than the watchdog waits.
  const WaveReport report = find(trace, {}, "rtl:tiny?latency=90000&watchdog=3000");
  EXPECT_EQ(report.symptom, Symptom::kHang);
  EXPECT_THAT(report.found, HasSubstr("stuck"));
  EXPECT_THAT(report.in_flight, testing::Not(testing::IsEmpty()));
}

TEST_F(WaveTest, RefusesWhatItCannotDo) {
  const std::string trace = dir_.file("t.trace");
  tests::record_program("tables", trace);
  const auto refuse = [&](const WaveOptions& options, const char* backend, const char* message) {
    tests::expect_error(ErrorCode::kInvalidArgument, {message},
                        [&] { find(trace, options, backend); });
  };
  refuse({}, "cmodel:tiny", "waves come from rtl: backends, found cmodel:tiny");
  refuse({}, "rtl:tiny?trace=x.fst", "option trace is set here");
  refuse({.packet = 99}, kBackend, "has no packet 99");
}

/// The view opens in GTKWave, in another directory than it was written to, with all of its signals
/// and markers.
TEST_F(WaveTest, ViewOpensInGtkwave) {
  for (const char* program : {"gtkwave", "xvfb-run", "import"}) {
    if (!installed(program)) {
      GTEST_SKIP() << program << " is not installed (Debian: gtkwave xvfb xauth imagemagick)";
    }
  }
  const std::string trace = dir_.file("t.trace");
  for (const char* name : {"matmuls", "vectors", "copies"}) {
    tests::record_program(name, trace);
    find(trace, {.every_stage = true});
    const std::string moved = dir_.file(std::string("moved_") + name);
    std::filesystem::rename(dir_.path() / "out", moved);
    const std::string script = dir_.file("show.tcl");
    std::ofstream(script) << "puts \"signals [llength [gtkwave::getDisplayedSignals]]\"\n"
                             "foreach m {A B C} { puts \"marker [gtkwave::getNamedMarker $m]\" }\n"
                             "puts \"window [gtkwave::getWindowStartTime] "
                             "[gtkwave::getWindowEndTime]\"\nflush stdout\n";
    const std::string log = dir_.file("gtkwave.log");
    const std::string image = dir_.file("window.png");
    const std::string command =
        "timeout 60 xvfb-run -a -s '-screen 0 1700x1000x24' sh -c \"cd / && "
        "(timeout 50 gtkwave " +
        moved + "/view.gtkw -S " + script + " > " + log +
        " 2>&1 & p=\\$!; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; "
        "do sleep 0.5; grep -q window " +
        log +
        " && break; done; sleep 0.5; "
        "import -window root " +
        image + "; kill \\$p)\" > /dev/null 2>&1";
    std::system(command.c_str());
    const std::string output = text_of(log);
    std::size_t expected = 0;
    std::istringstream view(text_of(moved + "/view.gtkw"));
    for (std::string line; std::getline(view, line);) {
      if (line.starts_with("#{")) {
        expected += static_cast<std::size_t>(std::ranges::count(line, '('));
      } else if (line.starts_with("+{") || line.find("u_") != std::string::npos ||
                 line.find("npu_top") == 0) {
        ++expected;
      }
    }
    EXPECT_THAT(output, HasSubstr("signals " + std::to_string(expected) + "\n")) << name << output;
    EXPECT_THAT(output, testing::Not(HasSubstr("marker -1\nmarker -1"))) << name << output;
    EXPECT_GT(std::filesystem::file_size(image), 10'000U) << name;
  }
}

#ifdef TANDEM_HAVE_RTL_FAULTS

struct FaultCase {
  const char* fault;
  const char* program;
  std::size_t packet;  ///< Index in the program.
  const char* stage;
  int first;  ///< Cycles from the stamp to the first wrong value, at least and at most.
  int last;
};

/// The first wrong value of faults in each kind of stage, against the time that the fault notes.
TEST_F(WaveTest, FindsTheCycleOfFaults) {
  const FaultCase cases[] = {
      {"num_fma10_round", "matmuls", 1, "accumulator", 0, 1},
      {"num_round10", "matmuls", 0, "accumulator", 0, 8},
      {"num_fp32_round", "arithmetic", 5, "vector register", 0, 1},
      {"num_f16_flush", "narrow", 3, "vector register", 0, 8},
      {"vector_fold_order", "reductions", 2, "partial result", 0, 4},
      {"vector_bypass", "vectors", 2, "vector register", 0, 4},
      {"num_bf16_round", "narrow", 2, "write beat", 0, 20},
      {"dma_fill_pattern", "copies", 3, "write beat", 0, 20},
      {"dma_add_carry", "scatters", 1, "write beat", 0, 12},
      {"cmd_record_engine", "order", 0, "completion record", 0, 8},
      {"mem_checksum_lane", "copies", 0, "checksum", 0, 8},
      {"matrix_stale_sum", "tiles", 0, "accumulator", 0, 1},
      // Right alone, wrong behind another packet.
      {"mem_checksum_clear", "copies", 1, "checksum", 0, 64},
  };
  const std::string trace = dir_.file("t.trace");
  for (const FaultCase& item : cases) {
    const std::vector<std::uint64_t> numbers = tests::record_program(item.program, trace);
    const std::string stamp = dir_.file("stamp.json");
    const WaveReport report =
        find(trace, {.packet = numbers.at(item.packet)},
             std::string("rtl:tiny?fault=") + item.fault + "&fault_stamp=" + stamp);
    ASSERT_TRUE(report.first_wrong_value) << item.fault << '\n' << debug::wave_text(report);
    EXPECT_EQ(report.first_wrong_value->stage, item.stage) << item.fault;
    const auto time = nlohmann::json::parse(text_of(stamp)).at("time").get<std::int64_t>();
    const auto cycles = (static_cast<std::int64_t>(report.first_wrong_value->at.time) - time) / 2;
    EXPECT_GE(cycles, item.first) << item.fault << '\n' << debug::wave_text(report);
    EXPECT_LE(cycles, item.last) << item.fault << '\n' << debug::wave_text(report);
  }
}

#endif

}  // namespace
}  // namespace tandem
