// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/judge_law.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/rows.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr size_t kRowsPerStop = 1000;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

std::string Words(const std::string& text) { return text.empty() ? "unstated" : text; }

void AddConventionWarnings(const Law& law, const ObservationSet& set, LawJudgement& judgement) {
  const auto warn = [&](const char* code, std::string text) {
    judgement.warnings.emplace_back(code, std::move(text));
  };
  if (law.param_count_convention != set.param_count_convention) {
    warn("PARAM_COUNT_CONVENTION_DIFFERS",
         absl::StrCat("the observations count parameters otherwise than ", law.name));
  }
  if (law.tokenizer != set.tokenizer) {
    warn("TOKENIZER_DIFFERS",
         absl::StrCat("tokenizer ", Words(set.tokenizer), " of the observations, ",
                      Words(law.tokenizer), " of ", law.name,
                      ": losses in nats per token are not comparable"));
  }
  if (law.dataset != set.dataset) {
    warn("DATASET_DIFFERS", absl::StrCat("data set ", Words(set.dataset), " of the observations, ",
                                         Words(law.dataset), " of ", law.name));
  }
}

// As a fit takes them: rows in mid-schedule, whose loss has not come down yet, and rows of weight 0
// do not count.
bool Counts(const Observation& row) { return IsFinished(row) && row.weight > 0; }

// By row: whether it counts and its run has no row with more tokens; of equal ones the last.
std::vector<bool> LastOfRun(const std::vector<Observation>& observations) {
  std::map<std::string, size_t> last;
  for (size_t i = 0; i < observations.size(); ++i) {
    const std::string& run = observations[i].run;
    if (run.empty() || !Counts(observations[i])) continue;
    const auto [known, is_new] = last.emplace(run, i);
    if (!is_new && observations[i].token_count >= observations[known->second].token_count) {
      known->second = i;
    }
  }
  std::vector<bool> is_last(observations.size());
  for (size_t i = 0; i < observations.size(); ++i) {
    const std::string& run = observations[i].run;
    is_last[i] = Counts(observations[i]) && (run.empty() || last[run] == i);
  }
  return is_last;
}

JudgedRow Judge(const Law& law, const Observation& row, double level) {
  TokenUse use;
  use.token_count = row.token_count;
  use.unique_token_count = row.unique_token_count;
  JudgedRow judged;
  judged.predicted_nats = PredictLoss(law, row.param_count, use);
  judged.interval = PredictRunInterval(law, row.param_count, use, level);
  judged.error_fraction = judged.predicted_nats / row.loss_nats - 1;
  return judged;
}

Backtest Summarize(const Law& law, const std::vector<Observation>& observations,
                   const std::vector<JudgedRow>& rows, double level) {
  BacktestSplit split;
  double squares = 0;
  bool all_have_intervals = true;
  for (size_t i = 0; i < rows.size(); ++i) {
    const JudgedRow& row = rows[i];
    if (!row.is_last_of_run) continue;
    ++split.test_count;
    split.mean_abs_error_fraction += std::abs(row.error_fraction);
    split.bias_fraction += row.error_fraction;
    squares += row.error_fraction * row.error_fraction;
    all_have_intervals = all_have_intervals && row.interval.has_value();
    if (!row.interval.has_value()) continue;
    const double measured = observations[i].loss_nats;
    split.coverage += measured >= row.interval->low_nats && measured <= row.interval->high_nats;
    split.mean_interval_fraction +=
        (row.interval->high_nats - row.interval->low_nats) / (2 * row.predicted_nats);
  }
  const double count = split.test_count;
  split.mean_abs_error_fraction /= count;
  split.bias_fraction /= count;
  split.rmse_fraction = std::sqrt(squares / count);
  split.coverage = all_have_intervals ? split.coverage / count : kNotANumber;
  split.mean_interval_fraction =
      all_have_intervals ? split.mean_interval_fraction / count : kNotANumber;
  split.mean_naive_interval_fraction = kNotANumber;
  return {.family = law.name,
          .splits = {split},
          .observation_count = split.test_count,
          .mean_abs_error_fraction = split.mean_abs_error_fraction,
          .rmse_fraction = split.rmse_fraction,
          .coverage = split.coverage,
          .level = level};
}

}  // namespace

absl::StatusOr<LawJudgement> JudgeLaw(const Law& law, const ObservationSet& observations,
                                      double level, const std::function<bool()>& should_stop) {
  if (!(level > 0 && level < 1)) {
    return absl::InvalidArgumentError(absl::StrCat("level is ", level, "; must lie inside (0, 1)"));
  }
  RHUMB_RETURN_IF_ERROR(MakeRows(observations.observations).status());
  LawJudgement judgement;
  AddConventionWarnings(law, observations, judgement);
  const std::vector<bool> is_last = LastOfRun(observations.observations);
  const auto left_out =
      std::count_if(observations.observations.begin(), observations.observations.end(),
                    [](const Observation& row) { return !Counts(row); });
  if (left_out == static_cast<std::ptrdiff_t>(observations.observations.size())) {
    return absl::InvalidArgumentError(
        "observations: no row is left to judge by: all are in mid-schedule or of weight 0");
  }
  if (left_out > 0) {
    judgement.warnings.emplace_back(
        "ROWS_LEFT_OUT",
        absl::StrCat(left_out,
                     " rows in mid-schedule or of weight 0 are predicted but not judged"));
  }
  for (size_t i = 0; i < is_last.size(); ++i) {
    if (should_stop != nullptr && i % kRowsPerStop == 0 && should_stop()) {
      return absl::CancelledError("the back-test was cancelled");
    }
    judgement.rows.push_back(Judge(law, observations.observations[i], level));
    judgement.rows.back().is_last_of_run = is_last[i];
  }
  judgement.backtest = Summarize(law, observations.observations, judgement.rows, level);
  if (std::isnan(judgement.backtest.coverage)) {
    judgement.warnings.emplace_back(
        "NO_INTERVALS", absl::StrCat(law.name,
                                     " has no covariance or no residual_log_std, so its "
                                     "runs have no intervals"));
  }
  return judgement;
}

}  // namespace rhumb
