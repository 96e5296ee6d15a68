// SPDX-License-Identifier: Apache-2.0
// The commands of tandem besides run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program.hpp"

namespace tandem::tests {
namespace {

using testing::HasSubstr;

TEST(Cli, HelpTellsCommandsAndExitCodes) {
  const ProgramResult help = run_tandem({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* part :
       {"run", "tokenize", "info", "dis", "asm", "replay", "Exit codes:", "2 wrong command line"}) {
    EXPECT_THAT(help.out, HasSubstr(part));
  }
  const ProgramResult run_help = run_tandem({"run", "--help"});
  EXPECT_EQ(run_help.exit_code, 0);
  for (const char* option :
       {"--model", "--prompt ", "--prompt-file", "--prompt-ids", "--chat", "--max-new-tokens",
        "--temperature", "--top-k", "--top-p", "--seed", "--batch", "--dump", "--backend",
        "--config", "--threads", "--trace", "--json"}) {
    EXPECT_THAT(run_help.out, HasSubstr(option));
  }
}

TEST(Cli, WithoutACommandItIsMisused) {
  const ProgramResult result = run_tandem({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("subcommand is required"));
  EXPECT_EQ(run_tandem({"nosuch"}).exit_code, 2);
}

TEST(Cli, NoColoursOutsideATerminal) {
  const ProgramResult result = run_tandem({"tokenize", "--model", "/no/such", "--text", "x"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, testing::StartsWith("tandem: error: "));
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
}

TEST(CliTokenize, GoesBothWays) {
  const std::string model = data_path("tokenizer/tokenizer.json");
  const ProgramResult ids = run_tandem({"tokenize", "--model", model, "--text", "Gravity is"});
  EXPECT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(ids.out, "22007,6463,314\n");
  const ProgramResult text = run_tandem({"tokenize", "--model", model, "--ids", "22007,6463,314"});
  EXPECT_EQ(text.out, "Gravity is\n");

  const nlohmann::json report =
      run_tandem({"tokenize", "--model", model, "--text", "Caf\xc3\xa9 \xf0\x9f\x97\xbc", "--json"})
          .json();
  EXPECT_EQ(report["backend"], "");
  EXPECT_EQ(report["cases"][0]["name"], "encode");
  EXPECT_EQ(report["cases"][0]["decoded"], "Caf\xc3\xa9 \xf0\x9f\x97\xbc");
  EXPECT_EQ(report["summary"]["tokens"], report["cases"][0]["ids"].size());
}

TEST(CliTokenize, RefusesBadInput) {
  const std::string model = data_path("tokenizer/tokenizer.json");
  EXPECT_EQ(run_tandem({"tokenize", "--model", model}).exit_code, 2);
  EXPECT_EQ(run_tandem({"tokenize", "--model", model, "--text", "a", "--ids", "1"}).exit_code, 2);
  const ProgramResult outside = run_tandem({"tokenize", "--model", model, "--ids", "1,49152"});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_THAT(outside.err, HasSubstr("entry 1 is 49152, this vocabulary has ids 0 to 49151"));
}

TEST(CliInfo, ShowsDeviceAndMemoryMap) {
  const ProgramResult text = run_tandem({"info"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"cmodel", "edge", "weights", "activations", "kv", "micro-programs"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const nlohmann::json report = run_tandem({"info", "--config", "tiny", "--json"}).json();
  EXPECT_EQ(report["cases"][0]["name"], "device");
  EXPECT_EQ(report["cases"][0]["config"], "tiny");
  EXPECT_GT(report["cases"][0]["ucode_words"].get<int>(), 0);
  EXPECT_GE(report["summary"]["regions"].get<int>(), 4);
}

TEST(CliAsm, RoundTripsPackets) {
  const ScratchDirectory scratch;
  const std::string source = "NOP seq=1\nFENCE wait=matrix seq=2\n";
  const std::string binary = scratch.path("packets.bin");
  ASSERT_EQ(run_tandem({"asm", scratch.write("a.asm", source), "-o", binary}).exit_code, 0);
  const ProgramResult text = run_tandem({"dis", binary, "--format", "packets"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out, source);

  const ProgramResult hex = run_tandem({"asm", scratch.path("a.asm")});
  EXPECT_EQ(hex.out.size(), 2 * (512u + 1));
  EXPECT_EQ(run_tandem({"asm", scratch.path("a.asm"), "--json"}).json()["summary"]["count"], 2);
}

TEST(CliAsm, RoundTripsMicroPrograms) {
  const ScratchDirectory scratch;
  const std::string source = "phase\n  ld v0, in0\n  fma v1, v0, v0, 1.0\n  st out0, v1\n";
  const std::string binary = scratch.path("program.bin");
  const ProgramResult assembled =
      run_tandem({"asm", scratch.write("p.asm", source), "--format", "ucode", "-o", binary});
  ASSERT_EQ(assembled.exit_code, 0) << assembled.err;
  const ProgramResult once = run_tandem({"dis", binary, "--format", "ucode"});
  ASSERT_EQ(once.exit_code, 0) << once.err;
  const std::string again = scratch.path("again.bin");
  run_tandem({"asm", scratch.write("q.asm", once.out), "--format", "ucode", "-o", again});
  EXPECT_EQ(run_tandem({"dis", again, "--format", "ucode"}).out, once.out);
}

TEST(CliAsm, PointsAtWhatIsWrong) {
  const ScratchDirectory scratch;
  const ProgramResult result =
      run_tandem({"asm", scratch.write("bad.asm", "NOP seq=1\nFROB seq=2\n")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("bad.asm:2:"));
  const ProgramResult truncated =
      run_tandem({"dis", scratch.path("bad.asm"), "--format", "packets"});
  EXPECT_EQ(truncated.exit_code, 1);
  EXPECT_THAT(truncated.err, HasSubstr("expected a multiple of 256"));
  EXPECT_EQ(run_tandem({"dis", scratch.path("bad.asm")}).exit_code, 1);
  EXPECT_EQ(run_tandem({"replay", scratch.path("bad.asm")}).exit_code, 1);
}

// Three packets submitted together; the second fails, the third must still execute.
constexpr const char* kExecText = R"(
mem activations i32 1 2 3 4
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations src_stride3=4 \
    dst_addr=activations+0x100 dst_stride3=4
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations src_stride3=4 \
    dst_addr=0x10 dst_stride3=4
expect error=UNMAPPED fault=0x10
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations src_stride3=4 \
    dst_addr=activations+0x200 dst_stride3=4
expect activations+0x100 i32 1 2 3 4
)";

TEST(CliExec, GoesOnBehindAnExpectedError) {
  const ScratchDirectory scratch;
  const std::string text = std::string(kExecText) + "expect activations+0x200 i32 1 2 3 4\n";
  const ProgramResult result = run_tandem({"exec", scratch.write("good.exec", text)});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("3 packets, 5 checks, 0 failed"));
}

TEST(CliExec, NamesWhatDiffers) {
  const ScratchDirectory scratch;
  const std::string text = std::string(kExecText) + "expect activations+0x200 i32 1 2 7 4\n";
  const std::string path = scratch.write("bad.exec", text);
  const ProgramResult result = run_tandem({"exec", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("bad.exec:11"));
  EXPECT_THAT(result.out, HasSubstr("1 failed"));
  const nlohmann::json report = run_tandem({"exec", path, "--json"}).json();
  EXPECT_EQ(report["summary"]["failed"], 1);
  EXPECT_EQ(report["cases"][0]["status"], "fail");
  EXPECT_EQ(report["cases"][0]["failures"].size(), 1u);
}

TEST(CliExec, PointsAtTheLineThatItCannotRead) {
  const ScratchDirectory scratch;
  const ProgramResult result = run_tandem({"exec", scratch.write("x.exec", "mem nowhere f32 1\n")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("x.exec:1:"));
  EXPECT_EQ(run_tandem({"exec", scratch.path("absent.exec")}).exit_code, 1);
}

}  // namespace
}  // namespace tandem::tests
