// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/law_side.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "planner/laws/law_optimum.h"
#include "planner/plan/overheads.h"
#include "planner/plan/problem.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// GPUs as the law sees them: FLOPs per second all together, and what an hour of one costs.
struct Rate {
  double peak_flops_per_second = 0;
  double flops_per_second_per_gpu = 0;
  std::optional<double> gpu_count;  // absent: rented by the hour, in any number
  std::optional<double> usd_per_gpu_hour;
  std::optional<double> max_wall_seconds;
};

Rate RateOf(const PlanQuestion& q, const GpuPool& pool, double mfu, bool counted) {
  Rate rate;
  rate.peak_flops_per_second = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(0);
  rate.flops_per_second_per_gpu = rate.peak_flops_per_second * mfu;
  if (counted) {
    rate.gpu_count = static_cast<double>(pool.gpu_count);
    if (q.max_power_watts.has_value() && pool.gpu.board_watts > 0) {
      rate.gpu_count =
          std::min(*rate.gpu_count, std::floor(*q.max_power_watts / pool.gpu.board_watts));
    }
    if (pool.max_wall_seconds.has_value()) {
      rate.max_wall_seconds =
          *pool.max_wall_seconds * static_cast<double>(q.max_job_count.value_or(kMostJobCount));
    }
  }
  rate.usd_per_gpu_hour = pool.price_usd_per_gpu_hour;
  return rate;
}

double ComputeLimit(const PlanQuestion& q, const Rate& rate) {
  double gpu_seconds = std::numeric_limits<double>::infinity();
  if (q.gpu_hours.has_value()) gpu_seconds = std::min(gpu_seconds, *q.gpu_hours * kSecondsPerHour);
  for (const std::optional<double>& wall : {q.deadline_seconds, rate.max_wall_seconds}) {
    if (wall.has_value() && rate.gpu_count.has_value()) {
      gpu_seconds = std::min(gpu_seconds, *wall * *rate.gpu_count);
    }
  }
  if (q.budget_usd.has_value() && rate.usd_per_gpu_hour.value_or(0) > 0) {
    gpu_seconds = std::min(gpu_seconds, *q.budget_usd / *rate.usd_per_gpu_hour * kSecondsPerHour);
  }
  return gpu_seconds * rate.flops_per_second_per_gpu;
}

std::optional<Rate> FindRate(const PlanQuestion& q, const Plan& plan) {
  if (q.pools.empty()) {
    if (!q.mfu.has_value() || !q.gpu_without_count.has_value()) return std::nullopt;
    return RateOf(q, *q.gpu_without_count, *q.mfu, /*counted=*/false);
  }
  if (plan.feasible) {
    const GpuPool& pool = q.pools[static_cast<size_t>(plan.allocation->pool_index)];
    const double gpus = static_cast<double>(plan.allocation->gpu_count);
    const double peak = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(0);
    const double mfu = plan.training_flops / (plan.time->train_seconds * gpus * peak);
    return RateOf(q, pool, q.mfu.value_or(mfu), /*counted=*/true);
  }
  if (!q.mfu.has_value()) return std::nullopt;
  std::optional<Rate> best;
  for (const GpuPool& pool : q.pools) {
    const Rate rate = RateOf(q, pool, *q.mfu, /*counted=*/true);
    if (!best.has_value() || ComputeLimit(q, rate) > ComputeLimit(q, *best)) best = rate;
  }
  return best;
}

LawObjective LawObjectiveOf(Objective objective) {
  switch (objective) {
    case Objective::kLoss:
      return LawObjective::kLoss;
    case Objective::kLifetimeCost:
      return LawObjective::kLifetimeCost;
    case Objective::kSize:
      return LawObjective::kSize;
    default:
      return LawObjective::kTrainingCost;
  }
}

// Cost of an inference FLOP over that of a training FLOP (Sardana & Frankle 2024, arXiv:2401.00448,
// section 4); 1 when nothing is priced.
double InferenceWeight(const PlanQuestion& q, const std::optional<Rate>& rate) {
  if (!rate.has_value() || rate->usd_per_gpu_hour.value_or(0) <= 0) return 1;
  const double price = q.inference.usd_per_gpu_hour.value_or(*rate->usd_per_gpu_hour);
  const double inference = price * (q.inference.prefill_fraction / q.inference.prefill_mfu +
                                    (1 - q.inference.prefill_fraction) / q.inference.decode_mfu);
  return inference /
         (*rate->usd_per_gpu_hour * rate->peak_flops_per_second / rate->flops_per_second_per_gpu);
}

}  // namespace

std::optional<LawOptimumSummary> SummariseLawOptimum(const PlanQuestion& q, Objective objective,
                                                     const Plan& plan) {
  // The model of a run under way is what it is, and the law alone has no rest of a run.
  if (q.done_token_count > 0) return std::nullopt;
  const std::optional<Rate> rate = FindRate(q, plan);
  LawQuestion question;
  question.objective = LawObjectiveOf(objective);
  question.training_flops = q.compute_flops;
  if (rate.has_value()) {
    const double limit = ComputeLimit(q, *rate);
    if (limit < question.training_flops.value_or(std::numeric_limits<double>::infinity())) {
      question.training_flops = limit;
    }
  }
  question.lifetime_flops = q.lifetime_compute_flops;
  question.target_loss_nats = q.target_loss_nats;
  question.unique_token_count = q.unique_token_count;
  question.max_epoch_count = q.max_epoch_count.value_or(kDefaultMaxEpochCount);
  const bool tokens_are_limit = q.target_loss_nats.has_value() || objective == Objective::kSize;
  (tokens_are_limit ? question.max_token_count : question.fixed_token_count) = q.token_count;
  question.tokens_per_param = q.tokens_per_param;
  // Limits under another convention say nothing exact about the law's N.
  if (q.param_count_convention.value_or(q.law.param_count_convention) ==
      q.law.param_count_convention) {
    question.min_param_count = q.min_param_count;
    question.max_param_count = q.max_param_count;
    question.fixed_param_count = q.param_count;
  }
  // A fixed size is compared with what was realised of it, or the law would lose to its own
  // rounding.
  if ((q.architecture.has_value() || q.param_count.has_value()) && plan.feasible) {
    question.fixed_param_count = plan.active_param_count;
  }
  if (q.serving_memory_bytes.has_value()) {
    const double most = *q.serving_memory_bytes / kServingBytesPerParam;
    question.max_param_count = std::min(question.max_param_count.value_or(most), most);
  }
  question.inference_token_count = q.inference.token_count;
  if (objective == Objective::kLifetimeCost && !q.lifetime_compute_flops.has_value() &&
      rate.has_value() && !q.pools.empty()) {
    question.inference_weight = InferenceWeight(q, rate);
  }
  const absl::StatusOr<LawOptimum> optimum = SolveLawOptimum(q.law, question);
  if (!optimum.ok()) return std::nullopt;
  LawOptimumSummary summary;
  summary.param_count = optimum->param_count;
  summary.token_count = optimum->token_count;
  summary.tokens_per_param = optimum->tokens_per_param;
  summary.training_flops = optimum->training_flops;
  summary.loss_nats = optimum->loss_nats;
  summary.param_count_low_0p1pct = optimum->param_count_low_0p1pct;
  summary.param_count_high_0p1pct = optimum->param_count_high_0p1pct;
  summary.param_count_low_1pct = optimum->param_count_low_1pct;
  summary.param_count_high_1pct = optimum->param_count_high_1pct;
  if (q.inference.token_count > 0) {
    summary.lifetime_flops =
        optimum->training_flops + 2 * optimum->param_count * q.inference.token_count;
  }
  if (rate.has_value()) {
    summary.gpu_hours = optimum->training_flops / rate->flops_per_second_per_gpu / kSecondsPerHour;
    if (rate->usd_per_gpu_hour.has_value()) {
      summary.cost_usd = *summary.gpu_hours * *rate->usd_per_gpu_hour;
    }
  }
  return summary;
}

}  // namespace rhumb
