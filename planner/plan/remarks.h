// SPDX-License-Identifier: Apache-2.0
// What a reader of a plan must know beside its numbers: the assumptions behind it and the warnings
// it deserves.
#ifndef RHUMB_PLANNER_PLAN_REMARKS_H_
#define RHUMB_PLANNER_PLAN_REMARKS_H_

#include <vector>

#include "planner/plan/plan.h"
#include "planner/plan/question.h"

namespace rhumb {

// Defaults the planner itself used for this question, after those of whoever resolved it.
std::vector<Assumption> CollectAssumptions(const PlanQuestion& question, const Plan& plan);

// Which overheads of the wall time the question states.
struct GivenOverheads {
  bool failures_per_gpu_hour = false, startup_seconds = false;
};

// Defaults of the wall time, energy and memory figures, for plans and checks alike.
void AddHardwareAssumptions(const GivenOverheads& given, const FrameworkProfile& framework,
                            std::vector<Assumption>& out);

// What a chain of jobs rests on; nothing for a run in one job.
void AddChainAssumptions(const TimePlan& time, std::vector<Assumption>& out);

// That constants of the step-time model are as shipped for the families of `pools` that
// `calibration` has no runs of; nothing without one.
void AddCalibrationAssumptions(const TimeCalibration* calibration,
                               const std::vector<GpuPool>& pools, std::vector<Assumption>& out);

// That times on `gpu` are predicted with shipped constants; nothing if `calibration` has runs of
// its family.
void WarnUncalibrated(const TimeCalibration* calibration, const Gpu& gpu,
                      std::vector<PlanWarning>& out);

// Extrapolation, epochs, a dear batch, flat optimum, tokens per parameter, uncalibrated hardware,
// a chain of jobs, idle GPUs, mixture of experts.
std::vector<PlanWarning> CollectWarnings(const PlanQuestion& question, Objective objective,
                                         const Plan& plan);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_REMARKS_H_
