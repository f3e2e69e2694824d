// SPDX-License-Identifier: Apache-2.0
// Accuracy: what runs that ended say of their plans.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/daemon/tracking_fixture.h"

namespace rhumb::daemon {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(TrackingTest, AccuracySumsUpRunsThatEnded) {
  for (const double factor : {1.0, 1.1, 1.2}) {
    const std::string name = CreateRun();
    Report(name, {.time_factor = factor, .done_fraction = 1});
    Finish(name);
  }
  CreateRun();  // runs on
  const v1::AccuracyReport report = Accuracy();
  EXPECT_EQ(report.run_count(), 3);
  const auto steps =
      std::find_if(report.groups().begin(), report.groups().end(),
                   [](const auto& group) { return group.quantity() == "step_seconds"; });
  ASSERT_NE(steps, report.groups().end());
  EXPECT_EQ(steps->run_count(), 3);
  EXPECT_NEAR(steps->median_ratio(), 1.1, 0.01);
  EXPECT_TRUE(steps->few());
}

TEST_F(TrackingTest, AccuracyGroupsByGpuType) {
  const std::string name = CreateRun();
  Report(name, {.done_fraction = 1});
  Finish(name);
  const v1::AccuracyReport report = Accuracy(v1::ACCURACY_GROUPING_GPU_TYPE);
  ASSERT_FALSE(report.groups().empty());
  EXPECT_EQ(report.groups(0).key(), "H100-SXM5-80GB");
}

TEST_F(TrackingTest, AccuracyTakesNoTotalsOfARunThatStoppedShort) {
  const std::string name = CreateRun();
  Report(name, {.done_fraction = 0.3});
  Finish(name, v1::RUN_STATE_CANCELLED);
  std::vector<std::string> quantities;
  const v1::AccuracyReport report = Accuracy();
  for (const auto& group : report.groups()) quantities.push_back(group.quantity());
  EXPECT_THAT(quantities, Contains("step_seconds"));
  EXPECT_THAT(quantities, Not(Contains("wall_seconds")));
  EXPECT_THAT(quantities, Not(Contains("loss_nats")));
}

TEST_F(TrackingTest, AccuracySaysWhatItLeftOut) {
  plan_.clear_name();
  const std::string name = CreateRun({});
  Finish(name);
  const v1::AccuracyReport report = Accuracy();
  ASSERT_EQ(report.left_out_size(), 1);
  EXPECT_EQ(report.left_out(0).code(), "NO_PLAN");
  EXPECT_THAT(report.left_out(0).text(), HasSubstr("1 run"));
}

TEST_F(TrackingTest, AccuracyTakesNoRunThatToldNothing) {
  Finish(CreateRun());
  EXPECT_EQ(Accuracy().groups_size(), 0) << Accuracy().ShortDebugString();
}

TEST_F(TrackingTest, AccuracyTakesNoRunOnOtherGpusThanPlanned) {
  v1::RunSettings settings = CosineSettings();
  settings.set_gpu_count(32);
  const std::string name = CreateRun(settings);
  Report(name, {.done_fraction = 1});
  Finish(name);
  const v1::AccuracyReport report = Accuracy();
  EXPECT_EQ(report.groups_size(), 0);
  ASSERT_EQ(report.left_out_size(), 1);
  EXPECT_EQ(report.left_out(0).code(), "OTHER_GPUS");
}

}  // namespace
}  // namespace rhumb::daemon
