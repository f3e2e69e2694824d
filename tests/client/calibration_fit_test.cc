// SPDX-License-Identifier: Apache-2.0
// Tables whose truth is known become calibrations, and tables that make no sense become errors.
#include "client/cli/calibration_fit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/render_calibration.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/calibrate/constant_space.h"
#include "planner/cost/time_calibration.h"
#include "proto/convert/calibration_message.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

constexpr char kHeader[] =
    "row_id,layers,hidden,heads,ffn,vocab,seq,gpu,n_gpus,tp,mbs,gbs,recompute,iter_s,note\n";

// `count` rows of different models, sequences and tensor ranks, without a step.
std::string Rows(int count, const std::string& gpu) {
  std::string text = kHeader;
  for (int i = 0; i < count; ++i) {
    const int hidden = 1024 << (i % 3), sequence = 1024 << (i / 3 % 3), tensor = 1 << (i / 9 % 4);
    absl::StrAppend(&text, "r", i, ",", 12 + 4 * (i / 36 % 9), ",", hidden, ",", hidden / 64, ",",
                    4 * hidden, ",50257,", sequence, ",", gpu, ",8,", tensor, ",1,64,none,,\n");
  }
  return text;
}

RunTables TablesOf(const std::string& text, const std::string& name = "t") {
  RunTables tables;
  RunTable table = ParseRunTable(text, {}).value();
  for (RunRow& row : table.rows) {
    tables.runs.push_back({name, std::move(row), std::nullopt});
  }
  for (JudgedRun& run : tables.runs) {
    if (run.row.run.has_value()) run.prediction = PredictRun(*run.row.run);
  }
  tables.sha256 = std::string(64, 'a');
  return tables;
}

// The constants of `family` with every rate `factor` times as high.
TimeConstants ScaledBy(double factor, const std::string& family) {
  TimeConstants truth = TimeConstantsOf(family);
  for (const ConstantAxis& axis : AxesOf(truth)) {
    if (axis.is_rate) truth.*axis.member = std::min(axis.most, truth.*axis.member * factor);
  }
  return truth;
}

// Measured by a machine that does everything `factor` times as fast.
RunTables MeasuredAt(double factor, int count, const std::string& gpu = "H100-SXM") {
  RunTables tables = TablesOf(Rows(count, gpu));
  for (JudgedRun& run : tables.runs) {
    const TimeConstants truth = ScaledBy(factor, run.row.run->gpu.family);
    run.row.run->step_seconds = PredictRun(*run.row.run, truth).step_seconds;
  }
  return tables;
}

absl::StatusOr<CalibrationFit> Fit(const RunTables& tables) {
  return FitCalibration(tables, [](double, absl::string_view) { return true; });
}

// Mean of ln(predicted with the calibration / predicted as shipped).
double MeanMove(const CalibrationFit& fit, const RunTables& tables) {
  const TimeCalibration calibration = convert::FromProto(fit.calibration);
  double sum = 0;
  for (const JudgedRun& run : tables.runs) {
    const TimeConstants& constants = TimeConstantsWith(&calibration, run.row.run->gpu.family);
    sum +=
        std::log(PredictRun(*run.row.run, constants).step_seconds / run.prediction->step_seconds);
  }
  return sum / static_cast<double>(tables.runs.size());
}

TEST(CalibrationFitTest, TableOfASlowerMachineIsPredictedWithinTwoPercent) {
  const RunTables tables = MeasuredAt(0.8, 108);
  const absl::StatusOr<CalibrationFit> fit = Fit(tables);
  ASSERT_THAT(fit, IsOk());
  const TimeCalibration calibration = convert::FromProto(fit->calibration);
  for (const JudgedRun& run : tables.runs) {
    const double predicted =
        PredictRun(*run.row.run, TimeConstantsWith(&calibration, "hopper")).step_seconds;
    EXPECT_NEAR(predicted / *run.row.run->step_seconds, 1, 0.02) << run.row.row_id;
  }
  const v1::CalibratedFamily& family = fit->calibration.families(0);
  EXPECT_EQ(family.run_count(), 108);
  EXPECT_GT(family.default_error_fraction(), 0.1);
  EXPECT_LT(family.left_out_error_fraction(), 0.02);
  EXPECT_EQ(fit->calibration.rows_sha256(), std::string(64, 'a'));
  EXPECT_THAT(fit->calibration.source(), HasSubstr("108 runs of t"));
  EXPECT_THAT(fit->unused, SizeIs(0));
}

TEST(CalibrationFitTest, ThreeRunsMoveLessThanThreeHundred) {
  const RunTables three = MeasuredAt(0.8, 3), many = MeasuredAt(0.8, 300);
  const double move_of_three = MeanMove(Fit(three).value(), many);
  const double move_of_many = MeanMove(Fit(many).value(), many);
  EXPECT_GT(move_of_three, 0.01);
  EXPECT_LT(move_of_three, 0.95 * move_of_many);
}

TEST(CalibrationFitTest, FewRunsHaveNoLeftOutErrorAndTheShippedInterval) {
  const CalibrationFit fit = Fit(MeasuredAt(0.8, 3)).value();
  const v1::CalibratedFamily& family = fit.calibration.families(0);
  EXPECT_FALSE(family.has_left_out_error_fraction());
  EXPECT_EQ(family.error().log_quantile_95(), TimeErrorOf("hopper").log_quantile_95);
  EXPECT_THAT(family.error().source(), HasSubstr("too few runs to leave any out"));
}

TEST(CalibrationFitTest, EveryFamilyOfTheTableIsFitted) {
  RunTables tables = MeasuredAt(0.8, 9, "A100-80G");
  for (JudgedRun& run : MeasuredAt(0.9, 9).runs) tables.runs.push_back(std::move(run));
  const CalibrationFit fit = Fit(tables).value();
  ASSERT_EQ(fit.calibration.families_size(), 2);
  EXPECT_EQ(fit.calibration.families(0).family(), "ampere");
  EXPECT_EQ(fit.calibration.families(1).family(), "hopper");
  EXPECT_EQ(fit.calibration.run_count(), 18);
}

TEST(CalibrationFitTest, RowsThatCannotBeUsedAreNamedWithReasons) {
  RunTables tables = MeasuredAt(0.9, 9);
  tables.runs[2].row.run->step_seconds.reset();
  *tables.runs[3].row.run->step_seconds *= 1000;
  tables.runs[4].row.run.reset();
  tables.runs[4].prediction.reset();
  tables.runs[4].row.defect = {"tp", "must be whole"};
  const CalibrationFit fit = Fit(tables).value();
  EXPECT_EQ(fit.calibration.run_count(), 6);
  EXPECT_THAT(ReasonsOfUnused(fit.unused), ElementsAre("t: 1 row, first r2: no measured step",
                                                       HasSubstr("r3: the measured step of"),
                                                       "t: 1 row, first r4: tp: must be whole"));
}

TEST(CalibrationFitTest, TableWithoutAMeasuredStepIsRefused) {
  EXPECT_THAT(Fit(TablesOf(Rows(5, "H100-SXM"))),
              StatusIs(kInvalid, "no constants can be fitted to these rows:\nt r0: no measured"));
}

TEST(CalibrationFitTest, OneRowIsRefused) {
  EXPECT_THAT(Fit(MeasuredAt(0.8, 1)), StatusIs(kInvalid, "the only usable run of hopper"));
}

TEST(CalibrationFitTest, OneRowOfAnotherFamilyIsLeftOut) {
  RunTables tables = MeasuredAt(0.8, 9);
  tables.runs.push_back(std::move(MeasuredAt(0.8, 1, "A100-80G").runs[0]));
  const CalibrationFit fit = Fit(tables).value();
  EXPECT_EQ(fit.calibration.families_size(), 1);
  ASSERT_THAT(fit.unused, SizeIs(1));
  EXPECT_THAT(fit.unused[0].reason, HasSubstr("the only usable run of ampere"));
}

TEST(CalibrationFitTest, RowsThatContradictEachOtherAreRefused) {
  RunTables tables = MeasuredAt(0.8, 9);
  tables.runs.push_back(tables.runs[0]);
  tables.runs.back().row.run->row_id = "again";
  *tables.runs.back().row.run->step_seconds *= 3;
  EXPECT_THAT(Fit(tables), StatusIs(kInvalid, "t r0 and t again ran the same configuration"));
}

// Rows written down again, `times` in all.
RunTables Copied(const RunTables& tables, int times) {
  RunTables copied = tables;
  for (int i = 1; i < times; ++i) {
    copied.runs.insert(copied.runs.end(), tables.runs.begin(), tables.runs.end());
  }
  return copied;
}

TEST(CalibrationFitTest, CopiesOfRowsChangeNothingButTheRemark) {
  const RunTables once = MeasuredAt(0.8, 8);
  const CalibrationFit fit = Fit(once).value(), copied = Fit(Copied(once, 30)).value();
  const v1::CalibratedFamily& family = copied.calibration.families(0);
  EXPECT_EQ(family.run_count(), 8);
  EXPECT_NEAR(family.constants(0).value(), fit.calibration.families(0).constants(0).value(), 1e-9);
  EXPECT_NEAR(family.error().log_quantile_95(),
              fit.calibration.families(0).error().log_quantile_95(), 0.02);
  EXPECT_EQ(family.error().run_count(), 8);
  EXPECT_EQ(copied.calibration.source(), "240 rows of 8 configurations of t");
  EXPECT_THAT(copied.remarks, Contains("hopper: 240 rows of 8 configurations; rows of one "
                                       "configuration count as one run"));
}

TEST(CalibrationFitTest, CopiesOfOneConfigurationAreRefused) {
  EXPECT_THAT(Fit(Copied(MeasuredAt(0.8, 1), 20)),
              StatusIs(kInvalid, "hopper has 20 rows of 1 configuration, which counts once"));
}

TEST(CalibrationFitTest, CopiesOfFewConfigurationsAreTooFewToJudgeBy) {
  const CalibrationFit fit = Fit(Copied(MeasuredAt(0.8, 3), 20)).value();
  EXPECT_FALSE(fit.calibration.families(0).has_left_out_error_fraction());
  EXPECT_THAT(fit.remarks, Contains(HasSubstr("fewer than 5 are too few to judge by")));
}

TEST(CalibrationFitTest, TablesThatDisagreeAreNamed) {
  RunTables tables = MeasuredAt(0.8, 9);
  const size_t count = tables.runs.size();
  for (size_t i = 0; i < count; ++i) {
    JudgedRun other = tables.runs[i];
    other.table = "u";
    *other.row.run->step_seconds *= 1.3;
    tables.runs.push_back(other);
  }
  EXPECT_THAT(Fit(tables).value().remarks,
              Contains(HasSubstr("t and u: rows of 9 configurations differ by more than 15%")));
  for (size_t i = count; i < tables.runs.size(); ++i) {
    *tables.runs[i].row.run->step_seconds *= 1.9 / 1.3;
  }
  EXPECT_THAT(Fit(tables), StatusIs(kInvalid, "calibrate the tables apart"));
}

TEST(CalibrationFitTest, ConstantsThatNoRunDependsOnAreNamed) {
  const CalibrationFit fit = Fit(MeasuredAt(0.8, 27)).value();
  EXPECT_THAT(fit.remarks,
              Contains(AllOf(HasSubstr("no run depends on gemm_8bit_fraction -"),
                             HasSubstr("follow what all rates of the machine share"))));
}

// Three fifths of the shipped step lie beyond what the data sheet allows.
TEST(CalibrationFitTest, RunsFasterThanTheDataSheetAreRefused) {
  RunTables tables = TablesOf(Rows(27, "H100-SXM"));
  for (JudgedRun& run : tables.runs) {
    run.row.run->step_seconds = 0.5 * run.prediction->step_seconds;
  }
  EXPECT_THAT(Fit(tables), StatusIs(kInvalid, "these runs are faster than hopper can be"));
}

// Five runs move the constants part of the way: the interval says so and has the prediction in it.
TEST(CalibrationFitTest, TheIntervalHasThePredictionInIt) {
  for (const double factor : {0.5, 0.7, 1.15}) {
    const CalibrationFit fit = Fit(MeasuredAt(factor, 54)).value();
    EXPECT_LE(fit.calibration.families(0).error().log_quantile_05(), 0) << factor;
    EXPECT_GE(fit.calibration.families(0).error().log_quantile_95(), 0) << factor;
  }
  EXPECT_THAT(Fit(MeasuredAt(0.7, 5)).value().remarks,
              Contains(HasSubstr("nearly all of them longer than predicted")));
}

TEST(CalibrationFitTest, EqualFiguresAreNoBetterThanOutOfTheBox) {
  v1::Calibration calibration = Fit(MeasuredAt(0.8, 9)).value().calibration;
  calibration.mutable_families(0)->set_default_error_fraction(0.3242);
  calibration.mutable_families(0)->set_left_out_error_fraction(0.3238);
  EXPECT_THAT(RenderCalibration(calibration, {}), HasSubstr("no better than out of the box"));
}

TEST(CalibrationFitTest, NoiseIsRefused) {
  RunTables tables = MeasuredAt(1, 27);
  for (size_t i = 0; i < tables.runs.size(); ++i) {
    *tables.runs[i].row.run->step_seconds *= i % 2 == 0 ? 5 : 0.2;
  }
  EXPECT_THAT(Fit(tables), StatusIs(kInvalid, "no constants of hopper explain these runs"));
}

TEST(CalibrationFitTest, WatcherSeesProgressAndMayStopIt) {
  const RunTables tables = MeasuredAt(0.8, 9);
  double last = 0;
  EXPECT_THAT(FitCalibration(tables,
                             [&](double fraction, absl::string_view) {
                               EXPECT_GE(fraction, last);
                               last = fraction;
                               return true;
                             }),
              IsOk());
  EXPECT_GT(last, 0.05);
  EXPECT_LT(last, 1);
  EXPECT_THAT(FitCalibration(tables, [](double, absl::string_view) { return false; }),
              StatusIs(absl::StatusCode::kCancelled, ""));
}

}  // namespace
}  // namespace rhumb::cli
