// SPDX-License-Identifier: Apache-2.0
// The constraints of a question one by one: which are set, at what value, and the question with one
// changed or gone. Shadow prices and infeasibility are built from these.
#ifndef RHUMB_PLANNER_PLAN_CONSTRAINTS_H_
#define RHUMB_PLANNER_PLAN_CONSTRAINTS_H_

#include <optional>
#include <string>
#include <vector>

#include "planner/plan/plan.h"
#include "planner/plan/question.h"

namespace rhumb {

// Names are the request's fields, plus gpu_count and gpu_memory.
enum class Constraint {
  kTensorParallel,
  kMaxTensorParallel,
  kPipelineParallel,
  kMaxPipelineParallel,
  kContextParallel,
  kExpertParallel,
  kDataParallel,
  kVirtualStages,
  kZeroStage,
  kMicroBatch,
  kAccumulation,
  kRecompute,
  kGlobalBatch,
  kMinGlobalBatch,
  kMaxGlobalBatch,
  kPartitionLimit,
  kMaxJobCount,
  kMaxPower,
  kServingMemory,
  kMinParams,
  kMaxParams,
  kParamCount,
  kTokensPerParam,
  kTokenCount,
  kMaxEpochs,
  kUniqueTokens,
  kLifetimeComputeFlops,
  kComputeFlops,
  kGpuHours,
  kGpuMemory,
  kGpuCount,
  kBudget,
  kDeadline,
  kTargetLoss,
};

const char* ConstraintName(Constraint constraint);

// Constraints the question sets, hardware limits included, in the order above.
std::vector<Constraint> ActiveConstraints(const PlanQuestion& question);

// Current value in base units; of several pools: GPUs together, the smallest memory, the longest
// limit.
double ConstraintValue(const PlanQuestion& question, Constraint constraint);

// The question with the constraint at `value`. Hardware limits scale in every pool alike.
PlanQuestion WithConstraint(PlanQuestion question, Constraint constraint, double value);
// The question without it; GPU counts become kManyGpus per pool.
PlanQuestion WithoutConstraint(PlanQuestion question, Constraint constraint);
inline constexpr int64_t kManyGpus = 16384;

// +1 if a larger value is looser, -1 if a smaller one is, 0 if neither (exact values, parts of a
// layout).
int LooserDirection(Constraint constraint);

// Whether only whole values make sense: parts of a layout, numbers of jobs.
bool IsWhole(Constraint constraint);

// The value of the constrained part in a feasible plan, for constraints whose direction is 0.
std::optional<double> ValueInPlan(const Plan& plan, Constraint constraint);

// "21 d", "1e+21 FLOP": the value with its unit for sentences; and the unit alone.
std::string DescribeValue(Constraint constraint, double value);
std::string UnitOf(Constraint constraint);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_CONSTRAINTS_H_
