// SPDX-License-Identifier: Apache-2.0
// A question turned into numbers per size and per place: what each constraint allows before any
// layout is looked at. The search and its bounds read only this.
#ifndef RHUMB_PLANNER_PLAN_PROBLEM_H_
#define RHUMB_PLANNER_PLAN_PROBLEM_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "planner/plan/batched_loss.h"
#include "planner/plan/overheads.h"
#include "planner/plan/question.h"

namespace rhumb {

inline constexpr double kServingBytesPerParam = 2;  // bf16 weights
inline constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// What the search minimises. kLoss spends as many tokens as the constraints allow; every other
// metric as few as the target, the fixed tokens or one step demand.
enum class Metric { kLoss, kUsd, kGpuHours, kFlops, kWall, kLifetimeUsd, kLifetimeFlops, kParams };

// One architecture under the question.
struct Size {
  ModelShape shape;
  LawSize law;
  double total_params = 0;
  double active_params = 0;
  double flops_per_token = 0;  // training, by the law's convention
  double inference_flops = 0;  // 2 N_active per inference token
  // Of a run under way both are what is left to train on.
  double max_tokens = kUnlimited;  // compute, lifetime compute, data, token limits
  std::optional<double> fixed_tokens;
};

// `gpu_count` GPUs of one pool under the question.
struct Place {
  int pool_index = 0;
  int64_t gpu_count = 0;
  int64_t node_count = 0;
};

// What a size costs at a place, whatever the layout.
struct SizeAtPlace {
  OverheadModel overheads;
  double max_wall_seconds = kUnlimited;
  double usd_per_wall_second = 0;  // 0 without a price
  double inference_usd = 0;
  double capacity_bytes = 0;  // Problem::CapacityBytes
};

// The resolved problem. Refers to `question`, which must outlive it.
class Problem {
 public:
  Problem(const PlanQuestion& question, Metric metric);

  const PlanQuestion& question() const { return question_; }
  Metric metric() const { return metric_; }
  const BatchedLoss& loss() const { return loss_; }
  const std::vector<Size>& sizes() const { return sizes_; }
  bool has_hardware() const { return !question_.pools.empty(); }
  // Ties in the metric go to lower cost in USD when every pool has a price, else in GPU-hours, else
  // in FLOPs.
  bool priced() const { return priced_; }

  // Places of a pool allowed by the power limit.
  std::vector<Place> PlacesOf(int pool_index) const;
  // Makes `overheads` those of steps that last as long as measured, in jobs as long as the pool
  // allows; how long such a run may take.
  void AdaptOverheads(int pool_index, OverheadModel& overheads) const;
  double MaxWallSeconds(const OverheadModel& overheads) const;
  // GPU time that GPU-hours and money together leave a pool, whatever the place.
  double MaxGpuSeconds(int pool_index) const;
  // What the p95 estimate of a rank must stay under.
  double CapacityBytes(int pool_index) const;
  SizeAtPlace At(const Size& size, const Place& place) const;

 private:
  void AddSize(const ModelShape& shape);

  const PlanQuestion& question_;
  Metric metric_;
  BatchedLoss loss_;
  bool priced_ = false;
  std::vector<Size> sizes_;
};

// The objective of the question, or the default: kLoss if anything bounds the training, kCost with
// a target loss only. nullopt if nothing bounds the training.
std::optional<Objective> ResolveObjective(const PlanQuestion& question);
// kCost and kLifetimeCost depend on prices and hardware.
Metric MetricOf(Objective objective, const PlanQuestion& question);
// N limits of the question in the law's convention cannot be exact across conventions; this counts
// `shape` as they do.
double CountedParams(const ModelShape& shape, const PlanQuestion& question);

// USD to serve the question's inference tokens with a model of `active_params` on `pool`'s GPUs: 2
// N FLOPs a token at the prefill or decode MFU. 0 without tokens, price or peak. Source: Sardana &
// Frankle 2024, arXiv:2401.00448, eq. (3).
double InferenceUsd(const PlanQuestion& question, const GpuPool& pool, double active_params);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_PROBLEM_H_
