// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/infeasibility.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "planner/plan/assemble.h"
#include "planner/plan/constraints.h"
#include "planner/plan/overheads.h"
#include "planner/plan/solve.h"

namespace rhumb {
namespace {

constexpr double kBisectionTolerance = 1e-4;  // relative, before rounding outwards
constexpr double kCountTolerance = 0.02;      // relative, of GPU counts
constexpr int kRoundedDigits = 4;
constexpr double kLargestFactor = 1e30;
constexpr double kMostMemoryBytes = 1e17;  // whole bytes up to here
constexpr double kSmallestStart = 1e-2;    // where widening starts from a limit of nothing
constexpr double kHopelessLossNats = 20;

// Rounds away from zero in `direction`, keeping `kRoundedDigits` significant digits.
double RoundOutwards(double value, int direction) {
  if (value == 0) return 0;
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(value))) - kRoundedDigits + 1);
  const double scaled = value / unit;
  return (direction > 0 ? std::ceil(scaled - 1e-9) : std::floor(scaled + 1e-9)) * unit;
}

class Explainer {
 public:
  Explainer(const PlanQuestion& question, Objective objective, const PlanOptions& options,
            CostCache* costs)
      : question_(question), objective_(objective), options_(options), costs_(costs) {}

  // Deletion filter: drop every constraint without which the question stays infeasible.
  std::vector<Constraint> MinimalConflict() const {
    std::vector<Constraint> kept;
    PlanQuestion rest = question_;
    for (const Constraint constraint : ActiveConstraints(question_)) {
      PlanQuestion without = WithoutConstraint(rest, constraint);
      // Nothing found by a search that was stopped is no proof: the constraint stays.
      if (IsFeasible(without, options_, 0, costs_) || Stopped()) {
        kept.push_back(constraint);
      } else {
        rest = std::move(without);
      }
    }
    return kept;
  }

  std::optional<Relaxation> Relax(Constraint constraint) const {
    const double from = ConstraintValue(question_, constraint);
    const std::optional<double> to = WayOut(constraint, from);
    if (!to.has_value()) return std::nullopt;
    Relaxation relaxation;
    relaxation.constraint = ConstraintName(constraint);
    relaxation.from = from;
    relaxation.to = *to;
    relaxation.text =
        absl::StrCat(*to > from ? "raise " : "lower ", relaxation.constraint, " from ",
                     DescribeValue(constraint, from), " to ", DescribeValue(constraint, *to));
    return relaxation;
  }

 private:
  bool Stopped() const { return options_.should_stop != nullptr && options_.should_stop(); }

  // `known_infeasible_gpus`: no place of so many GPUs or fewer is feasible.
  bool FeasibleAt(Constraint constraint, double value, double known_infeasible_gpus = 0) const {
    const int64_t least = question_.pools.size() == 1 ? std::llround(known_infeasible_gpus) : 0;
    return IsFeasible(WithConstraint(question_, constraint, value), options_, least, costs_);
  }

  // The nearest value that makes the question feasible; of exact values in either direction.
  std::optional<double> WayOut(Constraint constraint, double from) const {
    const bool exact =
        constraint == Constraint::kParamCount || constraint == Constraint::kTokensPerParam ||
        (constraint == Constraint::kTokenCount && !question_.target_loss_nats.has_value());
    const int direction = LooserDirection(constraint);
    if (!exact) {
      if (direction == 0) return ValueWhenFree(constraint);
      const std::optional<double> least = LeastNeeded(constraint);
      return least.has_value() ? least : NearestFeasible(constraint, from, direction);
    }
    const std::optional<double> below = NearestFeasible(constraint, from, -1);
    const std::optional<double> above = NearestFeasible(constraint, from, 1);
    if (!below.has_value() || !above.has_value()) return below.has_value() ? below : above;
    return from / *below <= *above / from ? below : above;
  }

  // Value that the plan takes when the constraint is gone, if it is then a relaxation by itself.
  std::optional<double> ValueWhenFree(Constraint constraint) const {
    const Solution free = SolveVariant(WithoutConstraint(question_, constraint), objective_,
                                       options_, {.costs = costs_});
    if (!free.feasible()) return std::nullopt;
    const Plan plan = AssembleChoice(free);
    const std::optional<double> value = ValueInPlan(plan, constraint);
    if (!value.has_value() || !FeasibleAt(constraint, *value)) return std::nullopt;
    return value;
  }

  // What the constraint limits, minimised without it: one search, where the metric exists and
  // tokens are determined.
  std::optional<double> LeastNeeded(Constraint constraint) const {
    const std::optional<Metric> metric = LimitedMetric(constraint);
    const bool determined = question_.target_loss_nats.has_value() ||
                            question_.token_count.has_value() ||
                            question_.tokens_per_param.has_value();
    if (!metric.has_value() || (!determined && *metric != Metric::kLoss)) return std::nullopt;
    const Solution free =
        SolveForMetric(WithoutConstraint(question_, constraint), *metric, options_, costs_);
    if (!free.feasible()) return std::nullopt;
    const double least = free.result.best->rank.metric;
    for (const double slack : {1.0, 1 + 1e-4, 1 + 1e-3}) {
      const double rounded = RoundOutwards(least * slack, 1);
      if (FeasibleAt(constraint, rounded)) return rounded;
    }
    return std::nullopt;
  }

  std::optional<Metric> LimitedMetric(Constraint constraint) const {
    const bool hardware = !question_.pools.empty();
    switch (constraint) {
      case Constraint::kTargetLoss:
        return Metric::kLoss;
      case Constraint::kComputeFlops:
        return Metric::kFlops;
      case Constraint::kLifetimeComputeFlops:
        return Metric::kLifetimeFlops;
      case Constraint::kDeadline:
        return hardware ? std::optional(Metric::kWall) : std::nullopt;
      case Constraint::kGpuHours:
        return hardware ? std::optional(Metric::kGpuHours) : std::nullopt;
      case Constraint::kBudget:
        return hardware ? std::optional(Metric::kUsd) : std::nullopt;
      default:
        return std::nullopt;
    }
  }

  // Widens from the current value until feasible, then bisects the last bracket.
  std::optional<double> NearestFeasible(Constraint constraint, double from, int direction) const {
    const bool additive = constraint == Constraint::kTargetLoss;
    const bool gpus = constraint == Constraint::kGpuCount;
    const bool whole = gpus || IsWhole(constraint);
    const double start = from > 0 ? from : kSmallestStart;
    double tight = start;
    double loose = start;
    const bool doubling = additive || whole;
    for (double step = additive ? 1e-3
                       : whole  ? 2
                                : 1.01;
         ; step = doubling ? 2 * step : step * step) {
      loose = additive ? start + step : direction > 0 ? start * step : start / step;
      const double last = additive                                 ? kHopelessLossNats
                          : gpus                                   ? 2.0 * kManyGpus
                          : constraint == Constraint::kMaxJobCount ? kMostJobCount
                          : constraint == Constraint::kGpuMemory   ? kMostMemoryBytes
                                                                   : start * kLargestFactor;
      if (loose > last || step > kLargestFactor) return std::nullopt;
      if (FeasibleAt(constraint, loose, gpus ? tight : 0)) break;
      if (Stopped()) return std::nullopt;
      tight = loose;
    }
    const double tolerance = gpus ? kCountTolerance : whole ? 0 : kBisectionTolerance;
    while (std::abs(loose - tight) > std::max(whole ? 1.0 : 0.0, tolerance * std::abs(loose))) {
      const double middle = additive || whole ? (tight + loose) / 2 : std::sqrt(tight * loose);
      const double value = whole ? std::floor(middle) : middle;
      if (value == tight) break;
      (FeasibleAt(constraint, value, gpus ? tight : 0) ? loose : tight) = value;
      if (Stopped()) break;
    }
    if (whole) return loose;
    const double rounded = RoundOutwards(loose, direction);
    return FeasibleAt(constraint, rounded) ? rounded : loose;
  }

  const PlanQuestion& question_;
  Objective objective_;
  const PlanOptions& options_;
  CostCache* costs_;
};

}  // namespace

Infeasibility ExplainInfeasibility(const PlanQuestion& question, Objective objective,
                                   const PlanOptions& options, CostCache* costs) {
  PlanQuestion fixed = question;
  fixed.objective = objective;
  const Explainer explainer(fixed, objective, options, costs);
  Infeasibility result;
  for (const Constraint constraint : explainer.MinimalConflict()) {
    result.conflict.push_back(ConstraintName(constraint));
    if (const std::optional<Relaxation> relaxation = explainer.Relax(constraint)) {
      result.relaxations.push_back(*relaxation);
    }
  }
  return result;
}

}  // namespace rhumb
