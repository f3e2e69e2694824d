// SPDX-License-Identifier: Apache-2.0
// Labels above a frame, moved into rows so that none overlaps another or is cut.
#ifndef RHUMB_CLIENT_PLOT_LABEL_ROWS_H_
#define RHUMB_CLIENT_PLOT_LABEL_ROWS_H_

#include <vector>

namespace rhumb::plot {

struct WantedLabel {
  double centre = 0;
  double width = 0;  // at most the room there is
  // How far it may move sideways to stay in a row, such as the range that it names.
  double slide_low = centre;
  double slide_high = centre;
};

struct PlacedLabel {
  double start = 0;
  int row = 0;  // 0 is nearest to the frame
};

// One place for each label, in their order, between `low` and `high`, at least `gap` apart within a
// row. The first labels get the lowest rows.
std::vector<PlacedLabel> PlaceLabels(const std::vector<WantedLabel>& labels, double low,
                                     double high, double gap);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_LABEL_ROWS_H_
