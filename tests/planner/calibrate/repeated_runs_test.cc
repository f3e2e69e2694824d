// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/repeated_runs.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"
#include "tests/planner/calibrate/run_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_support::HopperScaledBy;
using testing_support::ManyRuns;
using testing_support::RunOf;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// The same runs `factor` times as long, under another name.
RunGroup Slower(const RunGroup& group, double factor, const std::string& name) {
  RunGroup slower = {.name = name, .runs = group.runs};
  for (MeasuredRun& run : slower.runs) *run.step_seconds *= factor;
  return slower;
}

RunGroup TwoRuns() {
  return {.name = "t",
          .runs = {RunOf(HopperScaledBy(1), 4096, 1, 1), RunOf(HopperScaledBy(1), 4096, 2, 1)}};
}

TEST(RepeatedRunsTest, OtherConfigurationsMayTakeWhatTheyTake) {
  RunGroup group = TwoRuns();
  *group.runs[1].step_seconds *= 5;
  const std::vector<RunGroup> groups = {group};
  EXPECT_THAT(ConfigurationsOf(groups), SizeIs(2));
  EXPECT_THAT(CheckRunsAgree(ConfigurationsOf(groups)), IsOk());
  EXPECT_THAT(RepeatRemarks(ConfigurationsOf(groups)), IsEmpty());
}

TEST(RepeatedRunsTest, RowsOfOneConfigurationCountOnceWithTheirMean) {
  const RunGroup once = TwoRuns();
  const std::vector<RunGroup> groups = {once, Slower(once, 1.21, "u")};
  const std::vector<RunGroup> merged = OnceEach(ConfigurationsOf(groups));
  ASSERT_THAT(merged, SizeIs(1));
  EXPECT_EQ(merged[0].name, "t");
  ASSERT_THAT(merged[0].runs, SizeIs(2));
  EXPECT_NEAR(*merged[0].runs[1].step_seconds / *once.runs[1].step_seconds, 1.1, 1e-12);
}

TEST(RepeatedRunsTest, UsualScatterIsNotRemarkedOn) {
  const RunGroup once = TwoRuns();
  const std::vector<RunGroup> groups = {once, Slower(once, 1.14, "u")};
  EXPECT_THAT(CheckRunsAgree(ConfigurationsOf(groups)), IsOk());
  EXPECT_THAT(RepeatRemarks(ConfigurationsOf(groups)), IsEmpty());
}

TEST(RepeatedRunsTest, TablesThatDisagreeAreNamedOnce) {
  const RunGroup once = TwoRuns();
  const std::vector<RunGroup> groups = {once, Slower(once, 1.3, "u")};
  EXPECT_THAT(CheckRunsAgree(ConfigurationsOf(groups)), IsOk());
  EXPECT_THAT(RepeatRemarks(ConfigurationsOf(groups)),
              ElementsAre(::testing::StartsWith(
                  "t and u: rows of 2 configurations differ by more than 15%, the most t 4096/")));
}

TEST(RepeatedRunsTest, TablesThatContradictEachOtherAreRefused) {
  const RunGroup once = TwoRuns();
  const std::vector<RunGroup> groups = {once, Slower(once, 1.9, "u")};
  EXPECT_THAT(CheckRunsAgree(ConfigurationsOf(groups)),
              StatusIs(kInvalid,
                       "2 of the 2 configurations with several rows have rows more than "
                       "1.5 times apart: leave out the wrong ones, or calibrate the "
                       "tables apart"));
}

TEST(RepeatedRunsTest, OneOfManyConfigurationsThatIsFarApartIsRemarkedOn) {
  RunGroup group;
  group.name = "t";
  for (const int micro_batch : {1, 2, 4, 8, 16}) {
    group.runs.push_back(RunOf(HopperScaledBy(1), 4096, 1, micro_batch));
    group.runs.push_back(group.runs.back());
  }
  *group.runs[1].step_seconds *= 1.7;
  const std::vector<RunGroup> groups = {group};
  EXPECT_THAT(CheckRunsAgree(ConfigurationsOf(groups)), IsOk());
  EXPECT_THAT(RepeatRemarks(ConfigurationsOf(groups)), SizeIs(1));
}

TEST(RepeatedRunsTest, RowsThatContradictEachOtherAreNamed) {
  RunGroup group = TwoRuns();
  group.runs.push_back(group.runs[0]);
  group.runs[2].row_id = "again";
  *group.runs[2].step_seconds /= 3;
  const std::vector<RunGroup> groups = {group};
  EXPECT_THAT(CheckRunsAgree(ConfigurationsOf(groups)),
              StatusIs(kInvalid, "rows t 4096/1/1 and t again ran the same configuration"));
}

}  // namespace
}  // namespace rhumb
