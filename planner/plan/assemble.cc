// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/assemble.h"

#include <algorithm>
#include <cmath>

#include "planner/cost/time_constants.h"
#include "planner/laws/learning_rate.h"
#include "planner/laws/loss_model.h"
#include "planner/units.h"

namespace rhumb {
namespace {

BatchPlan MakeBatchPlan(const Problem& problem, const Size& size, const Candidate& choice) {
  const PlanQuestion& q = problem.question();
  const int64_t sequences =
      choice.batch.micro_batches *
      (problem.has_hardware() ? choice.layout.micro_batch_size * choice.layout.data_parallel_size
                              : 1);
  BatchPlan batch;
  batch.global_batch_size = sequences;
  batch.global_batch_tokens = sequences * size.shape.sequence_length;
  batch.step_count = q.done_step_count + choice.batch.step_count;
  const double rest = static_cast<double>(choice.batch.step_count * batch.global_batch_tokens);
  const double tokens = q.done_token_count + rest;
  const BatchedLossValue value =
      problem.loss().At(size.law, rest, static_cast<double>(batch.global_batch_tokens));
  batch.critical_batch_tokens = value.critical_batch_tokens;
  batch.token_overhead = value.token_overhead;
  BatchInputs inputs;
  inputs.param_count = size.law.non_embedding_params;
  inputs.token_count = tokens;
  inputs.training_flops = 6 * size.law.non_embedding_params * tokens;
  inputs.loss_nats = value.loss_nats;
  inputs.reference_batch_tokens = q.law.reference_batch_tokens;
  const std::optional<BatchBand> band = CriticalBatchBand(inputs);
  batch.critical_low_tokens = band.has_value() ? band->low_tokens : value.critical_batch_tokens;
  batch.critical_high_tokens = band.has_value() ? band->high_tokens : value.critical_batch_tokens;
  if (q.global_batch_tokens.has_value()) {
    batch.source = "fixed by the question";
  } else if (q.max_global_batch_tokens.has_value()) {
    batch.source = "within the bounds of the question";
  } else if (q.noise_scale_tokens.has_value()) {
    batch.source = "critical batch = the measured gradient noise scale";
  } else {
    batch.source = std::string(BatchRuleSource(q.batch_rule));
  }
  return batch;
}

StepTimeBreakdown Scaled(StepTimeBreakdown step, double factor) {
  for (double StepTimeBreakdown::*part :
       {&StepTimeBreakdown::compute_seconds, &StepTimeBreakdown::tensor_parallel_seconds,
        &StepTimeBreakdown::context_parallel_seconds, &StepTimeBreakdown::expert_parallel_seconds,
        &StepTimeBreakdown::pipeline_bubble_seconds,
        &StepTimeBreakdown::pipeline_communication_seconds,
        &StepTimeBreakdown::data_parallel_seconds, &StepTimeBreakdown::optimizer_seconds,
        &StepTimeBreakdown::other_seconds}) {
    step.*part *= factor;
  }
  return step;
}

LearningRatePlan MakeLearningRatePlan(const Size& size, double tokens) {
  LearningRateInputs inputs;
  inputs.non_embedding_param_count = size.law.non_embedding_params;
  inputs.token_count = tokens;
  inputs.training_flops = DeepSeekFlopsPerToken(static_cast<double>(size.shape.num_layers),
                                                static_cast<double>(size.shape.hidden_size),
                                                static_cast<double>(size.shape.sequence_length)) *
                          tokens;
  LearningRatePlan plan;
  const absl::StatusOr<LearningRateSuggestion> suggestion = SuggestLearningRate(inputs);
  if (!suggestion.ok()) return plan;
  plan.peak = suggestion->peak;
  plan.low = suggestion->low;
  plan.high = suggestion->high;
  plan.schedule = suggestion->schedule;
  plan.source = suggestion->source;
  return plan;
}

void AddHardware(const Problem& problem, const Size& size, const Candidate& choice, Plan& plan) {
  const PlanQuestion& q = problem.question();
  const GpuPool& pool = q.pools[static_cast<size_t>(choice.place.pool_index)];
  const SizeAtPlace at = problem.At(size, choice.place);
  const CostModel cost(size.shape, pool.gpu,
                       Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu},
                       q.framework, TimeConstantsWith(q.calibration.get(), pool.gpu.family));
  plan.allocation =
      AllocationPlan{pool.cluster,           pool.partition,          pool.gpu.id,
                     choice.place.gpu_count, choice.place.node_count, pool.gpus_per_node,
                     choice.place.pool_index};
  plan.layout = choice.layout;
  plan.gradient_accumulation_steps = choice.batch.micro_batches;
  plan.memory = MakeMemoryPlan(cost, choice.layout, choice.batch.micro_batches, at.capacity_bytes);
  const StepCost step = StepCostOf(problem, size, cost, choice.place, choice.layout);
  const double peak = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(0);
  plan.time = MakeTimePlan(
      cost, choice.layout, choice.batch.micro_batches, step.StepSeconds(choice.batch.micro_batches),
      q.mfu.has_value() ? size.flops_per_token : cost.ModelFlopsPerToken(),
      static_cast<double>(plan.batch.global_batch_tokens),
      static_cast<double>(choice.place.gpu_count), peak, choice.batch.step_count, at.overheads);
  if (q.mfu.has_value()) {
    plan.time->overheads.clear();
    plan.time->step_breakdown.reset();
  } else {
    AddWallInterval(TimeErrorWith(q.calibration.get(), pool.gpu.family), q.level, *plan.time);
  }
  plan.cost = MakeCostPlan(pool, choice.place.gpu_count, plan.time->wall_seconds);
  if (at.inference_usd > 0) {
    plan.cost->inference_usd = at.inference_usd;
    if (plan.cost->total_usd.has_value()) {
      plan.cost->lifetime_usd = *plan.cost->total_usd + at.inference_usd;
    }
  }
}

}  // namespace

TimePlan MakeTimePlan(const CostModel& cost, const Layout& layout, int64_t micro_batches,
                      double step_seconds, double flops_per_token_for_mfu, double batch_tokens,
                      double gpu_count, double peak_flops_per_second, int64_t step_count,
                      const OverheadModel& overheads) {
  TimePlan time;
  const double factor = overheads.step_time_factor;
  const double modelled_train_seconds = static_cast<double>(step_count) * step_seconds;
  time.step_seconds = factor * step_seconds;
  time.peak_flops_per_second = peak_flops_per_second;
  time.tokens_per_second = batch_tokens / time.step_seconds;
  time.mfu = flops_per_token_for_mfu * time.tokens_per_second / (gpu_count * peak_flops_per_second);
  time.train_seconds = factor * modelled_train_seconds;
  time.overheads = ItemiseOverheads(overheads, modelled_train_seconds);
  for (const Overhead& item : time.overheads) time.overhead_seconds += item.seconds;
  time.job_count = overheads.JobCount(modelled_train_seconds);
  if (overheads.job_limit_seconds < kUnlimited) {
    time.job_limit_seconds = overheads.job_limit_seconds;
  }
  time.wall_seconds = time.train_seconds + time.overhead_seconds;
  time.step_breakdown = Scaled(cost.Explain(layout, micro_batches), factor);
  return time;
}

void AddWallInterval(const TimeError& error, double level, TimePlan& time) {
  const double z = StandardNormalQuantile(0.5 + level / 2);
  // The tails of the measured errors are heavier than normal: at 90% use their own quantiles,
  // scaled to the level.
  const double z90 = StandardNormalQuantile(0.95);
  time.wall_low_seconds = time.wall_seconds * std::exp(error.log_quantile_05 * z / z90);
  time.wall_high_seconds = time.wall_seconds * std::exp(error.log_quantile_95 * z / z90);
}

MemoryPlan MakeMemoryPlan(const CostModel& cost, const Layout& layout, int64_t micro_batches,
                          double capacity_bytes) {
  const MemoryEstimate estimate = cost.Memory(layout, micro_batches, /*with_stages=*/true);
  MemoryPlan memory;
  memory.peak = estimate.peak;
  memory.stages = estimate.stages;
  memory.peak_bytes = estimate.peak_bytes;
  // What the counter shows beyond live tensors (allocator, context) belongs to the parts too: they
  // add up to the peak.
  memory.peak.counter_bytes += estimate.peak_bytes - estimate.peak.total_bytes();
  memory.p95_bytes = estimate.p95_bytes;
  memory.capacity_bytes = capacity_bytes;
  memory.headroom_bytes = capacity_bytes - estimate.peak_bytes;
  return memory;
}

CostPlan MakeCostPlan(const GpuPool& pool, int64_t gpu_count, double wall_seconds) {
  CostPlan cost;
  cost.gpu_hours = wall_seconds * static_cast<double>(gpu_count) / kSecondsPerHour;
  if (pool.price_usd_per_gpu_hour.has_value()) {
    cost.total_usd = cost.gpu_hours * *pool.price_usd_per_gpu_hour;
  }
  cost.energy_kwh = wall_seconds * static_cast<double>(gpu_count) * pool.gpu.board_watts *
                    kPowerUsageEffectiveness / kJoulesPerKilowattHour;
  cost.co2e_kg = cost.energy_kwh * kGridKgCo2ePerKwh;
  return cost;
}

Plan AssembleChoice(const Solution& solution) {
  const Problem& problem = *solution.problem;
  const PlanQuestion& q = problem.question();
  const Candidate& choice = *solution.result.best;
  const Size& size = problem.sizes()[static_cast<size_t>(choice.size_index)];
  Plan plan;
  plan.feasible = true;
  plan.search = solution.result.summary;
  plan.model = size.shape;
  const ParamCounts counts = CountParams(size.shape);
  const bool total = q.law.param_count_convention == ParamCountConvention::kTotal;
  plan.param_count = static_cast<double>(total ? counts.total : counts.non_embedding);
  plan.active_param_count = size.law.law_params;
  plan.batch = MakeBatchPlan(problem, size, choice);
  plan.token_count =
      std::llround(q.done_token_count) + choice.batch.step_count * plan.batch.global_batch_tokens;
  const double tokens = static_cast<double>(plan.token_count);
  plan.unique_token_count = q.unique_token_count;
  plan.epoch_count = q.unique_token_count.has_value() ? tokens / *q.unique_token_count : 1;
  plan.tokens_per_param = tokens / size.law.law_params;
  plan.training_flops = size.flops_per_token * tokens;
  const TokenUse use{tokens, q.unique_token_count, plan.batch.token_overhead};
  plan.loss.mean_nats = PredictLoss(q.law, size.law.law_params, use);
  if (const auto interval = PredictLossInterval(q.law, size.law.law_params, use, q.level)) {
    plan.loss.low_nats = interval->low_nats;
    plan.loss.high_nats = interval->high_nats;
    plan.loss.level = interval->level;
  }
  plan.learning_rate = MakeLearningRatePlan(size, tokens);
  if (problem.has_hardware()) {
    AddHardware(problem, size, choice, plan);
  } else if (q.gpu_without_count.has_value() && q.mfu.has_value()) {
    const GpuPool& pool = *q.gpu_without_count;
    const double peak = PeakFlopsPerSecond(pool.gpu, q.precision).value_or(0);
    plan.cost = MakeCostPlan(pool, 1, plan.training_flops / (peak * *q.mfu));
  }
  return plan;
}

}  // namespace rhumb
