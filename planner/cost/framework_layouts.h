// SPDX-License-Identifier: Apache-2.0
// Which layouts a framework's users can switch on.
#ifndef RHUMB_PLANNER_COST_FRAMEWORK_LAYOUTS_H_
#define RHUMB_PLANNER_COST_FRAMEWORK_LAYOUTS_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "planner/cost/layout.h"

namespace rhumb {

// What a search looks at unless a question asks for more: what is asked for stands.
struct FrameworkLayouts {
  bool tensor = true, pipeline = true, context = true, expert = true;
  int64_t max_virtual_stages = std::numeric_limits<int64_t>::max();
  // Ascending.
  std::vector<int64_t> zero_stages = {0, 1, 2, 3};
  std::vector<int64_t> pipelined_zero_stages = {0, 1};
  std::vector<Recompute> recompute_modes = {Recompute::kNone, Recompute::kSelective,
                                            Recompute::kFull};
  // Of a configuration that does not say, where ranks are replicated.
  int64_t default_zero_stage = 1;

  bool operator==(const FrameworkLayouts&) const = default;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_FRAMEWORK_LAYOUTS_H_
