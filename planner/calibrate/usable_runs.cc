// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/usable_runs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/calibrate/constant_space.h"
#include "planner/calibrate/repeated_runs.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr size_t kShownRows = 3;

std::string NameOf(const TableRow& row) { return absl::StrCat(*row.table, " ", row.run->row_id); }

std::string Seconds(double seconds) { return absl::StrFormat("%.3g s", seconds); }

// Few runs move constants only part of the way to a bound, so that the bounds themselves are asked.
absl::Status CheckWithinBounds(const TimeConstants& constants,
                               const std::vector<RunGroup>& groups) {
  const TimeConstants fastest = FastestOf(constants);
  std::vector<double> beyond;
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) {
      if (run.gpu.family != constants.family || !run.step_seconds.has_value()) continue;
      beyond.push_back(std::log(PredictRun(run, fastest).step_seconds / *run.step_seconds));
    }
  }
  if (beyond.empty()) return absl::OkStatus();
  // The lower middle, so that half of the runs alone are not enough.
  const auto middle = beyond.begin() + static_cast<std::ptrdiff_t>((beyond.size() - 1) / 2);
  std::nth_element(beyond.begin(), middle, beyond.end());
  if (*middle <= kMostBeyondBounds) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "these runs are faster than ", constants.family,
      " can be: with every constant at its bound, as the data sheet has it, a step still takes ",
      absl::StrFormat("%.0f%%", 100 * (std::exp(*middle) - 1)),
      " longer than measured in the median, so a unit or a column is wrong (iter_s, gbs, n_gpus, "
      "gpu)"));
}

}  // namespace

std::string WhyUnusable(const MeasuredRun& run, double predicted_step_seconds) {
  if (run.out_of_memory) return "ran out of memory: no step was measured";
  if (!run.step_seconds.has_value()) return "no measured step";
  const double ratio = *run.step_seconds / predicted_step_seconds;
  if (ratio <= kMostStepRatio && ratio >= 1 / kMostStepRatio) return "";
  return absl::StrCat("the measured step of ", Seconds(*run.step_seconds), " is ",
                      absl::StrFormat("%.3g", ratio), " times the predicted ",
                      Seconds(predicted_step_seconds), ": a unit or a column is wrong");
}

absl::Status CheckFits(const FamilyCalibration& family, const std::vector<RunGroup>& groups) {
  RHUMB_RETURN_IF_ERROR(CheckWithinBounds(family.constants, groups));
  if (family.error <= kMostCalibratedError) return absl::OkStatus();
  std::vector<std::pair<double, std::string>> rows;
  size_t longer = 0;  // than predicted
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) {
      if (run.gpu.family != family.constants.family || !run.step_seconds.has_value()) continue;
      const double predicted = PredictRun(run, family.constants).step_seconds;
      const double off = std::log(predicted / *run.step_seconds);
      if (off < 0) ++longer;
      rows.emplace_back(-std::abs(off),
                        absl::StrCat(NameOf({&group.name, &run}), " (", Seconds(*run.step_seconds),
                                     ", predicted ", Seconds(predicted), ")"));
    }
  }
  std::sort(rows.begin(), rows.end());
  // All on one side: not a contradiction, but more than so few runs move the constants.
  const bool one_sided = longer == 0 || longer == rows.size();
  std::string worst;
  for (size_t i = 0; i < rows.size() && i < kShownRows; ++i) {
    absl::StrAppend(&worst, i > 0 ? ", " : "", rows[i].second);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no constants of ", family.constants.family,
                   " explain these runs: the best are still off by ",
                   absl::StrFormat("%.0f%%", 100 * family.error), " (at most ",
                   absl::StrFormat("%.0f%%", 100 * kMostCalibratedError),
                   one_sided ? absl::StrCat("), every step ", longer > 0 ? "longer" : "shorter",
                                            " than predicted, so a column is wrong, or the machine "
                                            "is so far from others that it takes more than ",
                                            rows.size(), " configurations to say so; worst: ")
                             : std::string("), so the rows contradict each other or a column is "
                                           "wrong; worst: "),
                   worst));
}

}  // namespace rhumb
