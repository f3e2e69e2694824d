// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sweep.h"

#include <string>
#include <utility>
#include <vector>

#include "client/cli/plan_command.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Invocation Given(const std::string& flag, std::vector<std::string> values) {
  Invocation invocation;
  invocation.flags[flag] = std::move(values);
  return invocation;
}

TEST(SweepTest, WithoutACommaThereIsOneQuestion) {
  const absl::StatusOr<Sweep> sweep = ReadSweep(PlanCommand(), Given("deadline", {"14d"}));
  ASSERT_THAT(sweep, IsOk());
  EXPECT_TRUE(sweep->flag.empty());
  EXPECT_EQ(sweep->invocations.size(), 1u);
}

TEST(SweepTest, AListAsksOnceAValue) {
  const absl::StatusOr<Sweep> sweep = ReadSweep(PlanCommand(), Given("deadline", {"14d,21d,30d"}));
  ASSERT_THAT(sweep, IsOk());
  EXPECT_EQ(sweep->flag, "deadline");
  ASSERT_EQ(sweep->invocations.size(), 3u);
  EXPECT_EQ(sweep->invocations[1].Value("deadline"), "21d");
}

TEST(SweepTest, AListInOneOfSeveralPoolsKeepsTheOthers) {
  const absl::StatusOr<Sweep> sweep = ReadSweep(PlanCommand(), Given("gpus", {"8xA,16xA", "4xB"}));
  ASSERT_THAT(sweep, IsOk());
  ASSERT_EQ(sweep->invocations.size(), 2u);
  EXPECT_THAT(sweep->invocations[1].flags.at("gpus"), ElementsAre("16xA", "4xB"));
}

TEST(SweepTest, TwoListsAreRefused) {
  Invocation invocation = Given("deadline", {"14d,21d"});
  invocation.flags["budget"] = {"1k,2k"};
  EXPECT_THAT(ReadSweep(PlanCommand(), invocation),
              StatusIs(kInvalid, "--budget and --deadline both have a comma"));
}

TEST(SweepTest, AnEmptyValueInAListIsRefused) {
  EXPECT_THAT(ReadSweep(PlanCommand(), Given("deadline", {"14d,"})),
              StatusIs(kInvalid, "--deadline"));
}

TEST(SweepTest, ThousandsSeparatorsOfMoneyAreRefused) {
  EXPECT_THAT(ReadSweep(PlanCommand(), Given("budget", {"$25,500"})),
              StatusIs(kInvalid, "--budget"));
}

TEST(SweepTest, ThousandsSeparatorsOfRoundNumbersAreRefused) {
  EXPECT_THAT(ReadSweep(PlanCommand(), Given("tokens", {"1,000,000"})),
              StatusIs(kInvalid, "--tokens"));
}

TEST(SweepTest, ThreeDigitValuesAreAList) {
  EXPECT_THAT(ReadSweep(PlanCommand(), Given("data-parallel-size", {"128,256,512"})), IsOk());
}

}  // namespace
}  // namespace rhumb::cli
