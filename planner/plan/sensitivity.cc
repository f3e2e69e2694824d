// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/constraints.h"

namespace rhumb {
namespace {

// An improvement below this share of the objective is rounding to whole steps, not a price.
constexpr double kSmallestImprovement = 1e-7;

// The places where a rank that may take `factor` of the memory can do something new.
std::vector<TightPlace> OpenedBy(double factor, const std::vector<TightPlace>& places) {
  constexpr double kRoundingSlack = 1 + 1e-6;  // of whole bytes
  std::vector<TightPlace> opened;
  std::copy_if(
      places.begin(), places.end(), std::back_inserter(opened),
      [&](const TightPlace& place) { return place.least_share <= factor * kRoundingSlack; });
  return opened;
}

std::string DescribeMetric(Metric metric, double value) {
  switch (metric) {
    case Metric::kLoss:
      return absl::StrFormat("%.4f nats", value);
    case Metric::kUsd:
    case Metric::kLifetimeUsd:
      return absl::StrFormat("$%.4g", value);
    case Metric::kWall:
      return DescribeValue(Constraint::kDeadline, value);
    default:
      return absl::StrFormat("%.4g %ss", value, UnitOfMetric(metric));
  }
}

const char* NounOf(Metric metric) {
  switch (metric) {
    case Metric::kLoss:
      return "the expected loss";
    case Metric::kUsd:
      return "the training cost";
    case Metric::kGpuHours:
      return "the GPU time";
    case Metric::kFlops:
      return "the training compute";
    case Metric::kWall:
      return "the wall time";
    case Metric::kLifetimeUsd:
      return "the lifetime cost";
    case Metric::kLifetimeFlops:
      return "the lifetime compute";
    case Metric::kParams:
      return "the model size";
  }
  return "";
}

}  // namespace

const char* UnitOfMetric(Metric metric) {
  switch (metric) {
    case Metric::kLoss:
      return "nat";
    case Metric::kUsd:
    case Metric::kLifetimeUsd:
      return "USD";
    case Metric::kGpuHours:
      return "GPU-hour";
    case Metric::kFlops:
    case Metric::kLifetimeFlops:
      return "FLOP";
    case Metric::kWall:
      return "second";
    case Metric::kParams:
      return "parameter";
  }
  return "";
}

std::optional<double> LoosenedValue(const PlanQuestion& question, Constraint constraint) {
  const double value = ConstraintValue(question, constraint);
  const int direction = LooserDirection(constraint);
  if (direction == 0) return std::nullopt;
  if (constraint == Constraint::kTargetLoss) return value + kLooseningNats;
  if (constraint == Constraint::kMaxJobCount) return value + 1;
  if (constraint == Constraint::kGpuCount) {
    // Whole nodes in every pool; counts inside a node double.
    double nodes = 0;
    for (const GpuPool& pool : question.pools) {
      nodes = std::max(nodes, std::ceil(kLooseningFraction * static_cast<double>(pool.gpu_count) /
                                        static_cast<double>(pool.gpus_per_node)));
    }
    if (question.pools.size() != 1) return value * 2;
    return value + nodes * static_cast<double>(question.pools[0].gpus_per_node);
  }
  if (constraint == Constraint::kMaxTensorParallel ||
      constraint == Constraint::kMaxPipelineParallel) {
    return value * 2;
  }
  return direction > 0 ? value * (1 + kLooseningFraction) : value / (1 + kLooseningFraction);
}

std::vector<Binding> FindBinding(const Solution& solution, Objective objective,
                                 const PlanOptions& options) {
  const PlanQuestion& question = *solution.question;
  const Metric metric = solution.problem->metric();
  const double best = solution.result.best->rank.metric;
  std::vector<Binding> bindings;
  for (const Constraint constraint : ActiveConstraints(question)) {
    const double value = ConstraintValue(question, constraint);
    const std::optional<double> looser = LoosenedValue(question, constraint);
    if (!looser.has_value()) continue;
    // The winner stays feasible when a constraint is loosened, so it is a bound from the start.
    VariantKnowledge known = {.costs = solution.costs.get(), .hint = &*solution.result.best};
    // More GPUs allow nothing new on fewer, more memory only what memory forbade.
    if (constraint == Constraint::kGpuCount) known.searched = solution.problem.get();
    std::vector<TightPlace> opened;
    if (constraint == Constraint::kGpuMemory && *looser <= value * kMemorySlack) {
      opened = OpenedBy(*looser / value, solution.result.tight_places);
      known.only = &opened;
    }
    const Solution relaxed =
        SolveVariant(WithConstraint(question, constraint, *looser), objective, options, known);
    if (!relaxed.feasible() || !relaxed.result.summary.complete) continue;
    const double change = relaxed.result.best->rank.metric - best;
    if (change > -kSmallestImprovement * std::abs(best)) continue;
    Binding binding;
    binding.constraint = ConstraintName(constraint);
    binding.shadow_price = change / (*looser - value);
    const std::string unit = UnitOf(constraint);
    binding.unit = absl::StrCat(UnitOfMetric(metric), " per ", unit.empty() ? "unit" : unit);
    binding.text = absl::StrCat(binding.constraint, " from ", DescribeValue(constraint, value),
                                " to ", DescribeValue(constraint, *looser), " lowers ",
                                NounOf(metric), " by ", DescribeMetric(metric, -change), " to ",
                                DescribeMetric(metric, best + change));
    bindings.push_back(std::move(binding));
  }
  return bindings;
}

}  // namespace rhumb
