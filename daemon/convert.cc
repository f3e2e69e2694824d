// SPDX-License-Identifier: Apache-2.0
#include "daemon/convert.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "planner/plan/make_plan.h"

namespace rhumb::daemon {
namespace {

// Counts of the planner are doubles where formulas need them; whole numbers on the wire.
int64_t ToCount(double value) { return std::llround(value); }

v1::StageMemory ToProto(const StageMemory& stage) {
  v1::StageMemory out;
  out.set_weights_bytes(stage.weights_bytes);
  out.set_gradients_bytes(stage.gradients_bytes);
  out.set_optimizer_bytes(stage.optimizer_bytes);
  out.set_activations_bytes(stage.activations_bytes);
  out.set_other_bytes(stage.other_bytes());
  out.set_logits_bytes(stage.logits_bytes);
  out.set_workspace_bytes(stage.workspace_bytes);
  out.set_counter_bytes(stage.counter_bytes);
  out.set_total_bytes(stage.total_bytes());
  return out;
}

v1::MemoryPlan ToProto(const MemoryPlan& memory) {
  v1::MemoryPlan out;
  out.set_peak_bytes(memory.peak_bytes);
  out.set_p95_bytes(memory.p95_bytes);
  out.set_capacity_bytes(memory.capacity_bytes);
  out.set_headroom_bytes(memory.headroom_bytes);
  out.set_weights_bytes(memory.peak.weights_bytes);
  out.set_gradients_bytes(memory.peak.gradients_bytes);
  out.set_optimizer_bytes(memory.peak.optimizer_bytes);
  out.set_activations_bytes(memory.peak.activations_bytes);
  out.set_other_bytes(memory.peak.other_bytes());
  out.set_logits_bytes(memory.peak.logits_bytes);
  out.set_workspace_bytes(memory.peak.workspace_bytes);
  out.set_counter_bytes(memory.peak.counter_bytes);
  for (const StageMemory& stage : memory.stages) *out.add_stages() = ToProto(stage);
  return out;
}

v1::StepBreakdown ToProto(const StepTimeBreakdown& step) {
  v1::StepBreakdown out;
  out.set_compute_seconds(step.compute_seconds);
  out.set_tensor_parallel_seconds(step.tensor_parallel_seconds);
  out.set_context_parallel_seconds(step.context_parallel_seconds);
  out.set_expert_parallel_seconds(step.expert_parallel_seconds);
  out.set_pipeline_bubble_seconds(step.pipeline_bubble_seconds);
  out.set_pipeline_communication_seconds(step.pipeline_communication_seconds);
  out.set_data_parallel_seconds(step.data_parallel_seconds);
  out.set_optimizer_seconds(step.optimizer_seconds);
  out.set_other_seconds(step.other_seconds);
  return out;
}

v1::TimePlan ToProto(const TimePlan& time) {
  v1::TimePlan out;
  out.set_step_seconds(time.step_seconds);
  out.set_mfu(time.mfu);
  out.set_tokens_per_second(time.tokens_per_second);
  out.set_train_seconds(time.train_seconds);
  out.set_overhead_seconds(time.overhead_seconds);
  for (const Overhead& overhead : time.overheads) {
    auto* item = out.add_overheads();
    item->set_item(overhead.item);
    item->set_seconds(overhead.seconds);
  }
  out.set_wall_seconds(time.wall_seconds);
  if (time.wall_low_seconds) out.set_wall_low_seconds(*time.wall_low_seconds);
  if (time.wall_high_seconds) out.set_wall_high_seconds(*time.wall_high_seconds);
  if (time.step_breakdown) *out.mutable_step_breakdown() = ToProto(*time.step_breakdown);
  out.set_peak_flops_per_second(time.peak_flops_per_second);
  out.set_job_count(time.job_count);
  if (time.job_limit_seconds) out.set_job_limit_seconds(*time.job_limit_seconds);
  return out;
}

v1::Layout ToProto(const Layout& layout, int64_t accumulation_steps,
                   const FrameworkProfile& framework) {
  v1::Layout out;
  out.set_tensor_parallel_size(layout.tensor_parallel_size);
  out.set_pipeline_parallel_size(layout.pipeline_parallel_size);
  out.set_context_parallel_size(layout.context_parallel_size);
  out.set_expert_parallel_size(layout.expert_parallel_size);
  out.set_data_parallel_size(layout.data_parallel_size);
  out.set_virtual_pipeline_stages(layout.virtual_pipeline_stages);
  out.set_zero_stage(layout.zero_stage);
  out.set_micro_batch_size(layout.micro_batch_size);
  out.set_gradient_accumulation_steps(accumulation_steps);
  out.set_recompute(daemon::ToProto(layout.recompute));
  out.set_precision(daemon::ToProto(layout.precision));
  out.set_framework(framework.name);
  return out;
}

v1::Plan::Allocation ToProto(const AllocationPlan& allocation) {
  v1::Plan::Allocation out;
  out.set_cluster(allocation.cluster);
  out.set_partition(allocation.partition);
  out.set_gpu_type(allocation.gpu_type);
  out.set_gpu_count(allocation.gpu_count);
  out.set_node_count(allocation.node_count);
  out.set_gpus_per_node(allocation.gpus_per_node);
  return out;
}

v1::Plan::Cost ToProto(const CostPlan& cost) {
  v1::Plan::Cost out;
  if (cost.total_usd) out.set_total_usd(*cost.total_usd);
  out.set_gpu_hours(cost.gpu_hours);
  out.set_energy_kwh(cost.energy_kwh);
  out.set_co2e_kg(cost.co2e_kg);
  if (cost.inference_usd) out.set_inference_usd(*cost.inference_usd);
  if (cost.lifetime_usd) out.set_lifetime_usd(*cost.lifetime_usd);
  return out;
}

v1::Plan::LawOptimum ToProto(const LawOptimumSummary& optimum) {
  v1::Plan::LawOptimum out;
  out.set_param_count(optimum.param_count);
  out.set_token_count(optimum.token_count);
  out.set_tokens_per_param(optimum.tokens_per_param);
  out.set_training_flops(optimum.training_flops);
  out.set_loss_nats(optimum.loss_nats);
  if (optimum.gpu_hours) out.set_gpu_hours(*optimum.gpu_hours);
  if (optimum.cost_usd) out.set_cost_usd(*optimum.cost_usd);
  if (optimum.lifetime_flops) out.set_lifetime_flops(*optimum.lifetime_flops);
  out.set_param_count_low_0p1pct(optimum.param_count_low_0p1pct);
  out.set_param_count_high_0p1pct(optimum.param_count_high_0p1pct);
  out.set_param_count_low_1pct(optimum.param_count_low_1pct);
  out.set_param_count_high_1pct(optimum.param_count_high_1pct);
  return out;
}

v1::Plan::Batch ToProto(const BatchPlan& batch) {
  v1::Plan::Batch out;
  out.set_global_batch_tokens(batch.global_batch_tokens);
  out.set_global_batch_size(batch.global_batch_size);
  out.set_critical_batch_tokens(batch.critical_batch_tokens);
  out.set_critical_low_tokens(batch.critical_low_tokens);
  out.set_critical_high_tokens(batch.critical_high_tokens);
  out.set_step_count(batch.step_count);
  out.set_source(batch.source);
  out.set_token_overhead(batch.token_overhead);
  return out;
}

v1::Plan::LearningRate ToProto(const LearningRatePlan& rate) {
  v1::Plan::LearningRate out;
  out.set_peak(rate.peak);
  out.set_low(rate.low);
  out.set_high(rate.high);
  out.set_schedule(rate.schedule);
  out.set_source(rate.source);
  return out;
}

v1::Plan::Alternative ToProto(const Alternative& alternative) {
  v1::Plan::Alternative out;
  out.set_text(alternative.text);
  out.set_param_count(alternative.param_count);
  out.set_token_count(alternative.token_count);
  out.set_loss_nats(alternative.loss_nats);
  out.set_gpu_type(alternative.gpu_type);
  out.set_gpu_count(alternative.gpu_count);
  out.set_wall_seconds(alternative.wall_seconds);
  out.set_gpu_hours(alternative.gpu_hours);
  if (alternative.total_usd) out.set_total_usd(*alternative.total_usd);
  return out;
}

v1::Plan::LayoutChoice ToProto(const LayoutChoice& choice, const FrameworkProfile& framework) {
  v1::Plan::LayoutChoice out;
  *out.mutable_layout() = ToProto(choice.layout, choice.gradient_accumulation_steps, framework);
  out.set_global_batch_tokens(choice.global_batch_tokens);
  out.set_token_count(choice.token_count);
  out.set_loss_nats(choice.loss_nats);
  out.set_step_seconds(choice.step_seconds);
  out.set_tokens_per_second(choice.tokens_per_second);
  out.set_mfu(choice.mfu);
  out.set_wall_seconds(choice.wall_seconds);
  *out.mutable_step_breakdown() = ToProto(choice.step_breakdown);
  out.set_peak_bytes(choice.peak_bytes);
  out.set_p95_bytes(choice.p95_bytes);
  return out;
}

v1::Plan::Calibration ToProto(const TimeCalibration& calibration, const std::string& gpu_family) {
  v1::Plan::Calibration out;
  out.set_name(calibration.name);
  out.set_version(calibration.version);
  out.set_gpu_family(gpu_family);
  const CalibratedFamily* family = FindFamily(&calibration, gpu_family);
  if (family == nullptr) return out;
  out.set_run_count(family->run_count);
  out.set_table_count(family->table_count);
  if (family->left_out_error >= 0) out.set_left_out_error_fraction(family->left_out_error);
  return out;
}

// What only feasible plans have.
void AddFeasible(const Plan& plan, const PlanQuestion& question, v1::Plan& out) {
  const ParamCountConvention convention = question.law.param_count_convention;
  *out.mutable_model() = daemon::ToProto(plan.model, convention);
  out.mutable_model()->set_param_count(ToCount(plan.param_count));
  out.mutable_model()->set_active_param_count(ToCount(plan.active_param_count));
  out.set_token_count(plan.token_count);
  if (plan.unique_token_count) out.set_unique_token_count(ToCount(*plan.unique_token_count));
  out.set_epoch_count(plan.epoch_count);
  out.set_tokens_per_param(plan.tokens_per_param);
  out.set_training_flops(plan.training_flops);
  *out.mutable_loss() = daemon::ToProto(plan.loss);
  *out.mutable_batch() = ToProto(plan.batch);
  *out.mutable_learning_rate() = ToProto(plan.learning_rate);
  if (plan.allocation) {
    *out.mutable_allocation() = ToProto(*plan.allocation);
    out.mutable_calibration();  // no name, no runs: the constants as shipped
    if (question.calibration != nullptr) {
      const GpuPool& pool = question.pools[static_cast<size_t>(plan.allocation->pool_index)];
      *out.mutable_calibration() = ToProto(*question.calibration, pool.gpu.family);
    }
  }
  if (plan.layout) {
    *out.mutable_layout() =
        ToProto(*plan.layout, plan.gradient_accumulation_steps, question.framework);
  }
  if (plan.memory) *out.mutable_memory() = ToProto(*plan.memory);
  if (plan.time) *out.mutable_time() = ToProto(*plan.time);
  if (plan.cost) *out.mutable_cost() = ToProto(*plan.cost);
  for (const LayoutChoice& choice : plan.best_layouts) {
    *out.add_best_layouts() = ToProto(choice, question.framework);
  }
}

void AddInfeasible(const Plan& plan, v1::Plan& out) {
  auto* infeasibility = out.mutable_infeasibility();
  for (const std::string& constraint : plan.conflict) infeasibility->add_conflict(constraint);
  for (const Relaxation& relaxation : plan.relaxations) {
    auto* item = infeasibility->add_relaxations();
    item->set_constraint(relaxation.constraint);
    item->set_from(relaxation.from);
    item->set_to(relaxation.to);
    item->set_text(relaxation.text);
  }
}

}  // namespace

v1::LossEstimate ToProto(const LossEstimate& loss) {
  v1::LossEstimate out;
  out.set_mean_nats(loss.mean_nats);
  if (loss.low_nats) out.set_low_nats(*loss.low_nats);
  if (loss.high_nats) out.set_high_nats(*loss.high_nats);
  if (loss.level) out.set_level(*loss.level);
  return out;
}

v1::Plan::Assumption ToProto(const Assumption& assumption) {
  v1::Plan::Assumption out;
  out.set_field(assumption.field);
  out.set_value(assumption.value);
  out.set_source(assumption.source);
  return out;
}

v1::Plan::Warning ToProto(const PlanWarning& warning) {
  v1::Plan::Warning out;
  out.set_code(warning.code);
  out.set_text(warning.text);
  return out;
}

v1::Plan ToProto(const Plan& plan, const PlanQuestion& question) {
  v1::Plan out;
  out.set_state(plan.feasible ? v1::Plan::STATE_FEASIBLE : v1::Plan::STATE_INFEASIBLE);
  out.set_objective(daemon::ToProto(plan.objective));
  if (plan.law_optimum) *out.mutable_law_optimum() = ToProto(*plan.law_optimum);
  if (plan.feasible) AddFeasible(plan, question, out);
  if (!plan.feasible) AddInfeasible(plan, out);
  for (const Binding& binding : plan.binding) {
    auto* item = out.add_binding();
    item->set_constraint(binding.constraint);
    if (binding.shadow_price) item->set_shadow_price(*binding.shadow_price);
    item->set_unit(binding.unit);
    item->set_text(binding.text);
  }
  for (const Alternative& alternative : plan.alternatives)
    *out.add_alternatives() = ToProto(alternative);
  for (const Assumption& assumption : plan.assumptions)
    *out.add_assumptions() = daemon::ToProto(assumption);
  for (const PlanWarning& warning : plan.warnings) *out.add_warnings() = daemon::ToProto(warning);
  auto* search = out.mutable_search();
  search->set_candidate_count(plan.search.candidate_count);
  search->set_evaluated_count(plan.search.evaluated_count);
  search->set_pruned_count(plan.search.pruned_count);
  search->set_complete(plan.search.complete);
  return out;
}

v1::CheckConfigurationResponse ToProto(const CheckAnswer& answer, const CheckQuestion& question) {
  v1::CheckConfigurationResponse out;
  out.set_fits(answer.fits);
  out.set_fits_p95(answer.fits_p95);
  if (answer.finishes) out.set_finishes(*answer.finishes);
  *out.mutable_memory() = ToProto(answer.memory);
  *out.mutable_time() = ToProto(answer.time);
  for (const Advice& advice : answer.advice) {
    auto* item = out.add_advice();
    item->set_code(advice.code);
    item->set_text(advice.text);
    item->set_directive(advice.directive);
  }
  *out.mutable_model() = daemon::ToProto(answer.model, ParamCountConvention::kTotal);
  *out.mutable_allocation() = ToProto(answer.allocation);
  *out.mutable_layout() =
      ToProto(answer.layout, answer.gradient_accumulation_steps, question.framework);
  if (answer.cost) *out.mutable_cost() = ToProto(*answer.cost);
  for (const Assumption& assumption : answer.assumptions)
    *out.add_assumptions() = daemon::ToProto(assumption);
  for (const PlanWarning& warning : answer.warnings) *out.add_warnings() = daemon::ToProto(warning);
  if (question.calibration != nullptr) {
    *out.mutable_calibration() = ToProto(*question.calibration, question.pool.gpu.family);
  }
  return out;
}

void KeepBasicView(v1::Plan& plan) {
  if (plan.has_memory()) plan.mutable_memory()->clear_stages();
  if (plan.has_time()) plan.mutable_time()->clear_step_breakdown();
  plan.clear_best_layouts();
}

}  // namespace rhumb::daemon
