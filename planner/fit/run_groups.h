// SPDX-License-Identifier: Apache-2.0
// Suggested runs as a person schedules them: a configuration, and how many of it.
#ifndef RHUMB_PLANNER_FIT_RUN_GROUPS_H_
#define RHUMB_PLANNER_FIT_RUN_GROUPS_H_

#include <vector>

#include "planner/fit/suggest.h"
#include "planner/laws/law.h"

namespace rhumb {

struct RunGroup {
  // Of one of them; `std_after` is after all runs of this group and of those before it.
  SuggestedRun run;
  int count = 0;
};

// `runs` of equal N and D put together, in order of first appearance. What they do to the
// decision's deviation together does not depend on their order, what the first groups do of it
// does: it is computed anew. `law` and `options` are those that the runs were suggested by.
std::vector<RunGroup> GroupRuns(const Law& law, const SuggestOptions& options,
                                const std::vector<SuggestedRun>& runs);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_RUN_GROUPS_H_
