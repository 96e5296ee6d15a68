// SPDX-License-Identifier: Apache-2.0
// What `tandem run` tells about a device with simulated time.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "program.hpp"

namespace tandem::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using Strings = std::vector<std::string>;

Strings arguments(const std::string& backend, const Strings& more = {}) {
  Strings all{"run",
              "--model",
              data_path("llama-tiny"),
              "--prompt-ids",
              "1,2,3",
              "--ignore-eos",
              "--backend",
              backend,
              "--max-new-tokens",
              "3"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// What the program writes to a terminal that is its stdout and stderr.
std::string on_terminal(Strings words) {
  words.insert(words.begin(), TANDEM_PROGRAM);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) throw std::runtime_error("no terminal");
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    execv(TANDEM_PROGRAM, pointers.data());
    _exit(127);
  }
  std::string text;
  char buffer[4096];
  // Reading ends with an error once the child has closed its side.
  for (ssize_t n = 0; (n = read(terminal, buffer, sizeof buffer)) > 0;) text.append(buffer, n);
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << text;
  return text;
}

TEST(CliProgress, UntimedDevicesHaveNeitherCyclesNorALine) {
  const ProgramResult result = run_tandem(arguments("cmodel:tiny", {"--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(result.json()["cases"][0].contains("cycles"));
  EXPECT_FALSE(result.json()["summary"].contains("kcycles_per_s"));
  EXPECT_THAT(on_terminal(arguments("cmodel:tiny")), Not(HasSubstr("kcycles")));
}

#ifdef TANDEM_HAVE_RTL_TINY
TEST(CliProgress, ReportHasCyclesOfTimedDevices) {
  const ProgramResult result = run_tandem(arguments("rtl:tiny", {"--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, Not(HasSubstr("kcycles"))) << "stderr is no terminal";
  const nlohmann::json report = result.json();
  for (const nlohmann::json& part : {report["cases"][0], report["summary"]}) {
    EXPECT_GT(part["cycles"].get<std::uint64_t>(), 10'000u);
    EXPECT_GT(part["kcycles_per_s"].get<double>(), 0);
  }
  EXPECT_EQ(report["cases"][0]["ids"],
            run_tandem(arguments("cmodel:tiny", {"--json"})).json()["cases"][0]["ids"]);
}

TEST(CliProgress, TerminalShowsTheLineAndThenTheText) {
  const std::string text = on_terminal(arguments("rtl:tiny"));
  EXPECT_THAT(text, AllOf(HasSubstr(" packet "), HasSubstr(" kcycles/s")));
  // The text of the run: everything but what lies between saving and restoring the cursor.
  std::string shown = text;
  for (std::size_t at = 0; (at = shown.find("\x1b\x44")) != std::string::npos;) {
    const std::size_t end = shown.find("\x1b\x38", at);
    ASSERT_NE(end, std::string::npos) << text;
    shown.erase(at, end + 2 - at);
  }
  EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
  EXPECT_THAT(shown, Not(HasSubstr(" packet ")));
  EXPECT_THAT(on_terminal(arguments("rtl:tiny", {"--quiet"})), Not(HasSubstr("kcycles")));
}
#endif

}  // namespace
}  // namespace tandem::tests
