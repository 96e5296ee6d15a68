// SPDX-License-Identifier: Apache-2.0
// who, --watch, perf, timeline and hybrid runs as users call them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace tandem::tests {
namespace {

using testing::HasSubstr;

/// Two copies: 1 reads activations, 2 reads what 1 wrote, every second word.
constexpr const char* kCopies = R"(
mem activations i32 1 2 3 4
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations src_stride3=4 \
    dst_addr=activations+0x100 dst_stride3=4
COPY extent0=1 extent1=1 extent2=1 extent3=2 elem_bytes=4 src_addr=activations+0x100 src_stride3=8 \
    dst_addr=activations+0x200 dst_stride3=4
expect activations+0x200 i32 1 3
)";
constexpr const char* kActivations = "0x200000000";  // Of tiny.

ProgramResult record_run(const std::string& trace, const std::string& backend,
                         std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"run",
                                        "--model",
                                        data_path("llama-tiny"),
                                        "--prompt-ids",
                                        "1,2,3",
                                        "--quiet",
                                        "--json",
                                        "--max-new-tokens",
                                        "1",
                                        "--backend",
                                        backend};
  if (!trace.empty()) arguments.insert(arguments.end(), {"--record", trace});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_tandem(arguments);
}

TEST(CliWatch, StopsExecAtTheExactByte) {
  const ScratchDirectory scratch;
  const std::string file = scratch.write("copies.exec", kCopies);
  const auto watch = [&](const std::string& range) {
    return run_tandem({"exec", file, "--backend", "cmodel:tiny", "--watch", range});
  };
  const ProgramResult stopped = watch("r:0x200000108");
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("tandem: stopped: watch r:0x200000108+1: COPY seq 2 reads "
                                     "src[0, 0, 0, 1] at 0x200000108"));
  EXPECT_EQ(watch("r:0x20000010c+4").exit_code, 0);  // Between the words that packet 2 reads.
  EXPECT_THAT(watch("0x200000100+256").err, HasSubstr("COPY seq 1 writes dst[0, 0, 0, 0]"));
  EXPECT_EQ(watch("nonsense").exit_code, 2);
}

TEST(CliWatch, StopsRunAndReplayAtTheSamePacket) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("run.trace");
  ASSERT_EQ(record_run(trace, "cmodel:tiny").exit_code, 0);
  const std::string range = "w:" + std::string(kActivations) + "+0x10000000";
  const std::string cut = scratch.path("cut.trace");
  const ProgramResult run = record_run(cut, "cmodel:tiny", {"--watch", range});
  EXPECT_EQ(run.exit_code, 1);
  const nlohmann::json stopped = run.json()["summary"]["stopped"];
  EXPECT_TRUE(stopped["writes"].get<bool>());
  EXPECT_EQ(stopped["op"], "embedding");
  EXPECT_THAT(stopped["place"].get<std::string>(), HasSubstr("activations"));
  const nlohmann::json again =
      run_tandem({"replay", trace, "--backend", "cmodel:tiny", "--watch", range, "--json"}).json();
  EXPECT_EQ(again["summary"]["stopped"]["packet"], stopped["packet"]);
  EXPECT_EQ(again["summary"]["stopped"]["element"], stopped["element"]);
  // What ran before the stop is a whole trace.
  EXPECT_EQ(run_tandem({"replay", cut, "--backend", "cmodel:tiny"}).exit_code, 0);
}

TEST(CliWho, TellsWritersAndReaders) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("run.trace");
  ASSERT_EQ(record_run(trace, "cmodel:tiny").exit_code, 0);
  const nlohmann::json stop =
      run_tandem({"replay", trace, "--backend", "cmodel:tiny", "--json", "--watch",
                  "w:" + std::string(kActivations) + "+0x10000000"})
          .json()["summary"]["stopped"];
  const std::string address = std::to_string(stop["address"].get<std::uint64_t>());
  const std::uint64_t seq = stop["packet"];
  const nlohmann::json who =
      run_tandem({"who", trace, address, "--all", "--before", std::to_string(seq + 1), "--json"})
          .json();
  ASSERT_FALSE(who["cases"].empty());
  const nlohmann::json& last = who["cases"].back();
  EXPECT_EQ(last["packet"], seq);
  EXPECT_EQ(last["access"], "write");
  EXPECT_EQ(last["op"], "embedding");
  EXPECT_EQ(who["summary"]["last_writers"][0]["writer"]["packet"], seq);
  const ProgramResult text = run_tandem({"who", trace, address});
  EXPECT_THAT(text.out, HasSubstr("last written, "));
  EXPECT_EQ(run_tandem({"who", trace, "0x10"}).exit_code, 1);
  EXPECT_EQ(run_tandem({"who", trace, "here"}).exit_code, 2);
}

TEST(CliPerf, AsksForADeviceWithTime) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("run.trace");
  ASSERT_EQ(record_run(trace, "cmodel:tiny").exit_code, 0);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"perf", trace},
        std::vector<std::string>{"timeline", trace, "-o", scratch.path("x.json")}}) {
    const ProgramResult result = run_tandem(command);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr("record on a device with time: --backend rtl:tiny"));
  }
  EXPECT_EQ(run_tandem({"perf"}).exit_code, 2);
  EXPECT_EQ(run_tandem({"perf", trace, "--packets", "9-3"}).exit_code, 2);
  const ProgramResult untimed = run_tandem({"perf", "--model", data_path("llama-tiny"),
                                            "--prompt-ids", "1", "--backend", "cmodel:tiny"});
  EXPECT_EQ(untimed.exit_code, 2);
  EXPECT_THAT(untimed.err, HasSubstr("counts no cycles"));
}

TEST(CliHybrid, NeedsToKnowWhatRunsWhere) {
  const auto replay = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"exec", "absent.exec"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tandem(arguments);
  };
  const std::string hybrid = "hybrid:cmodel:tiny,cmodel:tiny";
  EXPECT_EQ(replay({"--backend", hybrid}).exit_code, 2);
  EXPECT_EQ(replay({"--backend", "cmodel:tiny", "--rtl-layers", "1"}).exit_code, 2);
  EXPECT_EQ(replay({"--backend", hybrid, "--rtl-ops", "a]"}).exit_code, 2);
  const ScratchDirectory scratch;
  const ProgramResult good = run_tandem(
      {"exec", scratch.write("copies.exec", kCopies), "--backend", hybrid, "--rtl-packets", "2"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
}

#ifdef TANDEM_HAVE_RTL_TINY
TEST(CliPerf, RowsAddUpToTheRun) {
  const ScratchDirectory scratch;
  const std::string page = scratch.path("perf.html");
  const ProgramResult result = run_tandem(
      {"perf", "--model", data_path("llama-tiny"), "--prompt-ids", "1,2,3", "--max-new-tokens", "1",
       "--backend", "rtl:tiny", "--quiet", "--json", "--html", page});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = result.json();
  const nlohmann::json& summary = report["summary"];
  std::uint64_t time = summary["idle_cycles"];
  for (const auto& row : report["cases"]) {
    if (row["name"].get<std::string>().starts_with("op.")) {
      time += row["time_cycles"].get<std::uint64_t>();
    }
  }
  EXPECT_EQ(time, summary["time_cycles"]);
  EXPECT_GT(summary["array_use"].get<double>(), 0);
  EXPECT_LE(summary["array_use"].get<double>(), 1);
  EXPECT_TRUE(std::filesystem::exists(page));
}

TEST(CliHybrid, GivesTheBitsOfTheCmodel) {
  const nlohmann::json alone = record_run("", "cmodel:tiny").json();
  const ProgramResult result =
      record_run("", "hybrid:cmodel:tiny,rtl:tiny", {"--rtl-layers", "1", "--rtl-ops", "output/*"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json hybrid = result.json();
  EXPECT_EQ(hybrid["summary"]["packet_digest"], alone["summary"]["packet_digest"]);
  EXPECT_EQ(hybrid["cases"][0]["ids"], alone["cases"][0]["ids"]);
  EXPECT_GT(hybrid["summary"]["cycles"].get<std::uint64_t>(), 0u);
}
#endif

#ifdef TANDEM_HAVE_RTL_TINY
TEST(CliWave, SaysWhatItFoundAndHowToLookAtIt) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("run.trace");
  ASSERT_EQ(record_run(trace, "cmodel:tiny").exit_code, 0);
  const std::string dir = scratch.path("out");
  const std::vector<std::string> base = {"wave", trace, "--packet", "12", "-o", dir};
  const ProgramResult text = run_tandem(base);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("packet 12 on rtl:tiny: nothing is wrong"));
  EXPECT_THAT(text.out, HasSubstr("\ngtkwave " + dir + "/view.gtkw\n"));

  std::vector<std::string> json = base;
  json.push_back("--json");
  const nlohmann::json report = run_tandem(json).json();
  EXPECT_EQ(report["backend"], "rtl:tiny");
  EXPECT_EQ(report["cases"][0]["symptom"], "none");
  EXPECT_LT(report["cases"][0]["dispatch"]["cycle"], report["cases"][0]["completion"]["cycle"]);
  EXPECT_EQ(report["summary"]["wave_bytes"].get<std::uintmax_t>(),
            std::filesystem::file_size(dir + "/waves.fst"));
  // Another device than the RTL has no waves.
  const ProgramResult refused = run_tandem({"wave", trace, "--backend", "cmodel:tiny", "-o", dir});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("waves come from rtl: backends"));
}

TEST(CliBisect, FindsNothingOnEqualDevicesAndKeepsRunsApart) {
  const ScratchDirectory scratch;
  const std::string dir = scratch.path("found");
  const auto bisect = [&](const std::string& ids) {
    return run_tandem({"bisect", "--model", data_path("llama-tiny"), "--prompt-ids", ids,
                       "--max-new-tokens", "1", "--a", "cmodel:tiny", "--b", "cmodel:tiny", "--out",
                       dir});
  };
  const ProgramResult first = bisect("1,2");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("equal: "));
  EXPECT_EQ(bisect("1,2").out, first.out);
  // The recorded run of another prompt is not taken for this one's.
  const ProgramResult other = bisect("1,3");
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("holds another run"));
  EXPECT_THAT(other.err, HasSubstr("give another folder"));
}
#endif

}  // namespace
}  // namespace tandem::tests
