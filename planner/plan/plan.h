// SPDX-License-Identifier: Apache-2.0
// The answer to a PlanQuestion as plain data. Field meanings and units: proto/rhumb/v1/plan.proto.
#ifndef RHUMB_PLANNER_PLAN_PLAN_H_
#define RHUMB_PLANNER_PLAN_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "planner/cost/cost_model.h"
#include "planner/plan/question.h"

namespace rhumb {

struct LawOptimumSummary {
  double param_count = 0, token_count = 0, tokens_per_param = 0, training_flops = 0, loss_nats = 0;
  std::optional<double> gpu_hours, cost_usd, lifetime_flops;
  double param_count_low_0p1pct = 0, param_count_high_0p1pct = 0;
  double param_count_low_1pct = 0, param_count_high_1pct = 0;
};

struct LossEstimate {
  double mean_nats = 0;
  std::optional<double> low_nats, high_nats, level;  // absent without a covariance
};

struct BatchPlan {
  int64_t global_batch_tokens = 0, global_batch_size = 0;
  double critical_batch_tokens = 0, critical_low_tokens = 0, critical_high_tokens = 0;
  int64_t step_count = 0;
  std::string source;
  double token_overhead = 1;
};

struct LearningRatePlan {
  double peak = 0, low = 0, high = 0;
  std::string schedule, source;
};

struct AllocationPlan {
  std::string cluster, partition, gpu_type;
  int64_t gpu_count = 0, node_count = 0, gpus_per_node = 0;
  int pool_index = 0;  // in the question
};

struct MemoryPlan {
  double peak_bytes = 0, p95_bytes = 0, capacity_bytes = 0, headroom_bytes = 0;
  StageMemory peak;  // of the fullest stage
  std::vector<StageMemory> stages;
};

struct Overhead {
  std::string item;
  double seconds = 0;
};

struct TimePlan {
  double step_seconds = 0, mfu = 0, tokens_per_second = 0, train_seconds = 0, overhead_seconds = 0;
  std::vector<Overhead> overheads;
  double wall_seconds = 0;
  std::optional<double> wall_low_seconds, wall_high_seconds;
  std::optional<StepTimeBreakdown> step_breakdown;
  double peak_flops_per_second = 0;
  int64_t job_count = 1;
  std::optional<double> job_limit_seconds;  // absent: jobs may take as long as they like
};

struct CostPlan {
  std::optional<double> total_usd;
  double gpu_hours = 0, energy_kwh = 0, co2e_kg = 0;
  std::optional<double> inference_usd, lifetime_usd;
};

struct Binding {
  std::string constraint;
  std::optional<double> shadow_price;
  std::string unit, text;
};

struct Relaxation {
  std::string constraint;
  double from = 0, to = 0;
  std::string text;
};

struct Alternative {
  std::string text;
  int64_t param_count = 0, token_count = 0;
  double loss_nats = 0;
  std::string gpu_type;
  int64_t gpu_count = 0;
  double wall_seconds = 0, gpu_hours = 0;
  std::optional<double> total_usd;
};

// A layout of the plan's model on its GPUs, with its own best batch and tokens.
struct LayoutChoice {
  Layout layout;
  int64_t gradient_accumulation_steps = 1, global_batch_tokens = 0, token_count = 0;
  double loss_nats = 0;
  double step_seconds = 0, tokens_per_second = 0, mfu = 0, wall_seconds = 0;
  StepTimeBreakdown step_breakdown;  // adds up to step_seconds
  double peak_bytes = 0, p95_bytes = 0;
};

struct PlanWarning {
  std::string code, text;
};

struct SearchSummary {
  int64_t candidate_count = 0, evaluated_count = 0, pruned_count = 0;
  bool complete = true;
};

struct Plan {
  bool feasible = false;
  Objective objective = Objective::kLoss;
  std::optional<LawOptimumSummary> law_optimum;  // absent when the law alone is infeasible

  // The rest up to `binding` is filled for feasible plans only; the hardware parts need hardware.
  ModelShape model;
  double param_count = 0;  // by the law's convention
  double active_param_count = 0;
  int64_t token_count = 0;
  std::optional<double> unique_token_count;
  double epoch_count = 1, tokens_per_param = 0, training_flops = 0;
  LossEstimate loss;
  BatchPlan batch;
  LearningRatePlan learning_rate;
  std::optional<AllocationPlan> allocation;
  std::optional<Layout> layout;
  int64_t gradient_accumulation_steps = 1;
  std::optional<MemoryPlan> memory;
  std::optional<TimePlan> time;
  std::optional<CostPlan> cost;
  std::vector<Binding> binding;

  std::vector<std::string> conflict;  // infeasible plans: a minimal set
  std::vector<Relaxation> relaxations;

  std::vector<LayoutChoice> best_layouts;  // best first
  std::vector<Alternative> alternatives;
  std::vector<Assumption> assumptions;
  std::vector<PlanWarning> warnings;
  SearchSummary search;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_PLAN_H_
