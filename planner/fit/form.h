// SPDX-License-Identifier: Apache-2.0
// A functional form of the loss that can be fitted: its parameters, its objective, its starts.
// Not how it is fitted (fit.h). Forms of exponents alone, such as isoFLOP, are in isoflop.h.
#ifndef RHUMB_PLANNER_FIT_FORM_H_
#define RHUMB_PLANNER_FIT_FORM_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "planner/fit/objective.h"
#include "planner/fit/parameters.h"
#include "planner/fit/rows.h"

namespace rhumb {

// One constant of a law. The fitter works on theta, which is ln of a constant that must be
// positive, and the constant itself otherwise.
struct ParameterInfo {
  std::string symbol;  // as users write it: "A", "alpha"
  std::string theta_name;  // "ln_A", "alpha"
  bool is_log = false;
  std::string unit = {};  // of the constant; empty: none
  // Where a fit may look, on theta. A fit that ends at a limit is not identified there.
  double lowest_theta = -1e300;
  double highest_theta = 1e300;
};

class Form {
 public:
  virtual ~Form() = default;

  // "chinchilla", "coupled", ...; one word of `rhumb fit --family`.
  virtual absl::string_view name() const = 0;
  // The formula, for people.
  virtual absl::string_view formula() const = 0;
  virtual const std::vector<ParameterInfo>& parameters() const = 0;

  // sum_i weight_i rho(ln L(row_i; theta) - ln L_i). The rows are copied.
  virtual std::unique_ptr<Objective> MakeObjective(const Rows& rows) const = 0;

  // Points to start from, found from the data alone, the most promising first; never empty for rows
  // that MakeRows accepts. Users choose no grid.
  virtual std::vector<ParameterVector> Starts(const Rows& rows) const = 0;

  // ln L at each row, natural logarithm of nats.
  virtual Eigen::ArrayXd PredictLogLoss(const ParameterVector& theta, const Rows& rows) const = 0;

  // d ln L / d theta, a row per row: (rows x parameters).
  virtual Eigen::MatrixXd Jacobian(const ParameterVector& theta, const Rows& rows) const = 0;
};

// L = E + A N^-alpha + B D^-beta, theta = (ln A, ln B, ln E, alpha, beta).
// Source: Hoffmann et al. 2022, arXiv:2203.15556, eq. (2), fitted as their approach 3.
const Form& ChinchillaForm();

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FORM_H_
