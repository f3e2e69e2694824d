// SPDX-License-Identifier: Apache-2.0
#include "planner/track/replan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/status_macros.h"
#include "planner/track/replan_changes.h"
#include "planner/track/resume_advice.h"

namespace rhumb {
namespace {

constexpr double kTie = 1e-9;

// What the objective counts, less is better.
double CostOf(const Plan& plan, const PlanQuestion& question) {
  switch (plan.objective) {
    case Objective::kCost:
      return plan.cost->total_usd.value_or(plan.cost->gpu_hours);
    case Objective::kLoss:
      return 1 / (static_cast<double>(plan.token_count) - question.done_token_count);
    default:
      return plan.time->wall_seconds;
  }
}

bool IsBounded(const PlanQuestion& question) {
  return question.deadline_seconds || question.budget_usd || question.gpu_hours;
}

// `rest` on the GPUs and in the layout in force; nullopt where they are not among its pools.
std::optional<PlanQuestion> GoingOn(const PlanQuestion& rest, const RunUnderWay& run) {
  PlanQuestion question = rest;
  question.pools.clear();
  for (const GpuPool& pool : rest.pools) {
    if (pool.gpu.id != run.gpu_type || pool.gpu_count < run.gpu_count) continue;
    question.pools.push_back(pool);
    question.pools.back().gpu_count = run.gpu_count;
    break;
  }
  if (question.pools.empty()) return std::nullopt;
  const Layout& now = run.layout;
  question.layout.tensor_parallel_size = now.tensor_parallel_size;
  question.layout.pipeline_parallel_size = now.pipeline_parallel_size;
  question.layout.context_parallel_size = now.context_parallel_size;
  question.layout.expert_parallel_size = now.expert_parallel_size;
  question.layout.data_parallel_size = now.data_parallel_size;
  question.layout.virtual_pipeline_stages = now.virtual_pipeline_stages;
  question.layout.zero_stage = now.zero_stage;
  question.layout.micro_batch_size = now.micro_batch_size;
  question.layout.recompute = now.recompute;
  question.layout.gradient_accumulation_steps = run.gradient_accumulation_steps;
  return question;
}

// Plans `rest`, or goes on as before if that is as good but for `gain`.
absl::StatusOr<Replan> PlanRest(const PlanQuestion& rest, const RunUnderWay& run, double gain,
                                const PlanOptions& options) {
  Replan replan;
  replan.question = rest;
  RHUMB_ASSIGN_OR_RETURN(replan.plan, MakePlan(rest, options));
  const std::optional<PlanQuestion> as_before = GoingOn(rest, run);
  if (!replan.plan.feasible || !as_before.has_value()) return replan;
  RHUMB_ASSIGN_OR_RETURN(Plan going_on, MakePlan(*as_before, options));
  if (!going_on.feasible) return replan;
  replan.going_on_wall_seconds = going_on.time->wall_seconds;
  const double least = CostOf(replan.plan, rest);
  if (least < CostOf(going_on, rest) * (1 - gain) * (1 - kTie)) return replan;
  replan.kept = true;
  replan.question = *as_before;
  replan.plan = std::move(going_on);
  return replan;
}

// Wall time of the best plan in the run's own batch where `plan` has another, if that is nearly as
// good; nullopt if it is not, or there is none.
absl::StatusOr<std::optional<double>> InOwnBatch(const PlanQuestion& question,
                                                 const RunUnderWay& run, const Plan& plan,
                                                 const PlanOptions& options) {
  if (plan.batch.global_batch_tokens == run.global_batch_tokens) return std::nullopt;
  PlanQuestion own = question;
  own.min_global_batch_tokens = own.max_global_batch_tokens = run.global_batch_tokens;
  RHUMB_ASSIGN_OR_RETURN(const Plan held, MakePlan(own, options));
  if (!held.feasible || CostOf(held, own) > CostOf(plan, question) * (1 + kWorthwhileGain)) {
    return std::nullopt;
  }
  return held.time->wall_seconds;
}

}  // namespace

std::optional<double> MeasuredPace(double planned_step_seconds,
                                   const std::vector<double>& step_seconds) {
  const std::optional<double> median = RecentMedian(step_seconds);
  if (!(planned_step_seconds > 0) || !(median.value_or(0) > 0)) return std::nullopt;
  return std::round(1e4 * *median / planned_step_seconds) / 1e4;
}

std::vector<FieldViolation> ValidateReplan(const PlanQuestion& question, const RunUnderWay& run,
                                           const ReplanAsk& ask) {
  std::vector<FieldViolation> violations;
  const auto add = [&](const char* field, std::string description) {
    violations.push_back({field, std::move(description)});
  };
  if (!(ask.batch_tolerance_fraction > 0) || ask.batch_tolerance_fraction > 1) {
    add("batch_tolerance_fraction",
        absl::StrCat("must be in (0, 1], got ", ask.batch_tolerance_fraction));
    return violations;
  }
  if (run.done_token_count < 0) {
    add("done_token_count", absl::StrCat("must not be negative, got ", run.done_token_count));
    return violations;
  }
  const int64_t end = ask.token_count.value_or(run.token_count);
  if (end - run.done_token_count < run.global_batch_tokens) {
    add("token_count",
        absl::StrCat("leaves nothing to plan: ", run.done_token_count, " of ", end,
                     " tokens are done, and a step takes ", run.global_batch_tokens));
    return violations;
  }
  const PlanQuestion rest = RestOfRun(question, run, ask);
  if (ask.shorten && !IsBounded(rest)) {
    add("shorten",
        "needs a limit: give deadline_seconds or budget_usd; the run's plan had none that is left");
  }
  // What the rest is made of keeps the names that the caller knows.
  for (FieldViolation& violation : ValidateQuestion(rest)) {
    if (violation.field == "step_time_factor") {
      violation.field = "name";
      violation.description = absl::StrFormat(
          "has steps of %.4g times their planned time, beyond what a plan is scaled by (0.01 to "
          "100): plan the rest anew with rhumb plan",
          rest.step_time_factor);
    }
    violations.push_back(std::move(violation));
  }
  return violations;
}

PlanQuestion RestOfRun(const PlanQuestion& question, const RunUnderWay& run, const ReplanAsk& ask) {
  PlanQuestion rest = question;
  // Sunk: the model, and with it what tokens are.
  rest.architecture = run.model;
  rest.sequence_length = run.model.sequence_length;
  rest.vocab_size = run.model.vocab_size;
  rest.param_count.reset();
  rest.min_param_count.reset();
  rest.max_param_count.reset();
  rest.param_count_convention.reset();
  rest.tokens_per_param.reset();
  rest.serving_memory_bytes.reset();
  rest.inference = {};
  rest.target_loss_nats.reset();
  rest.done_token_count = static_cast<double>(run.done_token_count);
  rest.done_step_count = run.done_step_count;
  rest.token_count = static_cast<double>(ask.token_count.value_or(run.token_count));
  // Held: the batch.
  const double batch = static_cast<double>(run.global_batch_tokens);
  rest.global_batch_tokens.reset();
  rest.min_global_batch_tokens = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(batch * (1 - ask.batch_tolerance_fraction) - kTie)));
  rest.max_global_batch_tokens =
      static_cast<int64_t>(std::floor(batch * (1 + ask.batch_tolerance_fraction) + kTie));
  // Free: GPUs and layout, within the limits that a question set to them.
  rest.layout = {};
  rest.layout.max_tensor_parallel_size = question.layout.max_tensor_parallel_size;
  rest.layout.max_pipeline_parallel_size = question.layout.max_pipeline_parallel_size;
  if (ask.pools.has_value()) rest.pools = *ask.pools;
  rest.gpu_without_count.reset();
  rest.compute_flops.reset();
  rest.lifetime_compute_flops.reset();
  rest.deadline_seconds = ask.deadline_seconds;
  rest.budget_usd = ask.budget_usd;
  rest.gpu_hours.reset();
  if (ask.shorten && !IsBounded(rest)) {
    rest.deadline_seconds = run.deadline_seconds;
    rest.budget_usd = run.budget_usd;
    rest.gpu_hours = run.gpu_hours;
  }
  const bool by_cost =
      run.objective == Objective::kCost || run.objective == Objective::kLifetimeCost;
  rest.objective = by_cost ? Objective::kCost : Objective::kTime;
  rest.include_alternatives = false;
  rest.step_time_factor = question.step_time_factor *
                          MeasuredPace(run.planned_step_seconds, run.step_seconds).value_or(1);
  return rest;
}

absl::StatusOr<Replan> ReplanRest(const PlanQuestion& question, const RunUnderWay& run,
                                  const ReplanAsk& ask, const PlanOptions& options) {
  const std::vector<FieldViolation> violations = ValidateReplan(question, run, ask);
  if (!violations.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(violations[0].field, ": ", violations[0].description));
  }
  const PlanQuestion rest = RestOfRun(question, run, ask);
  const double gain = ask.pools.has_value() ? 0 : kWorthwhileGain;
  RHUMB_ASSIGN_OR_RETURN(Replan replan, PlanRest(rest, run, gain, options));
  if (!replan.plan.feasible && replan.plan.search.complete && ask.shorten) {
    PlanQuestion shorter = rest;
    shorter.token_count.reset();
    shorter.objective = Objective::kLoss;
    RHUMB_ASSIGN_OR_RETURN(Replan cut, PlanRest(shorter, run, gain, options));
    // What could not train on all tokens trains on fewer.
    if (cut.plan.feasible && static_cast<double>(cut.plan.token_count) < *rest.token_count) {
      replan = std::move(cut);
      replan.shortened = true;
    }
  }
  if (replan.plan.feasible) {
    replan.changes = DescribeChanges(run, replan.plan);
    RHUMB_ASSIGN_OR_RETURN(replan.own_batch_wall_seconds,
                           InOwnBatch(replan.question, run, replan.plan, options));
  }
  replan.advice = AdviseOnReplan(rest, run, ask, replan);
  if (replan.plan.feasible && !replan.changes.empty()) {
    for (ReplanAdvice& advice : AdviseOnResume(rest.framework.name, run, replan.plan)) {
      replan.advice.push_back(std::move(advice));
    }
  }
  return replan;
}

}  // namespace rhumb
