// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/work_curve.h"

#include <algorithm>
#include <cmath>
#include <numbers>

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

WorkCurve::WorkCurve(SliceTable& slices, const LayoutSpace& space, const CostModel& model,
                     double sequence_length, double layer_count, double capacity_bytes)
    : layer_count_(layer_count),
      skew_per_doubling_(model.SkewPerDoubling()),
      capacity_bytes_(capacity_bytes) {
  for (size_t slice = 0; slice < space.slice_count(); ++slice) {
    const Degrees degrees = space.SliceDegrees(slice);
    const Stages stages = StagesThatFit(slices, degrees, layer_count, capacity_bytes);
    const double group = static_cast<double>(degrees.tensor * degrees.context);
    for (const int64_t micro_batch : space.MicroBatchSizes()) {
      // Recompute only adds.
      const Layout layout = space.MakeLayout(degrees, 0, micro_batch, Recompute::kNone, 1);
      const double tokens = static_cast<double>(micro_batch) * sequence_length;
      Work& work = works_.emplace_back();
      work.gpu_seconds_per_token =
          model.MicroBatchWorkSeconds(layout) * group / tokens * kBoundSlack;
      work.tokens_per_gpu = tokens / group;
      work.log2_tokens_per_gpu = std::log2(work.tokens_per_gpu);
      work.log2_tensor_size = std::log2(static_cast<double>(degrees.tensor));
      work.stages = stages;
      work.log2_least_stages = std::log2(stages.least);
      // Before it a GPU would need more stages than there are layers.
      work.first_edge = std::clamp(
          static_cast<int>(std::floor(4 * (work.log2_tokens_per_gpu - std::log2(layer_count)))), 0,
          kEdges);
    }
  }
  // The best first: most of the others need no look.
  std::sort(works_.begin(), works_.end(), [](const Work& a, const Work& b) {
    return a.gpu_seconds_per_token < b.gpu_seconds_per_token;
  });
}

// Let a group of t c GPUs work g GPU-seconds on each token of a micro-batch of u tokens, all stages
// together. With p stages and m micro-batches a step gives each GPU x = m u / (t c p) tokens, so
// p = m r with r = u / (t c x), and p >= r. Stages take at least a p-th each, and with v <= L / p
// virtual stages filling and draining takes (p - 1) / (m v) >= (p - 1) r / L of the work. On G GPUs
// G / (t p) replicas wait for the slowest of them, sigma of the work a doubling. A token takes
// g (1 + (p - 1) r / L + sigma max(0, log2(G / (t p)))) at least: with one stage, or the more of
// them that memory asks for, at p = sigma L / (r ln 2), where another stage costs as much as it
// saves, or the end of the range that is nearest; more than L stages there are not.
WorkCurve::Curve WorkCurve::Draw(double log2_gpu_count) const {
  Curve least;
  least.fill(kUnlimited);
  // sigma L / ln 2, and numbers with their logarithms: no loop below takes any.
  const double balance = skew_per_doubling_ * layer_count_ / std::numbers::ln2;
  const double log2_balance = balance > 0 ? std::log2(balance) : -kUnlimited;
  for (const Work& work : works_) {
    // The curve falls: what is no better where the work begins is no better anywhere.
    if (work.gpu_seconds_per_token >= least[static_cast<size_t>(work.first_edge)]) continue;
    const double log2_replicas = log2_gpu_count - work.log2_tensor_size;  // of one stage
    // More stages have no replicas.
    const double most_stages = std::min(layer_count_, std::exp2(std::max(log2_replicas, 0.0)));
    const double log2_most_stages = std::log2(most_stages);
    const auto share = [&](double stages, double log2_stages, double r) {
      return (stages - 1) * r / layer_count_ +
             skew_per_doubling_ * std::max(0.0, log2_replicas - log2_stages);
    };
    double before =
        work.first_edge > 0 ? least[static_cast<size_t>(work.first_edge) - 1] : kUnlimited;
    for (int i = work.first_edge; i <= kEdges; ++i) {
      double& at = least[static_cast<size_t>(i)];
      if (work.gpu_seconds_per_token >= at) break;
      // Beyond the last edge any number of tokens may come.
      const double r = i < kEdges ? work.tokens_per_gpu / Edge(i) : 0;
      const double log2_r = i < kEdges ? work.log2_tokens_per_gpu - 0.25 * i : -kUnlimited;
      double least_share = work.stages.one && r <= 1 ? share(1, 0, r) : kUnlimited;
      double stages = std::max({r, work.stages.least, 1.0});
      if (stages <= layer_count_) {
        double log2_stages = std::max({log2_r, work.log2_least_stages, 0.0});
        const double balanced = r > 0 ? balance / r : kUnlimited;
        if (balanced > stages && most_stages > stages) {
          const bool is_inside = balanced < most_stages;
          stages = is_inside ? balanced : most_stages;
          log2_stages = is_inside ? log2_balance - log2_r : log2_most_stages;
        }
        least_share = std::min(least_share, share(stages, log2_stages, r));
      }
      at = std::min({at, before, work.gpu_seconds_per_token * (1 + least_share)});
      before = at;
    }
  }
  return least;
}

const WorkCurve::Curve& WorkCurve::On(double gpu_count) const {
  const int step =
      std::max(0, static_cast<int>(std::floor(kStepsPerOctave * std::log2(gpu_count))));
  const auto [drawn, is_new] = curves_.try_emplace(step);
  if (is_new) drawn->second = Draw(static_cast<double>(step) / kStepsPerOctave);
  return drawn->second;
}

double WorkCurve::Least(const BatchLimits& limits, double gpu_count) const {
  const Curve& curve = On(gpu_count);
  double least = kUnlimited;
  double edge = 0;  // the lower one: overhead grows from there
  for (int i = 0; i <= kEdges; ++i) {
    const double batch = edge * gpu_count;
    if (batch > limits.largest_tokens) break;
    const double overhead = limits.Overhead(batch);
    if (curve.back() * overhead >= least) break;
    least = std::min(least, curve[static_cast<size_t>(i)] * overhead);
    if (i < kEdges) edge = Edge(i);
  }
  return least;
}

}  // namespace rhumb
