// SPDX-License-Identifier: Apache-2.0
// The law commands against a scripted service: what is read, sent, printed, and which exit code.
#include <csignal>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fit_run_fixture.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LawRunTest : public FitRunTest {};

TEST_F(LawRunTest, ALawIsShownWithItsRuns) {
  laws_.result.mutable_law()->set_observations("observations/abc");
  const Outcome outcome = RunLine("law show mine --plot ascii");
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("alpha = 0.3478"), HasSubstr("BEST N"),
                                 HasSubstr("by the constants alone")));
}

TEST_F(LawRunTest, ALawGoesOutAndComesBackTheSame) {
  const Outcome exported = RunLine("law export mine");
  ASSERT_EQ(exported.code, kExitOk);
  const Outcome imported = RunLine(absl::StrCat("law import ", File(exported.out), " -o name"));
  EXPECT_EQ(imported.code, kExitOk);
  EXPECT_EQ(imported.out, "laws/mine\n");
  ASSERT_EQ(laws_.created.size(), 1u);
  EXPECT_EQ(laws_.created[0].law().SerializeAsString().size(),
            laws_.result.law().SerializeAsString().size());
  EXPECT_EQ(laws_.created[0].law().constants().at("beta"), 0.3658);
}

TEST_F(LawRunTest, TheLawOfAFitsAnswerIsImported) {
  const Outcome fitted = RunLine(absl::StrCat("fit ", Runs(), " --json"));
  const Outcome imported =
      RunLine(absl::StrCat("law import ", File(fitted.out), " --name other --dry-run"));
  EXPECT_EQ(imported.code, kExitOk) << imported.err;
  ASSERT_EQ(laws_.created.size(), 1u);
  EXPECT_EQ(laws_.created[0].law().name(), "other");
  EXPECT_TRUE(laws_.created[0].validate_only());
  EXPECT_THAT(imported.out, HasSubstr("Would store other"));
}

TEST_F(LawRunTest, ABrokenLawFileNamesItsKey) {
  const Outcome outcome = RunLine(absl::StrCat("law import ", File("{\"constant\": {}}")));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("constant"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(LawRunTest, ALawWithoutANameIsRefused) {
  const Outcome outcome =
      RunLine(absl::StrCat("law import ", File("{\"family\": \"chinchilla\"}")));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--name"));
}

TEST_F(LawRunTest, ABacktestNamesTheWorstRuns) {
  const Outcome outcome = RunLine(absl::StrCat("law backtest mine ", Runs(), " --level 0.5"));
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(laws_.backtests.size(), 1u);
  EXPECT_EQ(laws_.backtests[0].law(), "mine");
  EXPECT_EQ(laws_.backtests[0].observations(), "observations/abc");
  EXPECT_EQ(laws_.backtests[0].level(), 0.5);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("mean error of 0.83%"), HasSubstr("+4.00%"),
                                 Not(HasSubstr("FITTED UP TO"))));
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
}

TEST_F(LawRunTest, AStoredSetIsBacktestedAsItIs) {
  RunLine("law backtest mine observations/other");
  ASSERT_EQ(laws_.backtests.size(), 1u);
  EXPECT_EQ(laws_.backtests[0].observations(), "observations/other");
  EXPECT_THAT(laws_.imported, IsEmpty());
  EXPECT_THAT(laws_.deleted_sets, IsEmpty());
}

TEST_F(LawRunTest, WithoutALawAFitIsJudged) {
  laws_.result.mutable_backtest()->set_run_count(25);
  const Outcome outcome = RunLine(
      absl::StrCat("law backtest ", Runs(), " --family data-constrained --level 0.8 --fix E=1.8"));
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  ASSERT_EQ(laws_.backtests.size(), 1u);
  EXPECT_EQ(laws_.backtests[0].law(), "");
  EXPECT_FALSE(laws_.backtests[0].has_level());
  EXPECT_EQ(laws_.backtests[0].options().family(), "data-constrained");
  EXPECT_EQ(laws_.backtests[0].options().level(), 0.8);
  EXPECT_EQ(laws_.backtests[0].options().fixed().at("E"), 1.8);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("25 runs (40 predictions: one from each smaller fit)"),
                                 HasSubstr("FITTED UP TO")));
}

TEST_F(LawRunTest, ALawAsItIsTakesNoFlagsOfAFit) {
  const Outcome outcome = RunLine(absl::StrCat("law backtest mine ", Runs(), " --family auto"));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--family says how to fit, but mine is judged as it is"));
  EXPECT_EQ(RunLine(absl::StrCat("law backtest ", Runs(), " --method isoflop")).code, kExitUsage);
  EXPECT_EQ(RunLine("law backtest").code, kExitUsage);
  EXPECT_EQ(opened_, 0);
}

TEST_F(LawRunTest, ASignalEndsABacktestAndLeavesNothingBehind) {
  laws_.interrupts = true;
  laws_.signal = SIGTERM;
  const Outcome outcome = RunLine(absl::StrCat("law backtest ", Runs()));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("cancelled"));
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
}

TEST_F(LawRunTest, SuggestionsNeedABudgetAndATarget) {
  const Outcome outcome = RunLine("law suggest mine --budget-flops 1e20");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--target-compute must be given"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(LawRunTest, SuggestionsAreATableOfRuns) {
  const Outcome outcome =
      RunLine("law suggest mine --budget-flops 1e20 --target-compute 1e23 --goal params --count 4");
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(laws_.suggestions.size(), 1u);
  EXPECT_EQ(laws_.suggestions[0].target_compute_flops(), 1e23);
  EXPECT_EQ(laws_.suggestions[0].count(), 4);
  EXPECT_EQ(laws_.suggestions[0].goal(), v1::SuggestExperimentsRequest::GOAL_PARAMS);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("of ln of the loss falls from 0.02 to 0.01"), HasSubstr("3 runs of"),
                    HasSubstr("3 x"), HasSubstr("100M"), HasSubstr("would leave 0.015")));
}

TEST_F(LawRunTest, DeletingALawCanBeTried) {
  const Outcome outcome = RunLine("law delete mine@2 --dry-run");
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(laws_.deleted_laws.size(), 1u);
  EXPECT_EQ(laws_.deleted_laws[0].name(), "mine@2");
  EXPECT_TRUE(laws_.deleted_laws[0].validate_only());
  EXPECT_THAT(outcome.err, HasSubstr("would delete law mine@2"));
}

}  // namespace
}  // namespace rhumb::cli
