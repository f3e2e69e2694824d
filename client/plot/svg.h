// SPDX-License-Identifier: Apache-2.0
// Figures as self-contained SVG: no scripts, no fonts or styles from elsewhere, light background,
// readable in grey. Nothing here fails: what cannot be drawn is left out and said in a note.
#ifndef RHUMB_CLIENT_PLOT_SVG_H_
#define RHUMB_CLIENT_PLOT_SVG_H_

#include <string>

#include "client/plot/figure.h"

namespace rhumb::plot {

struct SvgOptions {
  double width = 720;   // pixels; at least 320
  double height = 480;  // wanted for the whole; grows where legend and notes need it
  // Begins every id, so that several figures can stand in one HTML page. Letters, digits, - and _;
  // other characters become _.
  std::string id_prefix = "plot";
};

std::string RenderSvg(const Figure& figure, const SvgOptions& options);
std::string RenderSvg(const PanelStack& stack, const SvgOptions& options);
std::string RenderSvg(const HeatMap& map, const SvgOptions& options);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_SVG_H_
