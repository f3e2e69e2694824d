// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/gpu_message.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rhumb::convert {

Gpu FromProto(const v1::GpuType& in) {
  Gpu out;
  out.id = std::string(absl::StripPrefix(in.name(), "gpuTypes/"));
  out.aliases = {in.aliases().begin(), in.aliases().end()};
  out.family = in.family();
  out.memory_bytes = in.memory_bytes();
  out.memory_bytes_per_second = in.memory_bytes_per_second();
  if (in.has_peak_fp16_flops_per_second())
    out.peak_fp16_flops_per_second = in.peak_fp16_flops_per_second();
  if (in.has_peak_bf16_flops_per_second())
    out.peak_bf16_flops_per_second = in.peak_bf16_flops_per_second();
  if (in.has_peak_fp8_flops_per_second())
    out.peak_fp8_flops_per_second = in.peak_fp8_flops_per_second();
  if (in.has_peak_fp4_flops_per_second())
    out.peak_fp4_flops_per_second = in.peak_fp4_flops_per_second();
  out.scale_up_link = in.scale_up_link();
  out.scale_up_bytes_per_second = in.scale_up_bytes_per_second();
  out.gpus_per_scale_up_domain = in.gpus_per_scale_up_domain();
  out.network_bytes_per_second = in.network_bytes_per_second();
  out.board_watts = in.board_watts();
  if (in.has_price_usd_per_gpu_hour()) out.price_usd_per_gpu_hour = in.price_usd_per_gpu_hour();
  out.price_source = in.price_source();
  out.source = in.source();
  return out;
}

v1::GpuType ToProto(const Gpu& gpu) {
  v1::GpuType out;
  out.set_name(absl::StrCat("gpuTypes/", gpu.id));
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

}  // namespace rhumb::convert
