// SPDX-License-Identifier: Apache-2.0
// Whatever fits ends as cancelled within one evaluation of being told to stop, in every stage. The
// hook of most tests says stop once and never again: a stage that takes the fit it cut short for
// one that failed would go on and answer.
#include <cmath>
#include <functional>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/fit/backtest.h"
#include "planner/fit/bootstrap.h"
#include "planner/fit/draws.h"
#include "planner/fit/fit.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/forms.h"
#include "planner/fit/prediction.h"
#include "planner/fit/predictive_covariance.h"
#include "planner/fit/profile.h"
#include "planner/fit/rollout.h"
#include "planner/fit/variable_projection.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

// Lets `allowed` evaluations pass, says stop to the next one, and counts what it is asked.
class Stop {
 public:
  explicit Stop(int allowed) : allowed_(allowed) {}
  std::function<bool()> Once() {
    return [this] { return asked_++ == allowed_; };
  }
  int asked() const { return asked_; }

 private:
  int allowed_;
  int asked_ = 0;
};

FitOptions Stopping(Stop& stop) {
  FitOptions options;
  options.minimize.should_stop = stop.Once();
  return options;
}

Rows ManyRuns() { return MakeRows(GridRuns(TrueLaw(), 8, 8, 0.005, 1)).value(); }

FormSpec StoppingSpec(const Form& form, Stop& stop) {
  return MakeSpec(form, Stopping(stop)).value();
}

Rows RepeatingRuns() {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 5, 5, 0.005, 1);
  for (size_t i = 0; i < runs.size(); i += 2) {
    runs[i].unique_token_count = runs[i].token_count / 4;
  }
  return MakeRows(runs).value();
}

class CountingObjective final : public Objective {
 public:
  explicit CountingObjective(std::unique_ptr<Objective> inner) : inner_(std::move(inner)) {}
  int ParameterCount() const override { return inner_->ParameterCount(); }
  void Expand(const ParameterVector& theta, Expansion& expansion) const override {
    ++count_;
    inner_->Expand(theta, expansion);
  }
  void SetLoss(const HuberLoss& loss) override { inner_->SetLoss(loss); }
  double RoundingFloor() const override { return inner_->RoundingFloor(); }
  int count() const { return count_; }

 private:
  std::unique_ptr<Objective> inner_;
  mutable int count_ = 0;
};

int EvaluationsBeforeCancelled(int allowed, bool far_start) {
  const Rows rows = ManyRuns();
  const CountingObjective objective(ChinchillaForm().MakeObjective(rows, ResidualKind::kLogLoss));
  ParameterVector theta(5);
  theta << 5, 10, -0.5, 0.5, 0.5;
  Expansion expansion;
  Stop stop(allowed);
  const MinimizeSummary summary =
      Minimize(objective, {.far_start = far_start, .should_stop = stop.Once()}, theta, expansion);
  EXPECT_EQ(summary.termination, Termination::kCancelled);
  EXPECT_FALSE(IsMinimum(summary.termination));
  return objective.count();
}

TEST(CancelTest, MinimizeMakesNoEvaluationAfterTheStop) {
  EXPECT_EQ(EvaluationsBeforeCancelled(0, false), 0);
  EXPECT_EQ(EvaluationsBeforeCancelled(1, false), 1);
  EXPECT_EQ(EvaluationsBeforeCancelled(12, false), 12);
}

TEST(CancelTest, NeitherDoTheDescentsOfAFarStart) {
  EXPECT_LE(EvaluationsBeforeCancelled(0, true), 1);
  EXPECT_LE(EvaluationsBeforeCancelled(60, true), 61);
  EXPECT_LE(EvaluationsBeforeCancelled(100, true), 101);
}

TEST(CancelTest, ReadingRowsEndsAtTheFirstStop) {
  const std::vector<Observation> many = GridRuns(TrueLaw(), 100, 100, 0.005, 1);
  for (const int allowed : {0, 1, 2}) {
    Stop stop(allowed);
    EXPECT_EQ(MakeRows(many, stop.Once()).status().code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, SelectingRowsEndsAtTheFirstStop) {
  for (const int allowed : {0, 3, 6}) {
    Stop stop(allowed);
    EXPECT_EQ(SelectRows(ManyRuns(), {0, 1}, stop.Once()).status().code(),
              absl::StatusCode::kCancelled);
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, AProjectionEndsAtTheFirstStop) {
  const Rows rows = ManyRuns();
  for (const int allowed : {0, 1, 6}) {
    Stop stop(allowed);
    EXPECT_THAT(ProjectPowerSum({.x = rows.log_params,
                                 .y = rows.log_tokens,
                                 .log_target = rows.log_loss,
                                 .weight = rows.weight,
                                 .rows_at_a_time = 9,
                                 .should_stop = stop.Once()}),
                testing::IsEmpty());
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, AFitOfEveryFormEndsAtTheFirstStopOfItsStarts) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 5, 5, 0.005, 1);
  for (size_t i = 0; i < runs.size(); ++i) {
    runs[i].step_count = runs[i].token_count / 1e6;
    if (i % 2 == 0) runs[i].unique_token_count = runs[i].token_count / 4;
  }
  for (const Form* form : AllForms()) {
    for (const int allowed : {0, 1}) {
      Stop stop(allowed);
      EXPECT_EQ(FitForm(*form, MakeRows(runs).value(), Stopping(stop)).status().code(),
                absl::StatusCode::kCancelled)
          << form->name();
      EXPECT_EQ(stop.asked(), allowed + 1) << form->name();
    }
  }
}

TEST(CancelTest, ACovarianceOfDrawsEndsAtTheFirstStop) {
  const Rows rows = ManyRuns();
  const FitResult fit = FitForm(ChinchillaForm(), rows, {}).value();
  const ParameterDraws draws = DrawParameters(fit, {}, rows, {.draw_count = 20}).value();
  for (const int allowed : {0, 3, 7, 12}) {
    Stop stop(allowed);
    EXPECT_FALSE(
        PredictiveCovariance(fit, rows, draws, {.rows_at_a_time = 10, .should_stop = stop.Once()})
            .has_value());
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, AFitEndsAtTheFirstStop) {
  for (const int allowed : {0, 1, 2, 5, 8}) {
    Stop stop(allowed);
    EXPECT_EQ(FitForm(ChinchillaForm(), ManyRuns(), Stopping(stop)).status().code(),
              absl::StatusCode::kCancelled)
        << allowed;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, AFitFromManyStartsEndsAtTheFirstStop) {
  ParameterVector start(5);
  start << 5, 10, -0.5, 0.5, 0.5;
  for (const int allowed : {1, 8, 50, 150}) {
    Stop stop(allowed);
    FitOptions options = Stopping(stop);
    options.extra_starts = {start, start, 0.5 * start, 0.25 * start, 2 * start};
    EXPECT_EQ(FitForm(ChinchillaForm(), ManyRuns(), options).status().code(),
              absl::StatusCode::kCancelled)
        << allowed;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, AFitOfManyMinimaEndsAtTheFirstStop) {
  for (const int allowed : {0, 3, 100, 300}) {
    Stop stop(allowed);
    EXPECT_EQ(FitForm(DataConstrainedForm(), RepeatingRuns(), Stopping(stop)).status().code(),
              absl::StatusCode::kCancelled)
        << allowed;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, ABootstrapEndsAtTheFirstStop) {
  const Rows rows = ManyRuns();
  const FitResult fit = FitForm(ChinchillaForm(), rows, {}).value();
  Stop stop(100);
  const absl::Status status =
      BootstrapFit(fit, Stopping(stop), rows, {.draw_count = 1000}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(stop.asked(), 101);
}

TEST(CancelTest, DrawsByResidualsEndAtTheFirstStop) {
  const Rows rows = MakeRows(GridRuns(TrueLaw(), 4, 4, 0.003, 2)).value();
  const FitResult fit = FitForm(ChinchillaForm(), rows, {}).value();
  Stop stop(100);
  const absl::Status status = DrawParameters(fit, Stopping(stop), rows, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(stop.asked(), 101);
}

TEST(CancelTest, AProfileCutShortIsNoInterval) {
  const Rows rows = MakeRows(GridRuns(TrueLaw(), 4, 4, 0.003, 2)).value();
  const FitResult fit = FitForm(ChinchillaForm(), rows, {}).value();
  for (const int allowed : {0, 10, 100}) {
    Stop stop(allowed);
    const Interval interval = ProfileInterval(fit, Stopping(stop), rows, 3, 0.9);
    EXPECT_TRUE(std::isnan(interval.low) && std::isnan(interval.high)) << allowed;
    // What brackets one side may be in the middle of a step.
    EXPECT_LE(stop.asked(), allowed + 2);
  }
}

TEST(CancelTest, ARollOutEndsAtTheFirstStop) {
  const Rows rows = ManyRuns();
  for (const int allowed : {0, 40, 400, 2000}) {
    Stop stop(allowed);
    const absl::Status status = RollOut({StoppingSpec(ChinchillaForm(), stop)}, rows,
                                        MakeOrigins(rows, RollOutAxis::kCompute, 10, 3), {})
                                    .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << allowed;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, APredictorEndsAtTheFirstStopOfARival) {
  const Rows rows = ManyRuns();
  const FormSpec law = MakeSpec(ChinchillaForm(), {}).value();
  for (const int allowed : {0, 100, 1000, 8000}) {
    Stop stop(allowed);
    const absl::Status status =
        Predictor::Create(law, {StoppingSpec(CoupledForm(), stop)}, rows, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << allowed;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, ABacktestEndsAtTheFirstStop) {
  const Rows rows = ManyRuns();
  for (const int allowed : {0, 1000, 10000}) {
    Stop stop(allowed);
    const absl::Status status =
        RollOutBacktest(StoppingSpec(ChinchillaForm(), stop), {}, rows, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << allowed;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

int AskedOf(const ObservationSet& observations, LawFitOptions options) {
  int asked = 0;
  options.should_stop = [&asked] {
    ++asked;
    return false;
  };
  EXPECT_TRUE(FitLaw(observations, options).ok());
  return asked;
}

// At whatever evaluation the caller gives up.
void ExpectCancelledAnywhere(const ObservationSet& observations, LawFitOptions options) {
  const int total = AskedOf(observations, options);
  EXPECT_GT(total, 100);
  for (const double part : {0.0, 0.002, 0.03, 0.3, 0.8, 1.0}) {
    const int allowed = std::min(static_cast<int>(part * total), total - 1);
    Stop stop(allowed);
    options.should_stop = stop.Once();
    EXPECT_EQ(FitLaw(observations, options).status().code(), absl::StatusCode::kCancelled)
        << allowed << " of " << total;
    EXPECT_EQ(stop.asked(), allowed + 1);
  }
}

TEST(CancelTest, FittingALawEndsAtTheFirstStopInEveryStage) {
  const ObservationSet observations{.observations = GridRuns(TrueLaw(), 5, 5, 0.005, 1)};
  ExpectCancelledAnywhere(observations, {.bootstrap_count = 50});
}

TEST(CancelTest, ChoosingAFormEndsAtTheFirstStopToo) {
  const ObservationSet observations{.observations = GridRuns(TrueLaw(), 5, 5, 0.005, 1)};
  ExpectCancelledAnywhere(observations, {.family = "auto", .bootstrap_count = 50});
}

TEST(CancelTest, ProfilesOfFewRunsEndAtTheFirstStopToo) {
  const ObservationSet observations{.observations = GridRuns(TrueLaw(), 4, 3, 0.002, 1)};
  ExpectCancelledAnywhere(observations, {.bootstrap_count = 50});
}

}  // namespace
}  // namespace rhumb
