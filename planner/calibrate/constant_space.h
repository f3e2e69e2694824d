// SPDX-License-Identifier: Apache-2.0
// The constants of a GPU family as a point that a search may move: which of them, within which
// bounds, on which scale.
#ifndef RHUMB_PLANNER_CALIBRATE_CONSTANT_SPACE_H_
#define RHUMB_PLANNER_CALIBRATE_CONSTANT_SPACE_H_

#include <vector>

#include "planner/cost/time_constants.h"

namespace rhumb {

// One coordinate: a constant and its bounds. Coordinates are logarithms, so that a step is a
// factor.
struct ConstantAxis {
  const char* name;
  double TimeConstants::*member;
  double least, most;
  bool is_rate;  // a speed: predictions scale with it
};

// The axes along which `constants` may move; constants that are 0 (formats that the family lacks)
// stay 0.
std::vector<ConstantAxis> AxesOf(const TimeConstants& constants);

// ln of the constants on `axes`, and constants at such a point with the rest of `base`. Values
// outside the bounds are moved to them.
std::vector<double> PointOf(const std::vector<ConstantAxis>& axes, const TimeConstants& constants);
TimeConstants ConstantsAt(const std::vector<ConstantAxis>& axes, const std::vector<double>& point,
                          const TimeConstants& base);

// `constants` with everything on its axes at the bound that makes steps short: what no machine of
// the family can beat.
TimeConstants FastestOf(const TimeConstants& constants);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_CONSTANT_SPACE_H_
