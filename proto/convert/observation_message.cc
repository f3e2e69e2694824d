// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/observation_message.h"

#include "proto/convert/law_message.h"

namespace rhumb::convert {

Observation FromProto(const v1::Observation& in) {
  Observation out;
  out.param_count = in.param_count();
  out.token_count = in.token_count();
  out.loss_nats = in.loss_nats();
  if (in.has_training_flops()) out.training_flops = in.training_flops();
  if (in.has_unique_token_count()) out.unique_token_count = in.unique_token_count();
  if (in.has_global_batch_tokens()) out.global_batch_tokens = in.global_batch_tokens();
  if (in.has_learning_rate()) out.learning_rate = in.learning_rate();
  if (in.has_step_count()) out.step_count = in.step_count();
  if (in.has_schedule_fraction()) out.schedule_fraction = in.schedule_fraction();
  if (in.has_task_metric()) out.task_metric = in.task_metric();
  if (in.has_weight()) out.weight = in.weight();
  out.run = in.run();
  return out;
}

v1::Observation ToProto(const Observation& in) {
  v1::Observation out;
  out.set_param_count(in.param_count);
  out.set_token_count(in.token_count);
  out.set_loss_nats(in.loss_nats);
  if (in.training_flops.has_value()) out.set_training_flops(*in.training_flops);
  if (in.unique_token_count.has_value()) out.set_unique_token_count(*in.unique_token_count);
  if (in.global_batch_tokens.has_value()) {
    out.set_global_batch_tokens(*in.global_batch_tokens);
  }
  if (in.learning_rate.has_value()) out.set_learning_rate(*in.learning_rate);
  if (in.step_count.has_value()) out.set_step_count(*in.step_count);
  if (in.schedule_fraction.has_value()) out.set_schedule_fraction(*in.schedule_fraction);
  if (in.task_metric.has_value()) out.set_task_metric(*in.task_metric);
  if (in.weight != 1) out.set_weight(in.weight);
  out.set_run(in.run);
  return out;
}

ObservationSet FromProto(const v1::ObservationSet& in, const std::vector<v1::Observation>& rows) {
  ObservationSet out;
  out.param_count_convention =
      FromProto(in.param_count_convention()).value_or(ParamCountConvention::kTotal);
  out.flops_convention = FromProto(in.flops_convention()).value_or(FlopsConvention::kSixNd);
  out.tokenizer = in.tokenizer();
  out.dataset = in.dataset();
  out.source = in.source();
  out.observations.reserve(rows.size());
  for (const v1::Observation& row : rows) out.observations.push_back(FromProto(row));
  return out;
}

}  // namespace rhumb::convert
