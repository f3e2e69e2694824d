// SPDX-License-Identifier: Apache-2.0
// Colours that colour-blind readers can tell apart.
#ifndef RHUMB_CLIENT_PLOT_PALETTE_H_
#define RHUMB_CLIENT_PLOT_PALETTE_H_

#include <string>

namespace rhumb::plot {

struct Rgb {
  int red = 0;  // 0 to 255
  int green = 0;
  int blue = 0;
};

// Colours for things without an order, in turn; repeats from the seventh on, so marks and dashes
// must differ too. Source: Okabe and Ito 2008, "Color Universal Design", without yellow, which
// vanishes on white paper, and black, which is the axes'.
Rgb CategoricalColor(int index);

// Colours for things with an order; dark blue at 0, yellow at 1. Lightness rises throughout, so
// that it survives grey printing. Source: viridis (van der Walt and Smith 2015, CC0), every eighth
// of it.
Rgb ContinuousColor(double shade);

std::string HexColor(const Rgb& color);  // "#0072b2"

// The nearest of the 216 colours that terminals of 256 colours share, as its index from 16 on.
int AnsiColor(const Rgb& color);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_PALETTE_H_
