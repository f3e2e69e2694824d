// SPDX-License-Identifier: Apache-2.0
// The part of convert.h that speaks of single values and of GPU types.
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/convert.h"

namespace rhumb::daemon {
namespace {

template <typename T>
std::optional<T> Optional(bool has, T value) {
  return has ? std::optional<T>(value) : std::nullopt;
}

}  // namespace

std::optional<Objective> FromProto(v1::Objective objective) {
  switch (objective) {
    case v1::OBJECTIVE_LOSS:
      return Objective::kLoss;
    case v1::OBJECTIVE_COST:
      return Objective::kCost;
    case v1::OBJECTIVE_TIME:
      return Objective::kTime;
    case v1::OBJECTIVE_LIFETIME_COST:
      return Objective::kLifetimeCost;
    case v1::OBJECTIVE_SIZE:
      return Objective::kSize;
    default:
      return std::nullopt;
  }
}

v1::Objective ToProto(Objective objective) {
  switch (objective) {
    case Objective::kLoss:
      return v1::OBJECTIVE_LOSS;
    case Objective::kCost:
      return v1::OBJECTIVE_COST;
    case Objective::kTime:
      return v1::OBJECTIVE_TIME;
    case Objective::kLifetimeCost:
      return v1::OBJECTIVE_LIFETIME_COST;
    case Objective::kSize:
      return v1::OBJECTIVE_SIZE;
  }
  return v1::OBJECTIVE_UNSPECIFIED;
}

std::optional<Precision> FromProto(v1::Precision precision) {
  switch (precision) {
    case v1::PRECISION_FP16:
      return Precision::kFp16;
    case v1::PRECISION_BF16:
      return Precision::kBf16;
    case v1::PRECISION_FP8:
      return Precision::kFp8;
    case v1::PRECISION_MXFP8:
      return Precision::kMxfp8;
    case v1::PRECISION_NVFP4:
      return Precision::kNvfp4;
    default:
      return std::nullopt;
  }
}

v1::Precision ToProto(Precision precision) {
  switch (precision) {
    case Precision::kFp16:
      return v1::PRECISION_FP16;
    case Precision::kBf16:
      return v1::PRECISION_BF16;
    case Precision::kFp8:
      return v1::PRECISION_FP8;
    case Precision::kMxfp8:
      return v1::PRECISION_MXFP8;
    case Precision::kNvfp4:
      return v1::PRECISION_NVFP4;
  }
  return v1::PRECISION_UNSPECIFIED;
}

std::optional<Recompute> FromProto(v1::Recompute recompute) {
  switch (recompute) {
    case v1::RECOMPUTE_NONE:
      return Recompute::kNone;
    case v1::RECOMPUTE_SELECTIVE:
      return Recompute::kSelective;
    case v1::RECOMPUTE_FULL:
      return Recompute::kFull;
    default:
      return std::nullopt;
  }
}

v1::Recompute ToProto(Recompute recompute) {
  switch (recompute) {
    case Recompute::kNone:
      return v1::RECOMPUTE_NONE;
    case Recompute::kSelective:
      return v1::RECOMPUTE_SELECTIVE;
    case Recompute::kFull:
      return v1::RECOMPUTE_FULL;
  }
  return v1::RECOMPUTE_UNSPECIFIED;
}

LayoutConstraints FromProto(const v1::LayoutConstraints& in) {
  LayoutConstraints out;
  out.tensor_parallel_size = Optional(in.has_tensor_parallel_size(), in.tensor_parallel_size());
  out.pipeline_parallel_size =
      Optional(in.has_pipeline_parallel_size(), in.pipeline_parallel_size());
  out.context_parallel_size = Optional(in.has_context_parallel_size(), in.context_parallel_size());
  out.expert_parallel_size = Optional(in.has_expert_parallel_size(), in.expert_parallel_size());
  out.data_parallel_size = Optional(in.has_data_parallel_size(), in.data_parallel_size());
  out.virtual_pipeline_stages =
      Optional(in.has_virtual_pipeline_stages(), in.virtual_pipeline_stages());
  out.zero_stage = Optional(in.has_zero_stage(), in.zero_stage());
  out.micro_batch_size = Optional(in.has_micro_batch_size(), in.micro_batch_size());
  out.gradient_accumulation_steps =
      Optional(in.has_gradient_accumulation_steps(), in.gradient_accumulation_steps());
  out.recompute = FromProto(in.recompute());
  out.max_tensor_parallel_size =
      Optional(in.has_max_tensor_parallel_size(), in.max_tensor_parallel_size());
  out.max_pipeline_parallel_size =
      Optional(in.has_max_pipeline_parallel_size(), in.max_pipeline_parallel_size());
  return out;
}

}  // namespace rhumb::daemon
