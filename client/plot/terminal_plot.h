// SPDX-License-Identifier: Apache-2.0
// Figures as characters: curves in braille dots or ASCII, heat maps in half blocks or shades of
// characters. Without colours, marks and dashes tell series apart. Nothing here fails: what cannot
// be drawn is left out and said in a note.
#ifndef RHUMB_CLIENT_PLOT_TERMINAL_PLOT_H_
#define RHUMB_CLIENT_PLOT_TERMINAL_PLOT_H_

#include <string>

#include "client/plot/figure.h"

namespace rhumb::plot {

enum class Charset { kBraille, kAscii };

struct TerminalOptions {
  int width = 80;   // columns of the whole; at least 40
  int height = 20;  // rows of the frames of all panels together; at least 6 a panel. Titles,
                    // numbers and legend come on top.
  Charset charset = Charset::kBraille;
  bool color = false;  // escape codes for terminals of 256 colours
};

// Lines without blanks at their ends, each ending in a line feed.
std::string RenderTerminal(const Figure& figure, const TerminalOptions& options);
std::string RenderTerminal(const PanelStack& stack, const TerminalOptions& options);
std::string RenderTerminal(const HeatMap& map, const TerminalOptions& options);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_TERMINAL_PLOT_H_
