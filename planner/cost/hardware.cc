// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/hardware.h"

#include <optional>

namespace rhumb {

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

}  // namespace rhumb
