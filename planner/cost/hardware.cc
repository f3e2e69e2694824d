// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/hardware.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace rhumb {
namespace {

constexpr int64_t kUsualGpusPerNode = 8;
constexpr int64_t kRackScaleTrayGpus = 4;

// Whether its scale-up fabric joins the nodes of a rack.
bool IsRackScale(const Gpu& gpu) { return gpu.gpus_per_scale_up_domain > kUsualGpusPerNode; }

}  // namespace

std::optional<double> PeakFlopsPerSecond(const Gpu& gpu, Precision precision) {
  switch (precision) {
    case Precision::kFp16:
      return gpu.peak_fp16_flops_per_second;
    case Precision::kBf16:
      return gpu.peak_bf16_flops_per_second;
    case Precision::kFp8:
      return gpu.peak_fp8_flops_per_second;
    case Precision::kMxfp8:
      // Block-scaled formats came to tensor cores together with 4-bit ones; older 8-bit parts lack
      // them.
      if (!gpu.peak_fp4_flops_per_second.has_value()) return std::nullopt;
      return gpu.peak_fp8_flops_per_second;
    case Precision::kNvfp4:
      return gpu.peak_fp4_flops_per_second;
  }
  return std::nullopt;
}

int64_t DefaultGpusPerNode(const Gpu& gpu) {
  return IsRackScale(gpu) ? kRackScaleTrayGpus : kUsualGpusPerNode;
}

int64_t DomainGpus(const Gpu& gpu, int64_t gpus_per_node) {
  return IsRackScale(gpu) ? gpu.gpus_per_scale_up_domain : std::max<int64_t>(1, gpus_per_node);
}

}  // namespace rhumb
