// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/constant_space.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace rhumb {
namespace {

// Bounds: no kernel exceeds the data sheet, and below the lower ones a machine is broken rather
// than slow. The grouped GEMM and the fill are relative to others and may exceed 1.
constexpr ConstantAxis kAxes[] = {
    {"gemm_16bit_fraction", &TimeConstants::gemm_16bit_fraction, 0.1, 1, true},
    {"gemm_8bit_fraction", &TimeConstants::gemm_8bit_fraction, 0.1, 1, true},
    {"gemm_4bit_fraction", &TimeConstants::gemm_4bit_fraction, 0.05, 1, true},
    {"gemm_fill_elements", &TimeConstants::gemm_fill_elements, 1e5, 1e7, false},
    {"flash_attention_fraction", &TimeConstants::flash_attention_fraction, 0.03, 0.9, true},
    {"cudnn_attention_fraction", &TimeConstants::cudnn_attention_fraction, 0.03, 0.9, true},
    {"memory_fraction", &TimeConstants::memory_fraction, 0.15, 1, true},
    {"scale_up_fraction", &TimeConstants::scale_up_fraction, 0.1, 1, true},
    {"network_fraction", &TimeConstants::network_fraction, 0.1, 1, true},
    {"tensor_parallel_overlap", &TimeConstants::tensor_parallel_overlap, 0.1, 1, false},
    {"data_parallel_overlap", &TimeConstants::data_parallel_overlap, 0.1, 1, false},
    {"expert_gemm_fraction", &TimeConstants::expert_gemm_fraction, 0.2, 1.5, true},
};

constexpr double kLeastShareOfFill = 0.1;  // of a fill that lies below its bound

}  // namespace

std::vector<ConstantAxis> AxesOf(const TimeConstants& constants) {
  std::vector<ConstantAxis> axes;
  for (const ConstantAxis& axis : kAxes) {
    const double value = constants.*axis.member;
    if (value <= 0) continue;
    axes.push_back(axis);
    // Processors fill far smaller tiles than any GPU.
    if (axis.member == &TimeConstants::gemm_fill_elements && value < axis.least) {
      axes.back().least = kLeastShareOfFill * value;
    }
  }
  return axes;
}

std::vector<double> PointOf(const std::vector<ConstantAxis>& axes, const TimeConstants& constants) {
  std::vector<double> point;
  point.reserve(axes.size());
  for (const ConstantAxis& axis : axes) {
    point.push_back(std::log(std::clamp(constants.*axis.member, axis.least, axis.most)));
  }
  return point;
}

TimeConstants ConstantsAt(const std::vector<ConstantAxis>& axes, const std::vector<double>& point,
                          const TimeConstants& base) {
  TimeConstants constants = base;
  for (size_t i = 0; i < axes.size(); ++i) {
    constants.*axes[i].member = std::clamp(std::exp(point[i]), axes[i].least, axes[i].most);
  }
  return constants;
}

TimeConstants FastestOf(const TimeConstants& constants) {
  TimeConstants fastest = constants;
  for (const ConstantAxis& axis : AxesOf(constants)) {
    // More of anything but of the fill makes steps shorter.
    const bool is_cost = axis.member == &TimeConstants::gemm_fill_elements;
    fastest.*axis.member = is_cost ? axis.least : axis.most;
  }
  return fastest;
}

}  // namespace rhumb
