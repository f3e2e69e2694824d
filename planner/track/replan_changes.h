// SPDX-License-Identifier: Apache-2.0
// A new plan of a run beside the one in force, in sentences.
#ifndef RHUMB_PLANNER_TRACK_REPLAN_CHANGES_H_
#define RHUMB_PLANNER_TRACK_REPLAN_CHANGES_H_

#include <string>
#include <vector>

#include "planner/track/replan.h"

namespace rhumb {

// What differs between the run and `plan`, which must be feasible: "tensor_parallel_size from 4 to
// 2". Empty where nothing does.
std::vector<std::string> DescribeChanges(const RunUnderWay& run, const Plan& plan);

// What the answer says beside its numbers: that nothing is to change, what is measured, where the
// batch went, or why there is no plan and what would make one, with the flag to give.
std::vector<ReplanAdvice> AdviseOnReplan(const PlanQuestion& rest, const RunUnderWay& run,
                                         const ReplanAsk& ask, const Replan& replan);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_REPLAN_CHANGES_H_
