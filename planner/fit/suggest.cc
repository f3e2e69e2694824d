// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/suggest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "Eigen/Cholesky"
#include "Eigen/Core"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/run_information.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_covariance.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr int kGridSizes = 25;   // candidate N
constexpr int kGridRatios = 13;  // candidate D/N
constexpr double kBoxMargin = 1.4142135623730951;
// A run that takes less than this fraction off the decision's deviation is not worth its queue.
constexpr double kLeastGain = 0.005;
// Times the largest loss the law gives inside its data box: beyond, the law is a guess.
constexpr double kHighLoss = 1.5;
// Runs this many times the largest seen are pointed out, and one that takes this share of all.
constexpr double kFarBeyond = 2;
constexpr double kDominantShare = 0.8;

struct Candidate {
  SuggestedRun run;
  Eigen::VectorXd gradient;  // d ln L / d theta
};

struct Ranges {
  double low_params, high_params, low_ratio, high_ratio;
};

absl::StatusOr<Ranges> RangesOf(const Law& law, const SuggestOptions& options) {
  const auto pick = [](double given, const std::optional<double>& boxed, double margin) {
    return given > 0 ? given : boxed.value_or(0) * margin;
  };
  const Ranges ranges{
      pick(options.min_param_count, law.box.min_param_count, 1 / kBoxMargin),
      pick(options.max_param_count, law.box.max_param_count, kBoxMargin),
      pick(options.min_tokens_per_param, law.box.min_tokens_per_param, 1 / kBoxMargin),
      pick(options.max_tokens_per_param, law.box.max_tokens_per_param, kBoxMargin)};
  if (!(ranges.low_params > 0) || !(ranges.high_params >= ranges.low_params)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "min_param_count %g and max_param_count %g must be a range above 0 (the law "
        "states none)",
        ranges.low_params, ranges.high_params));
  }
  if (!(ranges.low_ratio > 0) || !(ranges.high_ratio >= ranges.low_ratio)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("min_tokens_per_param %g and max_tokens_per_param %g must be a range above "
                        "0 (the law states none)",
                        ranges.low_ratio, ranges.high_ratio));
  }
  return ranges;
}

// The largest predicted loss of a run worth proposing; infinite where the law states no box.
double HighestLoss(const Law& law) {
  if (!law.box.min_param_count.has_value() || !law.box.min_tokens_per_param.has_value()) {
    return std::numeric_limits<double>::infinity();
  }
  const double params = *law.box.min_param_count;
  return kHighLoss *
         PredictLoss(law, params, {.token_count = params * *law.box.min_tokens_per_param});
}

Candidate MakeCandidate(const Law& law, double param_count, double ratio) {
  Candidate candidate;
  candidate.run.param_count = param_count;
  candidate.run.token_count = param_count * ratio;
  candidate.run.training_flops =
      kTrainingFlopsPerParamToken * param_count * candidate.run.token_count;
  candidate.gradient = LogLossGradient(law, param_count, candidate.run.token_count);
  return candidate;
}

struct Design {
  std::vector<SuggestedRun> runs;
  double flops = 0;
  double variance = 0;
};

Design Greedy(const std::vector<Candidate>& candidates, const Eigen::VectorXd& decision,
              Eigen::MatrixXd covariance, double noise_variance, double budget, int max_count,
              bool per_flop) {
  Design design;
  while (static_cast<int>(design.runs.size()) < max_count) {
    const Candidate* best = nullptr;
    double best_score = 0;
    const Eigen::VectorXd toward = covariance * decision;
    for (const Candidate& candidate : candidates) {
      if (design.flops + candidate.run.training_flops > budget * (1 + 1e-12)) continue;
      const double overlap = candidate.gradient.dot(toward);
      const double removed =
          overlap * overlap /
          (noise_variance + candidate.gradient.dot(covariance * candidate.gradient));
      const double score = per_flop ? removed / candidate.run.training_flops : removed;
      if (score > best_score) {
        best_score = score;
        best = &candidate;
      }
    }
    if (best == nullptr) break;
    const double variance = decision.dot(toward);
    const double overlap = best->gradient.dot(toward);
    const double left =
        variance -
        overlap * overlap / (noise_variance + best->gradient.dot(covariance * best->gradient));
    if (!(left < (1 - kLeastGain) * (1 - kLeastGain) * variance)) break;
    AddRun(best->gradient, noise_variance, covariance);
    design.runs.push_back(best->run);
    design.flops += best->run.training_flops;
    design.runs.back().std_after = std::sqrt(std::max(decision.dot(covariance * decision), 0.0));
  }
  design.variance = std::max(decision.dot(covariance * decision), 0.0);
  return design;
}

// `count` runs of equal compute, their sizes evenly in ln N between the smallest and largest that
// this compute allows: what people run without a design.
Design EvenGrid(const Law& law, const Ranges& ranges, const Eigen::VectorXd& decision,
                Eigen::MatrixXd covariance, double noise_variance, double budget, int count) {
  Design design;
  const double each = budget / count / kTrainingFlopsPerParamToken;
  const double low = std::max(ranges.low_params, std::sqrt(each / ranges.high_ratio));
  const double high = std::min(ranges.high_params, std::sqrt(each / ranges.low_ratio));
  for (int k = 0; k < count; ++k) {
    const double share = count == 1 ? 0.5 : k / (count - 1.0);
    const double params = low <= high ? low * std::pow(high / low, share) : ranges.low_params;
    const double ratio = std::clamp(each / params / params, ranges.low_ratio, ranges.high_ratio);
    const Candidate candidate = MakeCandidate(law, params, ratio);
    if (design.flops + candidate.run.training_flops > budget * (1 + 1e-9)) break;
    AddRun(candidate.gradient, noise_variance, covariance);
    design.runs.push_back(candidate.run);
    design.flops += candidate.run.training_flops;
    design.runs.back().std_after = std::sqrt(std::max(decision.dot(covariance * decision), 0.0));
  }
  design.variance = std::max(decision.dot(covariance * decision), 0.0);
  return design;
}

std::vector<std::pair<std::string, std::string>> WarningsOf(const Law& law, const Design& design) {
  std::vector<std::pair<std::string, std::string>> warnings;
  const auto largest = std::max_element(design.runs.begin(), design.runs.end(),
                                        [](const SuggestedRun& a, const SuggestedRun& b) {
                                          return a.training_flops < b.training_flops;
                                        });
  if (largest == design.runs.end()) return warnings;
  const std::optional<double>& seen = law.box.max_training_flops;
  if (seen.has_value() && largest->training_flops > kFarBeyond * *seen) {
    warnings.emplace_back(
        "RUN_BEYOND_THE_DATA",
        absl::StrFormat("a run of %.2g FLOPs is %.2g times the largest behind the law (%.2g); its "
                        "worth rests on the form holding that far. max_param_count and "
                        "max_tokens_per_param keep runs small",
                        largest->training_flops, largest->training_flops / *seen, *seen));
  }
  if (design.runs.size() > 1 && largest->training_flops > kDominantShare * design.flops) {
    warnings.emplace_back("ONE_RUN_DOMINATES",
                          absl::StrFormat("one run takes %.0f%% of the compute: if it fails, most "
                                          "of the gain is lost. max_param_count keeps runs small",
                                          100 * largest->training_flops / design.flops));
  }
  return warnings;
}

}  // namespace

absl::StatusOr<Suggestion> SuggestRuns(const Law& law, const SuggestOptions& options) {
  const std::pair<const char*, double> positive[] = {{"target_flops", options.target_flops},
                                                     {"budget_flops", options.budget_flops}};
  for (const auto& [field, value] : positive) {
    if (!(std::isfinite(value) && value > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, " is ", value, "; must be a positive finite number"));
    }
  }
  if (options.max_run_count < 1 || options.max_run_count > 1000) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_run_count is ", options.max_run_count, "; must be from 1 to 1000"));
  }
  if (!law.covariance.has_value() || !law.residual_log_std.has_value() ||
      !(*law.residual_log_std > 0)) {
    return absl::FailedPreconditionError(
        "the law carries no covariance or no residual deviation: fit it first");
  }
  RHUMB_RETURN_IF_ERROR(ValidateLawCovariance(*law.covariance));
  RHUMB_ASSIGN_OR_RETURN(const Ranges ranges, RangesOf(law, options));
  std::vector<Candidate> candidates;
  const double highest_loss = HighestLoss(law);
  for (int i = 0; i < kGridSizes; ++i) {
    const double params = ranges.low_params *
                          std::pow(ranges.high_params / ranges.low_params, i / (kGridSizes - 1.0));
    for (int j = 0; j < kGridRatios; ++j) {
      const double ratio = ranges.low_ratio *
                           std::pow(ranges.high_ratio / ranges.low_ratio, j / (kGridRatios - 1.0));
      Candidate candidate = MakeCandidate(law, params, ratio);
      const TokenUse use{.token_count = candidate.run.token_count};
      if (candidate.run.training_flops <= options.budget_flops &&
          PredictLoss(law, params, use) <= highest_loss) {
        candidates.push_back(std::move(candidate));
      }
    }
  }
  if (candidates.empty()) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "no run of the ranges is within budget_flops %.3g (the cheapest takes %.3g FLOPs) and near "
        "the losses the law was fitted to",
        options.budget_flops,
        kTrainingFlopsPerParamToken * ranges.low_params * ranges.low_params * ranges.low_ratio));
  }
  const Eigen::VectorXd decision = DecisionGradient(law, options);
  const Eigen::MatrixXd& covariance = law.covariance->values;
  const double noise_variance = *law.residual_log_std * *law.residual_log_std;
  Design best = Greedy(candidates, decision, covariance, noise_variance, options.budget_flops,
                       options.max_run_count, true);
  Design other = Greedy(candidates, decision, covariance, noise_variance, options.budget_flops,
                        options.max_run_count, false);
  if (other.variance < best.variance) best = std::move(other);
  const Design grid =
      EvenGrid(law, ranges, decision, covariance, noise_variance, options.budget_flops,
               std::max(static_cast<int>(best.runs.size()), 1));
  std::vector<std::pair<std::string, std::string>> warnings = WarningsOf(law, best);
  return Suggestion{.runs = std::move(best.runs),
                    .training_flops = best.flops,
                    .std_before = std::sqrt(std::max(decision.dot(covariance * decision), 0.0)),
                    .std_after = std::sqrt(best.variance),
                    .grid_runs = grid.runs,
                    .grid_flops = grid.flops,
                    .grid_std_after = std::sqrt(grid.variance),
                    .warnings = std::move(warnings)};
}

}  // namespace rhumb
