// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/problem.h"

#include <algorithm>
#include <cmath>

#include "planner/plan/ladder.h"
#include "planner/plan/pool.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// More than anyone will ever train on: what "as many as allowed" means when nothing limits the
// tokens.
constexpr double kMostTokens = 1e18;
// Relative slack of hard limits against rounding in their own arithmetic.
constexpr double kLimitSlack = 1e-12;

double OrUnlimited(const std::optional<double>& limit) { return limit.value_or(kUnlimited); }

bool Within(double value, const std::optional<double>& low, const std::optional<double>& high) {
  return value >= low.value_or(0) * (1 - kLimitSlack) &&
         value <= OrUnlimited(high) * (1 + kLimitSlack);
}

// FLOPs that money or GPU-hours buy on GPUs named without a count; unlimited where that does not
// apply.
double RentedFlops(const PlanQuestion& q) {
  if (!q.pools.empty() || !q.gpu_without_count.has_value() || !q.mfu.has_value()) return kUnlimited;
  const GpuPool& pool = *q.gpu_without_count;
  double gpu_hours = OrUnlimited(q.gpu_hours);
  if (q.budget_usd.has_value() && pool.price_usd_per_gpu_hour.has_value()) {
    gpu_hours = std::min(gpu_hours, *q.budget_usd / *pool.price_usd_per_gpu_hour);
  }
  const double peak = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(0);
  return gpu_hours * kSecondsPerHour * peak * *q.mfu;
}

}  // namespace

std::optional<Objective> ResolveObjective(const PlanQuestion& question) {
  if (question.objective.has_value()) return question.objective;
  const bool sized = question.param_count.has_value() || question.architecture.has_value();
  const bool tokens = question.token_count.has_value() && !question.target_loss_nats.has_value();
  const bool bounded = question.compute_flops || question.gpu_hours || question.deadline_seconds ||
                       question.budget_usd || question.lifetime_compute_flops ||
                       (sized && (tokens || question.tokens_per_param));
  if (bounded) return Objective::kLoss;
  if (question.target_loss_nats.has_value()) return Objective::kCost;
  return std::nullopt;
}

Metric MetricOf(Objective objective, const PlanQuestion& question) {
  const bool priced =
      !question.pools.empty() &&
      std::all_of(question.pools.begin(), question.pools.end(),
                  [](const GpuPool& pool) { return pool.price_usd_per_gpu_hour.has_value(); });
  switch (objective) {
    case Objective::kLoss:
      return Metric::kLoss;
    case Objective::kCost:
      if (question.pools.empty()) return Metric::kFlops;
      return priced ? Metric::kUsd : Metric::kGpuHours;
    case Objective::kTime:
      return question.pools.empty() ? Metric::kFlops : Metric::kWall;
    case Objective::kLifetimeCost:
      return priced ? Metric::kLifetimeUsd : Metric::kLifetimeFlops;
    case Objective::kSize:
      return Metric::kParams;
  }
  return Metric::kLoss;
}

double CountedParams(const ModelShape& shape, const PlanQuestion& question) {
  return ParamCount(shape,
                    question.param_count_convention.value_or(question.law.param_count_convention));
}

double InferenceUsd(const PlanQuestion& question, const GpuPool& pool, double active_params) {
  const ServingDemand& demand = question.inference;
  const std::optional<double> price =
      demand.usd_per_gpu_hour.has_value() ? demand.usd_per_gpu_hour : pool.price_usd_per_gpu_hour;
  const std::optional<double> peak = PeakFlopsPerSecond(pool.gpu, question.precision);
  if (demand.token_count <= 0 || !price.has_value() || !peak.has_value()) return 0;
  const double seconds_per_flop = (demand.prefill_fraction / demand.prefill_mfu +
                                   (1 - demand.prefill_fraction) / demand.decode_mfu) /
                                  *peak;
  return 2 * active_params * demand.token_count * seconds_per_flop * *price / kSecondsPerHour;
}

Problem::Problem(const PlanQuestion& question, Metric metric)
    : question_(question),
      metric_(metric),
      loss_(question.law, question.unique_token_count, question.batch_rule,
            question.noise_scale_tokens, question.done_token_count),
      priced_(!question.pools.empty() &&
              std::all_of(question.pools.begin(), question.pools.end(), [](const GpuPool& pool) {
                return pool.price_usd_per_gpu_hour.has_value();
              })) {
  if (question.architecture.has_value()) {
    AddSize(*question.architecture);
  } else if (question.param_count.has_value()) {
    AddSize(
        ShapeOfSize(*question.param_count,
                    question.param_count_convention.value_or(question.law.param_count_convention),
                    question.vocab_size, question.sequence_length));
  } else {
    for (const ModelShape& shape : Ladder(question.vocab_size, question.sequence_length)) {
      AddSize(shape);
    }
  }
}

void Problem::AddSize(const ModelShape& shape) {
  const PlanQuestion& q = question_;
  if (!Within(CountedParams(shape, q), q.min_param_count, q.max_param_count)) return;
  Size size;
  size.shape = shape;
  const ParamCounts counts = CountParams(shape);
  size.total_params = static_cast<double>(counts.total);
  size.active_params = static_cast<double>(counts.active);
  size.law.non_embedding_params = static_cast<double>(counts.active_non_embedding);
  size.law.law_params = q.law.param_count_convention == ParamCountConvention::kTotal
                            ? size.active_params
                            : size.law.non_embedding_params;
  if (kServingBytesPerParam * size.total_params > OrUnlimited(q.serving_memory_bytes)) return;
  size.flops_per_token =
      TrainingFlopsPerToken(shape, q.law.flops_convention, q.law.param_count_convention);
  size.inference_flops = 2 * size.active_params * q.inference.token_count;

  size.max_tokens = std::min(
      kMostTokens, std::min(OrUnlimited(q.compute_flops), RentedFlops(q)) / size.flops_per_token);
  if (q.lifetime_compute_flops.has_value()) {
    size.max_tokens = std::min(
        size.max_tokens, (*q.lifetime_compute_flops - size.inference_flops) / size.flops_per_token);
  }
  if (q.unique_token_count.has_value()) {
    const double most = *q.unique_token_count * q.max_epoch_count.value_or(kDefaultMaxEpochCount);
    size.max_tokens = std::min(size.max_tokens, most - q.done_token_count);
  }
  const bool token_limit_only =
      q.target_loss_nats.has_value() || ResolveObjective(q) == Objective::kSize;
  if (q.token_count.has_value() && token_limit_only) {
    size.max_tokens = std::min(size.max_tokens, *q.token_count);
  } else if (q.token_count.has_value()) {
    size.fixed_tokens = *q.token_count - q.done_token_count;
  }
  if (q.tokens_per_param.has_value()) {
    size.fixed_tokens = *q.tokens_per_param * size.law.law_params - q.done_token_count;
  }
  if (size.max_tokens <= 0 || size.fixed_tokens.value_or(1) <= 0) return;
  sizes_.push_back(std::move(size));
}

std::vector<Place> Problem::PlacesOf(int pool_index) const {
  const GpuPool& pool = question_.pools[static_cast<size_t>(pool_index)];
  std::vector<Place> places;
  for (const int64_t count : UsableGpuCounts(pool)) {
    if (static_cast<double>(count) * pool.gpu.board_watts >
        OrUnlimited(question_.max_power_watts)) {
      break;
    }
    places.push_back({pool_index, count, (count + pool.gpus_per_node - 1) / pool.gpus_per_node});
  }
  return places;
}

void Problem::AdaptOverheads(int pool_index, OverheadModel& overheads) const {
  overheads.step_time_factor = question_.step_time_factor;
  const GpuPool& pool = question_.pools[static_cast<size_t>(pool_index)];
  if (!pool.max_wall_seconds.has_value()) return;
  overheads = InJobs(overheads, pool.max_wall_seconds, question_.max_job_count);
}

double Problem::MaxWallSeconds(const OverheadModel& overheads) const {
  return std::min(OrUnlimited(question_.deadline_seconds), overheads.LongestWallSeconds());
}

double Problem::MaxGpuSeconds(int pool_index) const {
  const double price =
      question_.pools[static_cast<size_t>(pool_index)].price_usd_per_gpu_hour.value_or(0);
  double gpu_hours = OrUnlimited(question_.gpu_hours);
  if (question_.budget_usd.has_value() && price > 0) {
    gpu_hours = std::min(gpu_hours, *question_.budget_usd / price);
  }
  return gpu_hours * kSecondsPerHour;
}

SizeAtPlace Problem::At(const Size& size, const Place& place) const {
  const PlanQuestion& q = question_;
  const GpuPool& pool = q.pools[static_cast<size_t>(place.pool_index)];
  const double gpus = static_cast<double>(place.gpu_count);
  SizeAtPlace at;
  if (!q.mfu.has_value()) {
    at.overheads = MakeOverheadModel(size.total_params, place.gpu_count, place.node_count,
                                     q.failures_per_gpu_hour.value_or(kDefaultFailuresPerGpuHour),
                                     q.startup_seconds.value_or(kStartupSeconds));
  }
  AdaptOverheads(place.pool_index, at.overheads);
  at.usd_per_wall_second = pool.price_usd_per_gpu_hour.value_or(0) * gpus / kSecondsPerHour;
  at.max_wall_seconds =
      std::min(MaxWallSeconds(at.overheads), MaxGpuSeconds(place.pool_index) / gpus);
  at.inference_usd = InferenceUsd(q, pool, size.active_params);
  at.capacity_bytes = CapacityBytes(place.pool_index);
  return at;
}

double Problem::CapacityBytes(int pool_index) const {
  const Gpu& gpu = question_.pools[static_cast<size_t>(pool_index)].gpu;
  return std::min(static_cast<double>(gpu.memory_bytes), OrUnlimited(question_.max_memory_bytes)) *
         (1 - question_.memory_headroom_fraction);
}

}  // namespace rhumb
