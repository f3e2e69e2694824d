// SPDX-License-Identifier: Apache-2.0
// What a training framework takes to go on from a checkpoint in another layout. Only what its own
// documentation or code says; the sources are in docs/replan.md.
#ifndef RHUMB_PLANNER_TRACK_RESUME_ADVICE_H_
#define RHUMB_PLANNER_TRACK_RESUME_ADVICE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "planner/track/replan.h"

namespace rhumb {

// Sentences and exact flags to resume `run` as `plan`, which must be feasible, with a framework of
// planner/cost/framework_profile.h, or "nanogpt" for scripts that keep one file. A framework of
// which nothing is known says so.
std::vector<ReplanAdvice> AdviseOnResume(absl::string_view framework, const RunUnderWay& run,
                                         const Plan& plan);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_RESUME_ADVICE_H_
