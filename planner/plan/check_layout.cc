// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/check_layout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb {

absl::Status ValidateCheckLayout(const CheckQuestion& q, const ModelShape& shape,
                                 const Layout& layout) {
  return q.expert_tensor_parallel_size.has_value() ? ValidateRunnableLayout(shape, layout)
                                                   : ValidateLayout(shape, layout);
}

FrameworkProfile CheckProfile(const CheckQuestion& q) {
  FrameworkProfile profile = q.framework;
  if (q.overlap_tensor_parallel.has_value()) {
    profile.overlaps_tensor_parallel = *q.overlap_tensor_parallel;
  }
  if (q.overlap_data_parallel.has_value()) {
    profile.overlaps_data_parallel = *q.overlap_data_parallel;
  }
  return profile;
}

absl::StatusOr<Layout> ResolveCheckLayout(const CheckQuestion& q, const ModelShape& shape) {
  const LayoutConstraints& given = q.layout;
  Layout layout;
  layout.tensor_parallel_size = given.tensor_parallel_size.value_or(1);
  layout.pipeline_parallel_size = given.pipeline_parallel_size.value_or(1);
  layout.context_parallel_size = given.context_parallel_size.value_or(1);
  layout.expert_parallel_size = given.expert_parallel_size.value_or(1);
  layout.virtual_pipeline_stages = given.virtual_pipeline_stages.value_or(1);
  layout.micro_batch_size = given.micro_batch_size.value_or(1);
  layout.recompute = given.recompute.value_or(Recompute::kNone);
  layout.precision = q.precision;
  layout.sequence_parallel = layout.tensor_parallel_size > 1 && q.sequence_parallel.value_or(true);
  layout.expert_tensor_parallel_size = q.expert_tensor_parallel_size.value_or(1);
  const int64_t model_gpus =
      layout.tensor_parallel_size * layout.pipeline_parallel_size * layout.context_parallel_size;
  if (q.pool.gpu_count % model_gpus != 0) {
    return absl::InvalidArgumentError(absl::StrCat("tensor x pipeline x context parallel size ",
                                                   model_gpus, " must divide the ",
                                                   q.pool.gpu_count, " GPUs"));
  }
  layout.data_parallel_size = q.pool.gpu_count / model_gpus;
  if (given.data_parallel_size.value_or(layout.data_parallel_size) != layout.data_parallel_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("data_parallel_size ", *given.data_parallel_size, " x ", model_gpus,
                     " (tensor x pipeline x context) is not the ", q.pool.gpu_count,
                     " GPUs; expected ", layout.data_parallel_size));
  }
  const bool replicated = layout.data_parallel_size * layout.context_parallel_size > 1;
  layout.zero_stage =
      given.zero_stage.value_or(replicated ? q.framework.layouts.default_zero_stage : 0);
  RHUMB_RETURN_IF_ERROR(ValidateCheckLayout(q, shape, layout));
  return layout;
}

absl::StatusOr<int64_t> ResolveAccumulation(const CheckQuestion& q, const Layout& layout,
                                            int64_t sequence_length) {
  const int64_t unit = layout.micro_batch_size * layout.data_parallel_size;
  int64_t steps = q.layout.gradient_accumulation_steps.value_or(
      std::max<int64_t>(1, layout.pipeline_parallel_size));
  if (q.global_batch_tokens.has_value()) {
    if (*q.global_batch_tokens % (unit * sequence_length) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("global_batch_tokens must be a multiple of micro-batch x data parallel size "
                       "x sequence = ",
                       unit * sequence_length, ", got ", *q.global_batch_tokens));
    }
    const int64_t needed = *q.global_batch_tokens / (unit * sequence_length);
    if (q.layout.gradient_accumulation_steps.value_or(needed) != needed) {
      return absl::InvalidArgumentError(absl::StrCat("gradient_accumulation_steps must be ", needed,
                                                     " for this batch, got ", steps));
    }
    steps = needed;
  }
  if (layout.virtual_pipeline_stages > 1 && steps % layout.pipeline_parallel_size != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "with virtual_pipeline_stages the micro-batches (", steps,
        ") must be a multiple of pipeline_parallel_size ", layout.pipeline_parallel_size));
  }
  return steps;
}

}  // namespace rhumb
