// SPDX-License-Identifier: Apache-2.0
// Runs that are longer than a job of their partition may be.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/overheads.h"
#include "tests/matchers.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::Choice;
using testing_support::PlanOf;
using testing_support::RelativelyNear;
using testing_support::SmallQuestion;

constexpr double kHour = 3600;

// Two days of deadline in a partition that ends jobs after ten hours.
PlanQuestion InTenHours() {
  PlanQuestion question = SmallQuestion();
  question.pools[0].max_wall_seconds = 10 * kHour;
  return question;
}

std::vector<std::string> CodesOf(const Plan& plan) {
  std::vector<std::string> codes;
  for (const PlanWarning& warning : plan.warnings) codes.push_back(warning.code);
  return codes;
}

std::vector<std::string> FieldsOf(const Plan& plan) {
  std::vector<std::string> fields;
  for (const Assumption& assumption : plan.assumptions) fields.push_back(assumption.field);
  return fields;
}

double OverheadOf(const Plan& plan, const std::string& item) {
  for (const Overhead& overhead : plan.time->overheads) {
    if (overhead.item == item) return overhead.seconds;
  }
  return 0;
}

TEST(ChainTest, ARunBeyondTheLimitTakesSeveralJobs) {
  const Plan plan = PlanOf(InTenHours());
  EXPECT_EQ(plan.time->job_count, 5);
  EXPECT_EQ(plan.time->job_limit_seconds, 10 * kHour);
  EXPECT_GT(plan.time->wall_seconds, 47 * kHour);
  EXPECT_LE(plan.time->wall_seconds, 48 * kHour);
}

// Each of the four later ones restarts, each of the four earlier ones writes what it saves.
TEST(ChainTest, ItsRestartsAreAnOverheadOfTheirOwn) {
  const Plan plan = PlanOf(InTenHours());
  const double params = static_cast<double>(CountParams(plan.model).total);
  const double nodes = static_cast<double>(plan.allocation->node_count);
  EXPECT_THAT(OverheadOf(plan, "job restarts"),
              RelativelyNear(4 * (600 + 14 * params / (2e9 * nodes)), 1e-12));
  double sum = plan.time->train_seconds;
  for (const Overhead& overhead : plan.time->overheads) sum += overhead.seconds;
  EXPECT_THAT(plan.time->wall_seconds, RelativelyNear(sum, 1e-12));
}

TEST(ChainTest, ItIsSaidAndSoIsWhatItRestsOn) {
  const Plan plan = PlanOf(InTenHours());
  EXPECT_THAT(CodesOf(plan), Contains("CHAINED_JOBS"));
  EXPECT_THAT(FieldsOf(plan), Contains("checkpoint_at_job_end"));
  EXPECT_THAT(FieldsOf(plan), Contains("queue_seconds"));
}

TEST(ChainTest, ARunWithinTheLimitIsAsWithoutOne) {
  PlanQuestion question = SmallQuestion();
  const Plan free = PlanOf(question);
  question.pools[0].max_wall_seconds = 49 * kHour;
  const Plan plan = PlanOf(question);
  EXPECT_EQ(Choice(plan), Choice(free));
  EXPECT_EQ(plan.time->wall_seconds, free.time->wall_seconds);
  EXPECT_EQ(plan.time->job_count, 1);
  EXPECT_EQ(plan.time->overheads.size(), free.time->overheads.size());
  EXPECT_THAT(CodesOf(plan), Not(Contains("CHAINED_JOBS")));
  EXPECT_THAT(FieldsOf(plan), Not(Contains("queue_seconds")));
}

TEST(ChainTest, ARunOfOneJobEndsWithinTheLimit) {
  PlanQuestion question = InTenHours();
  question.max_job_count = 1;
  PlanQuestion ten_hours = SmallQuestion();
  ten_hours.deadline_seconds = 10 * kHour;
  const Plan plan = PlanOf(question);
  EXPECT_EQ(Choice(plan), Choice(PlanOf(ten_hours)));
  EXPECT_LE(plan.time->wall_seconds, 10 * kHour * (1 + 1e-9));
  EXPECT_THAT(CodesOf(plan), Contains("PARTITION_TIME_LIMIT"));
}

TEST(ChainTest, ARunThatFillsItsOnlyJobIsSaidToBeCutOffAtItsUpperEnd) {
  PlanQuestion question = InTenHours();
  question.max_job_count = 1;
  const Plan plan = PlanOf(question);
  ASSERT_GT(plan.time->wall_high_seconds.value_or(0), 10 * kHour);
  for (const PlanWarning& warning : plan.warnings) {
    if (warning.code != "PARTITION_TIME_LIMIT") continue;
    EXPECT_THAT(warning.text,
                HasSubstr("it would be cut off: about half of such runs end in time"));
  }
}

TEST(ChainTest, ARunOfNoMoreThanThreeJobsFillsThem) {
  PlanQuestion question = InTenHours();
  question.max_job_count = 3;
  const Plan plan = PlanOf(question);
  EXPECT_EQ(plan.time->job_count, 3);
  EXPECT_THAT(plan.time->wall_seconds, RelativelyNear(30 * kHour, 1e-3));
}

// A deadline of a few minutes beyond a job's end would only restart.
TEST(ChainTest, NoJobIsAddedThatWouldOnlyRestart) {
  PlanQuestion question = InTenHours();
  question.deadline_seconds = 20 * kHour + 300;
  const Plan plan = PlanOf(question);
  EXPECT_EQ(plan.time->job_count, 2);
  EXPECT_LE(plan.time->wall_seconds, 20 * kHour * (1 + 1e-9));
}

// The effective MFU counts the wall clock, whatever jobs do in it.
TEST(ChainTest, WithAnEffectiveMfuRestartsAreInIt) {
  PlanQuestion question = InTenHours();
  question.mfu = 0.4;
  const Plan plan = PlanOf(question);
  EXPECT_EQ(plan.time->job_count, 5);
  EXPECT_EQ(plan.time->overhead_seconds, 0);
  question.pools[0].max_wall_seconds.reset();
  EXPECT_EQ(plan.time->wall_seconds, PlanOf(question).time->wall_seconds);
}

// Two pools that differ in their limits alone: the one that loses less to restarts wins.
TEST(ChainTest, ThePoolWithLongerJobsIsPreferred) {
  PlanQuestion question = InTenHours();
  question.pools.push_back(question.pools[0]);
  question.pools[1].max_wall_seconds = 30 * kHour;
  testing_support::NamePools(question);
  EXPECT_EQ(testing_support::PoolIndexOf(PlanOf(question)), 1);
}

}  // namespace
}  // namespace rhumb
