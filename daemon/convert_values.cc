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

v1::GpuType ToProto(const Gpu& gpu) {
  v1::GpuType out;
  out.set_name("gpuTypes/" + gpu.id);
  for (const std::string& alias : gpu.aliases) out.add_aliases(alias);
  out.set_family(gpu.family);
  out.set_memory_bytes(gpu.memory_bytes);
  out.set_memory_bytes_per_second(gpu.memory_bytes_per_second);
  if (gpu.peak_fp16_flops_per_second)
    out.set_peak_fp16_flops_per_second(*gpu.peak_fp16_flops_per_second);
  if (gpu.peak_bf16_flops_per_second)
    out.set_peak_bf16_flops_per_second(*gpu.peak_bf16_flops_per_second);
  if (gpu.peak_fp8_flops_per_second)
    out.set_peak_fp8_flops_per_second(*gpu.peak_fp8_flops_per_second);
  if (gpu.peak_fp4_flops_per_second)
    out.set_peak_fp4_flops_per_second(*gpu.peak_fp4_flops_per_second);
  out.set_scale_up_link(gpu.scale_up_link);
  out.set_scale_up_bytes_per_second(gpu.scale_up_bytes_per_second);
  out.set_gpus_per_scale_up_domain(gpu.gpus_per_scale_up_domain);
  out.set_network_bytes_per_second(gpu.network_bytes_per_second);
  out.set_board_watts(gpu.board_watts);
  if (gpu.price_usd_per_gpu_hour) out.set_price_usd_per_gpu_hour(*gpu.price_usd_per_gpu_hour);
  out.set_price_source(gpu.price_source);
  out.set_source(gpu.source);
  return out;
}

}  // namespace rhumb::daemon
