// SPDX-License-Identifier: Apache-2.0
// A feasible plan, written by hand: 16 layers on two nodes of eight.
#ifndef RHUMB_TESTS_CLIENT_LAUNCH_PLAN_FIXTURE_H_
#define RHUMB_TESTS_CLIENT_LAUNCH_PLAN_FIXTURE_H_

#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

inline v1::Plan MakePlan() {
  v1::Plan plan;
  plan.set_name("plans/p-1");
  plan.set_state(v1::Plan::STATE_FEASIBLE);
  plan.set_planner_version("0.1.0");
  plan.mutable_law()->set_name("besiroglu2024");
  plan.mutable_loss()->set_mean_nats(2.25);
  v1::Architecture& model = *plan.mutable_model();
  model.set_name("rhumb-l16-h2048-f5504");
  model.set_param_count(1'300'000'000);
  model.set_num_layers(16);
  model.set_hidden_size(2048);
  model.set_num_attention_heads(16);
  model.set_num_key_value_heads(8);
  model.set_head_dim(128);
  model.set_ffn_hidden_size(5504);
  model.set_gated(true);
  model.set_vocab_size(128256);
  model.set_sequence_length(8192);
  model.set_norm_type(v1::NORM_TYPE_RMS);
  model.set_norms_per_layer(2);
  plan.set_token_count(26'000'000'000);
  plan.mutable_batch()->set_global_batch_size(128);
  plan.mutable_batch()->set_global_batch_tokens(128 * 8192);
  plan.mutable_batch()->set_step_count(24796);
  plan.mutable_learning_rate()->set_peak(6.505e-4);
  plan.mutable_learning_rate()->set_schedule(
      "cosine to 10% of peak, ended at the planned tokens, after linear warm-up");
  v1::Plan::Allocation& allocation = *plan.mutable_allocation();
  allocation.set_gpu_type("H100-SXM5-80GB");
  allocation.set_gpu_count(16);
  allocation.set_node_count(2);
  allocation.set_gpus_per_node(8);
  v1::Layout& layout = *plan.mutable_layout();
  layout.set_tensor_parallel_size(1);
  layout.set_pipeline_parallel_size(1);
  layout.set_context_parallel_size(1);
  layout.set_expert_parallel_size(1);
  layout.set_data_parallel_size(16);
  layout.set_virtual_pipeline_stages(1);
  layout.set_zero_stage(3);
  layout.set_micro_batch_size(2);
  layout.set_gradient_accumulation_steps(4);
  layout.set_recompute(v1::RECOMPUTE_NONE);
  layout.set_precision(v1::PRECISION_BF16);
  layout.set_framework("megatron");
  plan.mutable_memory()->set_peak_bytes(5e10);
  plan.mutable_time()->set_step_seconds(2);
  plan.mutable_time()->set_mfu(0.4);
  plan.mutable_time()->set_wall_seconds(50000);
  plan.mutable_time()->set_wall_high_seconds(86400 + 3601);
  return plan;
}

}  // namespace rhumb::launch

#endif  // RHUMB_TESTS_CLIENT_LAUNCH_PLAN_FIXTURE_H_
