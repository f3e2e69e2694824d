// SPDX-License-Identifier: Apache-2.0
// Which constants of the shipped models measured runs choose, within which bounds, and what holds
// them where runs say little.
#ifndef RHUMB_PLANNER_CALIBRATE_SHIPPED_AXES_H_
#define RHUMB_PLANNER_CALIBRATE_SHIPPED_AXES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/time_constants.h"
#include "planner/cost/work_constants.h"

namespace rhumb {

// One constant. Exactly one of the members is set. `centre` and `spread` are what is believed of it
// without runs: its logarithm is about that of `centre`, times the constant at `parent` where there
// is one, give or take `spread`.
struct ShippedAxis {
  std::string owner;  // a GPU family, "generic", a framework profile or "work"
  std::string name;   // of the member
  double TimeConstants::*of_family = nullptr;
  double FrameworkProfile::*of_profile = nullptr;
  double WorkConstants::*of_work = nullptr;
  std::vector<std::string> profiles;  // that share it; of_profile only
  double least = 0, most = 0;
  double centre = 0;
  int parent = -1;
  double spread = 0;
  std::string reason;  // for centre and bounds
};

// All of them; parents before their children.
const std::vector<ShippedAxis>& ShippedAxes();

// The constants of `family` at `values` (one an axis): its own, or those of its anchor and of what
// families have in common.
TimeConstants FamilyAt(const std::vector<double>& values, absl::string_view family);

// `profile` with the constants that are chosen by runs at `values`, the rest as it is.
FrameworkProfile ProfileAt(const std::vector<double>& values, FrameworkProfile profile);

// What the binary ships.
std::vector<double> ShippedValues();

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_SHIPPED_AXES_H_
