// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/run_helper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <string>

namespace rhumb::slurm {
namespace {

using ::testing::HasSubstr;

HelperResult Shell(const std::string& script, int64_t deadline_milliseconds = 5000) {
  return RunHelper("/bin/sh", {"-c", script}, deadline_milliseconds);
}

double SecondsOf(const std::function<void()>& body) {
  const auto began = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

TEST(RunHelperTest, GivesBothStreamsAndTheExitCode) {
  const HelperResult result = Shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(result.end, HelperResult::End::kExited);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
}

TEST(RunHelperTest, ArgumentsAreNoShellsToExpand) {
  EXPECT_EQ(RunHelper("/bin/echo", {"$HOME;", "a b"}, 5000).out, "$HOME; a b\n");
}

TEST(RunHelperTest, StandardInputIsEmpty) { EXPECT_EQ(Shell("cat; echo end").out, "end\n"); }

TEST(RunHelperTest, AMissingProgramIsAProblem) {
  const HelperResult result = RunHelper("/no/such/program", {}, 5000);
  EXPECT_EQ(result.end, HelperResult::End::kFailed);
  EXPECT_THAT(result.problem, HasSubstr("No such file"));
}

TEST(RunHelperTest, ASignalIsAProblem) {
  const HelperResult result = Shell("kill -SEGV $$");
  EXPECT_EQ(result.end, HelperResult::End::kFailed);
  EXPECT_THAT(result.problem, HasSubstr("signal 11"));
}

TEST(RunHelperTest, TheDeadlineEndsItWithAllItStarted) {
  HelperResult result;
  EXPECT_LT(SecondsOf([&] { result = Shell("echo begun; sleep 60 & sleep 60", 200); }), 2);
  EXPECT_EQ(result.end, HelperResult::End::kTimedOut);
}

TEST(RunHelperTest, TheDeadlineHoldsForOneThatClosedItsOutput) {
  HelperResult result;
  EXPECT_LT(SecondsOf([&] { result = Shell("exec >&- 2>&-; sleep 60", 200); }), 2);
  EXPECT_EQ(result.end, HelperResult::End::kTimedOut);
}

TEST(RunHelperTest, TheDeadlineHoldsForOneThatCannotBeAsked) {
  HelperResult result;
  EXPECT_LT(SecondsOf([&] { result = Shell("trap '' TERM INT; kill -STOP $$", 200); }), 2);
  EXPECT_EQ(result.end, HelperResult::End::kTimedOut);
}

TEST(RunHelperTest, OutputWithoutEndIsCutOff) {
  EXPECT_EQ(Shell("yes").end, HelperResult::End::kTooMuch);
}

TEST(RunHelperTest, TheExitCodeIsKnownWhereChildrenAreIgnored) {
  signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(Shell("exit 4").exit_code, 4);
  struct sigaction now = {};
  sigaction(SIGCHLD, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

}  // namespace
}  // namespace rhumb::slurm
