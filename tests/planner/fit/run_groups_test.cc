// SPDX-License-Identifier: Apache-2.0
// Suggestions put together lose nothing of what they were worth.
#include "planner/fit/run_groups.h"

#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/fit_law.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

Law FittedLaw() {
  ObservationSet set;
  set.observations = GridRuns(TrueLaw(), 7, 7, 0.003, 11);
  LawFitOptions options;
  options.bootstrap_count = 0;
  return *FitLaw(set, options)->law;
}

class RunGroupsTest : public ::testing::TestWithParam<SuggestTarget> {};

TEST_P(RunGroupsTest, TheLastGroupEndsWhereTheRunsEnd) {
  const Law law = FittedLaw();
  const SuggestOptions options = {
      .target = GetParam(), .target_flops = 1e24, .budget_flops = 1e21, .max_run_count = 20};
  const absl::StatusOr<Suggestion> suggestion = SuggestRuns(law, options);
  ASSERT_TRUE(suggestion.ok()) << suggestion.status();
  const std::vector<RunGroup> groups = GroupRuns(law, options, suggestion->runs);
  std::set<std::pair<double, double>> places;
  int count = 0;
  double before = suggestion->std_before;
  for (const RunGroup& group : groups) {
    EXPECT_TRUE(places.insert({group.run.param_count, group.run.token_count}).second);
    EXPECT_LT(group.run.std_after, before);
    before = group.run.std_after;
    count += group.count;
  }
  EXPECT_EQ(count, static_cast<int>(suggestion->runs.size()));
  EXPECT_LT(groups.size(), suggestion->runs.size());
  EXPECT_NEAR(before / suggestion->std_after, 1, 1e-9);
  EXPECT_EQ(groups[0].run.param_count, suggestion->runs[0].param_count);
}

INSTANTIATE_TEST_SUITE_P(Targets, RunGroupsTest,
                         ::testing::Values(SuggestTarget::kLogParams, SuggestTarget::kLogLoss),
                         [](const auto& target) {
                           return target.param == SuggestTarget::kLogParams ? "Params" : "Loss";
                         });

TEST(RunGroupsTest, SingleRunsKeepTheirDeviations) {
  const Law law = FittedLaw();
  const SuggestOptions options = {
      .target = SuggestTarget::kLogLoss, .target_flops = 1e24, .budget_flops = 1e21};
  const absl::StatusOr<Suggestion> suggestion = SuggestRuns(law, options);
  ASSERT_TRUE(suggestion.ok()) << suggestion.status();
  for (size_t i = 0; i < suggestion->grid_runs.size(); ++i) {
    const std::vector<RunGroup> groups = GroupRuns(law, options, suggestion->grid_runs);
    EXPECT_EQ(groups[i].count, 1);
    EXPECT_NEAR(groups[i].run.std_after / suggestion->grid_runs[i].std_after, 1, 1e-9);
  }
  EXPECT_TRUE(GroupRuns(law, options, {}).empty());
}

}  // namespace
}  // namespace rhumb
