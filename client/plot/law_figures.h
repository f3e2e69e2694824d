// SPDX-License-Identifier: Apache-2.0
// Pictures of scaling laws: loss over compute with residuals, isoFLOP families, maps of N and D.
// Takes numbers that someone else fitted; knows no law and fits nothing.
//
// Letters: N param_count, D token_count, C training_flops, L loss_nats. Numbers that cannot be
// drawn (NaN, or N, D, C at or below 0) are left out by the renderers, which say so in a note.
#ifndef RHUMB_CLIENT_PLOT_LAW_FIGURES_H_
#define RHUMB_CLIENT_PLOT_LAW_FIGURES_H_

#include <optional>
#include <string>
#include <vector>

#include "client/plot/figure.h"

namespace rhumb::plot {

// One training run.
struct LawPoint {
  double param_count = 0;
  double token_count = 0;
  double training_flops = 0;
  double loss_nats = 0;
  std::optional<double> residual_nats = {};  // observed less predicted, at this N and D
  std::string label = {};                    // the run's name
  bool is_outlier = false;                   // left out of the fit
};

// A value over an x, with its interval where there is one (both ends or neither).
struct CurvePoint {
  double x = 0;
  double y = 0;
  std::optional<double> low = {};
  std::optional<double> high = {};
};

struct LawPicture {
  std::string law = {};     // shown as the title
  std::string source = {};  // one line: data, paper, version
  std::vector<LawPoint> points = {};
  std::vector<CurvePoint> frontier = {};          // compute-optimal L over C, C increasing
  double level = 0.9;                             // of the frontier's interval
  std::optional<Range> data_training_flops = {};  // what the fit saw; unset: that of the points
                                                  // that are no outliers
  std::optional<double> planned_training_flops = {};
  std::optional<double> planned_loss_nats = {};
};

// L over C, both logarithmic, and the residuals under it where any point has one. Ranges without
// data are shaded.
PanelStack LossOverCompute(const LawPicture& picture);

struct IsoFlopBudget {
  double training_flops = 0;
  std::vector<LawPoint> points = {};
  std::vector<CurvePoint> fit = {};  // L over N, N increasing
  std::optional<double> optimal_param_count = {};
  std::optional<double> optimal_loss_nats = {};
  // Where the fit stays within `tolerance_nats` of its minimum.
  std::optional<Range> flat_param_counts = {};
};

struct IsoFlopPicture {
  std::string law = {};
  std::string source = {};
  double tolerance_nats = 0.01;
  std::vector<IsoFlopBudget> budgets = {};
};

// L over N, a curve a budget, with the minima joined and the width of each flat region.
Figure IsoFlopCurves(const IsoFlopPicture& picture);

struct NdMap {
  std::string law = {};
  std::string source = {};
  std::vector<double> param_counts = {};   // increasing
  std::vector<double> token_counts = {};   // increasing
  std::vector<double> losses_nats = {};    // a row a token_count
  std::vector<double> budgets_flops = {};  // lines of equal compute, C = flops_per_param_token N D
  double flops_per_param_token = 6;
  std::vector<LawPoint> points = {};            // runs that the law was fitted to
  std::optional<Range> data_param_counts = {};  // outside them the map extrapolates
  std::optional<Range> data_token_counts = {};
  std::optional<LawPoint> optimum = {};  // needs N, D, L
  double tolerance_nats = 0.01;          // the flat region: that near the optimum's loss
};

// L over N (x) and D (y). With an optimum, the contour of its loss plus the tolerance, and the part
// of its line of equal compute on which the loss stays within the tolerance.
HeatMap LossOverParamsAndTokens(const NdMap& map);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_LAW_FIGURES_H_
