// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/work_curve.h"

#include <algorithm>
#include <cmath>

namespace rhumb {

double WorkCurve::Edge(int i) {
  static const std::array<double, kEdges> edges = [] {
    std::array<double, kEdges> values{};
    for (int k = 0; k < kEdges; ++k) values[static_cast<size_t>(k)] = std::exp2(0.25 * k);
    return values;
  }();
  return edges[static_cast<size_t>(i)];
}

WorkCurve::Stages WorkCurve::StagesThatFit(SliceTable& slices, const Degrees& slice,
                                           double layer_count, double capacity_bytes) {
  Degrees degrees = slice;
  const auto fits = [&](int64_t pipeline) {
    degrees.pipeline = pipeline;
    return slices.LeastStatesBytes(degrees) <= capacity_bytes;
  };
  Stages stages;
  degrees.pipeline = 1;
  stages.one = slices.LeastBytes(degrees) <= capacity_bytes;
  // More stages hold less each.
  int64_t low = 1, high = std::llround(layer_count);
  if (high < 2 || !fits(high)) {
    stages.least = kUnlimited;
    return stages;
  }
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (fits(middle) ? high : low) = middle;
  }
  stages.least = static_cast<double>(high);
  return stages;
}

// Let a group of t c GPUs work g GPU-seconds on each token of a micro-batch of u tokens, all stages
// together. With p stages and m micro-batches a step gives each GPU x = m u / (t c p) tokens, so
// p = m r with r = u / (t c x), and p >= r. Stages take at least a p-th each, and with v <= L / p
// virtual stages filling and draining takes (p - 1) / (m v) >= (p - 1) r / L of the work: a token
// takes g (1 + (p - 1) r / L) at least, which is least at the smallest p >= max(1, r) that memory
// allows; more than L stages there are not.
WorkCurve::WorkCurve(SliceTable& slices, const LayoutSpace& space, const CostModel& model,
                     double sequence_length, double layer_count, double capacity_bytes)
    : capacity_bytes_(capacity_bytes) {
  least_.fill(kUnlimited);
  for (size_t slice = 0; slice < space.slice_count(); ++slice) {
    const Degrees degrees = space.SliceDegrees(slice);
    const Stages stages = StagesThatFit(slices, degrees, layer_count, capacity_bytes);
    const double group = static_cast<double>(degrees.tensor * degrees.context);
    for (const int64_t micro_batch : space.MicroBatchSizes()) {
      // Recompute only adds.
      const Layout layout = space.MakeLayout(degrees, 0, micro_batch, Recompute::kNone, 1);
      const double tokens = static_cast<double>(micro_batch) * sequence_length;
      const double gpu_seconds = model.MicroBatchWorkSeconds(layout) * group / tokens * kBoundSlack;
      const double at_one = tokens / group;
      int i =
          std::clamp(static_cast<int>(std::floor(4 * std::log2(at_one / layer_count))), 0, kEdges);
      for (; i <= kEdges; ++i) {
        // Beyond the last edge any number of tokens may come.
        const double r = i < kEdges ? at_one / Edge(i) : 0;
        const double least_stages = stages.one && r <= 1 ? 1 : std::max(r, stages.least);
        if (least_stages > layer_count) continue;
        double& least = least_[static_cast<size_t>(i)];
        least = std::min(least, gpu_seconds * (1 + (least_stages - 1) * r / layer_count));
        if (least_stages == 1) break;
      }
    }
  }
  for (size_t i = 1; i < least_.size(); ++i) least_[i] = std::min(least_[i], least_[i - 1]);
}

double WorkCurve::Least(const BatchLimits& limits, double gpu_count) const {
  double least = kUnlimited;
  double edge = 0;  // the lower one: overhead grows from there
  for (int i = 0; i <= kEdges; ++i) {
    const double batch = edge * gpu_count;
    if (batch > limits.largest_tokens) break;
    const double overhead = limits.Overhead(batch);
    if (least_.back() * overhead >= least) break;
    least = std::min(least, least_[static_cast<size_t>(i)] * overhead);
    if (i < kEdges) edge = Edge(i);
  }
  return least;
}

}  // namespace rhumb
