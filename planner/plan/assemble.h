// SPDX-License-Identifier: Apache-2.0
// From a searched question to the figures of a plan: everything that follows from the winning
// candidate.
#ifndef RHUMB_PLANNER_PLAN_ASSEMBLE_H_
#define RHUMB_PLANNER_PLAN_ASSEMBLE_H_

#include "planner/plan/plan.h"
#include "planner/plan/solve.h"

namespace rhumb {

// Power usage effectiveness and grid intensity used for energy and CO2e.
inline constexpr double kPowerUsageEffectiveness = 1.2;
inline constexpr double kGridKgCo2ePerKwh = 0.4;

// Model, tokens, loss, batch, learning rate, allocation, layout, memory, time and cost of
// `solution`, which must be feasible. No law optimum, binding constraints, assumptions or warnings.
Plan AssembleChoice(const Solution& solution);

// Parts that `check` shares with plans. `step_seconds` and the steps' time are the model's; those
// of the answer last as much longer as `overheads` says.
TimePlan MakeTimePlan(const CostModel& cost, const Layout& layout, int64_t micro_batches,
                      double step_seconds, double flops_per_token_for_mfu, double batch_tokens,
                      double gpu_count, double peak_flops_per_second, int64_t step_count,
                      const OverheadModel& overheads);
// Interval of the wall time at `level`, where steps are predicted with `error`.
void AddWallInterval(const TimeError& error, double level, TimePlan& time);
MemoryPlan MakeMemoryPlan(const CostModel& cost, const Layout& layout, int64_t micro_batches,
                          double capacity_bytes);
CostPlan MakeCostPlan(const GpuPool& pool, int64_t gpu_count, double wall_seconds);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_ASSEMBLE_H_
