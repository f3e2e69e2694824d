// SPDX-License-Identifier: Apache-2.0
// Axes with their range settled: positions of values, and ticks that fit the room there is.
#ifndef RHUMB_CLIENT_PLOT_AXIS_H_
#define RHUMB_CLIENT_PLOT_AXIS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/plot/figure.h"

namespace rhumb::plot {

// low < high, both drawable on the scale.
struct AxisView {
  Scale scale = Scale::kLinear;
  Numbers numbers = Numbers::kPlain;
  double low = 0;
  double high = 1;
};

// Whether `value` has a place on the scale: finite, positive if logarithmic, and not so large or
// small that differences or ratios would leave double (1e300, 1e-300).
bool IsDrawable(Scale scale, double value);

// 0 at view.low, 1 at view.high, beyond them outside. `value` must be drawable.
double PositionOf(const AxisView& view, double value);
// The inverse of PositionOf.
double ValueAt(const AxisView& view, double position);

// The axis's own range if it can be drawn, else `data` widened by a twentieth at each end; one
// value gets room around it, and no data at all 0 to 1 or 1 to 10.
AxisView FitAxis(const Axis& axis, const std::optional<Range>& data);

// Whether the axis states a range that FitAxis has to ignore.
bool HasUnusableRange(const Axis& axis);

struct Tick {
  double position = 0;  // 0 to 1
  std::string label = {};
};

struct Ticks {
  std::vector<Tick> major = {};
  std::vector<double> minor = {};  // positions; empty unless logarithmic
};

struct TickRoom {
  double length = 0;  // of the whole axis, in the unit of `extent` and `gap`
  double gap = 0;     // least distance between two labels
  std::function<double(const std::string&)> extent;  // of a label along the axis
  int max_count = 9;
};

// The most ticks at round values whose labels keep their distance.
Ticks MakeTicks(const AxisView& view, const TickRoom& room);

// A number as ticks write it, with up to `digits` significant digits: 0.25, 1.5B, 1e19;
// "?" for NaN and infinities.
std::string FormatTick(Numbers numbers, double value, int digits);

// "label (unit)"
std::string AxisTitle(const Axis& axis);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_AXIS_H_
