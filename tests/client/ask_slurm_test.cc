// SPDX-License-Identifier: Apache-2.0
#include "client/cli/ask_slurm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::testing::ElementsAre;
using testing_support::IsOk;
using testing_support::IsOkAndHolds;
using testing_support::StatusIs;

using End = slurm::HelperResult::End;

// As sbatch 22.05.8 says it with SLURM_TIME_FORMAT=%s.
constexpr char kSaid[] =
    "sbatch: Job 4 to start at 1795892295 using 2 processors on nodes gh[1-2] in partition all\n";

RunProgram Answering(slurm::HelperResult result) {
  return [=](const std::string&, const std::vector<std::string>&, int64_t) { return result; };
}

TEST(AskSlurm, ReadsTheForecastOfSbatch) {
  const absl::StatusOr<StartForecast> forecast = ParseStartForecast(kSaid);
  ASSERT_THAT(forecast, IsOk());
  EXPECT_EQ(forecast->start_unix_seconds, 1795892295);
  EXPECT_EQ(forecast->node_list, "gh[1-2]");
  EXPECT_EQ(forecast->partition, "all");
}

TEST(AskSlurm, FindsTheForecastAmongOtherLines) {
  const std::string said = std::string("sbatch: advice of the site\n") + kSaid + "goodbye\n";
  ASSERT_THAT(ParseStartForecast(said), IsOk());
  EXPECT_EQ(ParseStartForecast(said)->partition, "all");
}

TEST(AskSlurm, CallsNonsenseNoForecast) {
  for (const char* said : {"", "hello", "Job 4 to start at tomorrow using", " to start at ",
                           "to start at 99999999999999999999999999 on nodes x"}) {
    EXPECT_THAT(ParseStartForecast(said), StatusIs(absl::StatusCode::kInternal, "no start"))
        << said;
  }
}

TEST(AskSlurm, AsksWithoutSubmittingAndInSecondsOfTheEpoch) {
  std::vector<std::string> asked;
  const RunProgram run = [&](const std::string& program, const std::vector<std::string>& arguments,
                             int64_t) {
    asked = arguments;
    asked.insert(asked.begin(), program);
    return slurm::HelperResult{.end = End::kExited, .err = kSaid};
  };
  ASSERT_THAT(ForecastStart({"--nodes=2", "job.sh"}, run), IsOk());
  EXPECT_THAT(asked, ElementsAre("/usr/bin/env", "LC_ALL=C", "SLURM_TIME_FORMAT=%s", "sbatch",
                                 "--test-only", "--nodes=2", "job.sh"));
}

TEST(AskSlurm, SaysInSlurmsWordsWhyAJobNeverStarts) {
  const absl::Status status =
      ForecastStart({}, Answering({.end = End::kExited,
                                   .exit_code = 1,
                                   .err = "sbatch: error: invalid partition specified: nope\n"
                                          "allocation failure: Invalid partition name specified"}))
          .status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               "allocation failure: Invalid partition name specified"));
}

struct Unreachable {
  const char* name;
  slurm::HelperResult result;
  const char* text;
};
class AskSlurmUnreachable : public ::testing::TestWithParam<Unreachable> {};

TEST_P(AskSlurmUnreachable, IsNoJudgementOfTheJob) {
  EXPECT_THAT(ForecastStart({}, Answering(GetParam().result)).status(),
              StatusIs(absl::StatusCode::kUnavailable, GetParam().text));
  EXPECT_THAT(SlurmClusterName(Answering(GetParam().result)).status(),
              StatusIs(absl::StatusCode::kUnavailable, ""));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, AskSlurmUnreachable,
    ::testing::Values(
        Unreachable{"NoSbatch",
                    {.end = End::kExited, .exit_code = 127, .err = "env: 'sbatch': No such file"},
                    "there is no sbatch here"},
        Unreachable{"Hung", {.end = End::kTimedOut}, "no answer within 5000 ms"},
        Unreachable{"NoEnv", {.end = End::kFailed, .problem = "No such file"}, "cannot run"},
        Unreachable{"NoSlurmctld",
                    {.end = End::kExited,
                     .exit_code = 1,
                     .err = "allocation failure: Unable to contact slurm controller (connect "
                            "failure)"},
                    "Slurm does not answer"},
        Unreachable{"NoConfiguration",
                    {.end = End::kExited,
                     .exit_code = 1,
                     .err = "sbatch: fatal: Could not establish a configuration source"},
                    "Slurm does not answer"}),
    [](const auto& way) { return way.param.name; });

TEST(AskSlurm, TakesAListOfNodesApart) {
  EXPECT_THAT(
      NodesOfList("gh[1-2],ga1", Answering({.end = End::kExited, .out = "gh1\ngh2\nga1\n"})),
      IsOkAndHolds(ElementsAre("gh1", "gh2", "ga1")));
}

TEST(AskSlurm, FindsTheNameOfTheCluster) {
  EXPECT_THAT(SlurmClusterName(Answering({.end = End::kExited,
                                          .out = "Configuration data as of now\n"
                                                 "ClusterName             = rhumbtest\n"
                                                 "CommunicationParameters = (null)\n"})),
              IsOkAndHolds("rhumbtest"));
}

}  // namespace
}  // namespace rhumb::cli
