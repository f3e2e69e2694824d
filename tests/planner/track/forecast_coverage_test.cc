// SPDX-License-Identifier: Apache-2.0
// 90% intervals of the final loss on curves that no constant was chosen on. forecast_tables prints
// the same by fraction.
#include <gtest/gtest.h>

#include "tests/planner/track/forecast_backtest.h"

namespace rhumb {
namespace {

std::optional<FinalLossPrior> NoPrior(const RecordedCurve&) { return std::nullopt; }

class RecordedForecastTest : public testing::Test {
 protected:
  void SetUp() override {
    curves_ = ReadRecordedCurves(RHUMB_SHARED_DIR "/fit/data");
    if (curves_.empty()) {
      GTEST_SKIP() << "SKIPPED: " RHUMB_SHARED_DIR
                      "/fit/data/misfitting_li2025_allckpt.csv is absent";
    }
    for (const RecordedCurve& curve : curves_) {
      if (IsHeldOut(curve.name)) held_out_.push_back(curve);
    }
  }

  std::vector<RecordedCurve> curves_, held_out_;
};

TEST_F(RecordedForecastTest, IntervalsHoldOnHeldOutRuns) {
  const BacktestCell with_law =
      BacktestForecasts(held_out_, PriorFromOtherSizes(LawsOfOtherSizes(curves_)), true).back();
  const BacktestCell alone = BacktestForecasts(held_out_, NoPrior, true).back();
  ASSERT_GT(with_law.count + alone.count, 600);
  const double coverage =
      static_cast<double>(with_law.covered + alone.covered) / (with_law.count + alone.count);
  EXPECT_GE(coverage, 0.85);
  EXPECT_LE(coverage, 0.95);
  EXPECT_GE(with_law.coverage(), 0.85);
  EXPECT_LE(with_law.coverage(), 0.95);
}

TEST_F(RecordedForecastTest, BeatsTheLastValueAndTheLawFromSeventyPercentOn) {
  const std::vector<BacktestCell> cells =
      BacktestForecasts(held_out_, PriorFromOtherSizes(LawsOfOtherSizes(curves_)), true);
  EXPECT_LT(cells[4].mean_abs_error_nats, cells[4].prior_error_nats);
  EXPECT_LT(cells[4].mean_abs_error_nats, cells[4].last_value_error_nats);
  EXPECT_LT(cells[5].mean_abs_error_nats, cells[5].prior_error_nats);
  EXPECT_LT(cells[5].mean_abs_error_nats, cells[5].last_value_error_nats);
}

TEST(SimulatedForecastTest, IntervalsHold) {
  const BacktestCell all = BacktestForecasts(SimulateCurves(200, 20261128), NoPrior, true).back();
  ASSERT_EQ(all.count, 1200);
  EXPECT_GE(all.coverage(), 0.85);
  EXPECT_LE(all.coverage(), 0.95);
}

}  // namespace
}  // namespace rhumb
