// SPDX-License-Identifier: Apache-2.0
// Values on a grid: between the places (bilinear), along one level, and above one level (marching
// squares).
#ifndef RHUMB_CLIENT_PLOT_CONTOUR_H_
#define RHUMB_CLIENT_PLOT_CONTOUR_H_

#include <optional>
#include <vector>

namespace rhumb::plot {

struct Place {
  double x = 0;
  double y = 0;
};

using Polyline = std::vector<Place>;

// values[row * xs.size() + column] lies at (xs[column], ys[row]); xs and ys increase. A value that
// is not finite means that there is none.
struct Grid {
  std::vector<double> xs = {};
  std::vector<double> ys = {};
  std::vector<double> values = {};
};

// The value at a place, or nothing outside the grid and beside a missing value.
std::optional<double> Interpolate(const Grid& grid, double x, double y);

// The lines where the value is `level`. A closed line ends where it begins.
std::vector<Polyline> ContourLines(const Grid& grid, double level);

// Polygons that cover where the value is at least `level`; they touch without overlapping.
std::vector<Polyline> RegionAbove(const Grid& grid, double level);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_CONTOUR_H_
