// SPDX-License-Identifier: Apache-2.0
// A functional form of the loss that can be fitted: its parameters, its objective, its starts.
// Not how it is fitted (fit.h). Forms of exponents alone, such as isoFLOP, are in isoflop.h.
#ifndef RHUMB_PLANNER_FIT_FORM_H_
#define RHUMB_PLANNER_FIT_FORM_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "planner/fit/objective.h"
#include "planner/fit/parameters.h"
#include "planner/fit/rows.h"

namespace rhumb {

// One constant of a law. The fitter works on theta, which is ln of a constant that must be
// positive, and the constant itself otherwise.
struct ParameterInfo {
  std::string symbol;      // as users write it: "A", "alpha"
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

  // Whether the rows hold what the form is a function of. FailedPrecondition says what is missing.
  virtual absl::Status CheckRows(const Rows&) const { return absl::OkStatus(); }

  // sum_i weight_i rho(r_i), r_i = ln L(row_i; theta) - ln L_i or L(row_i; theta) - L_i. The rows
  // are copied.
  virtual std::unique_ptr<Objective> MakeObjective(const Rows& rows, ResidualKind kind) const = 0;

  // Points to start from, found from the data alone, the most promising first; never empty for rows
  // that MakeRows accepts, unless `should_stop` (may be null) said so: then they are of no use.
  // Users choose no grid.
  virtual std::vector<ParameterVector> Starts(const Rows& rows,
                                              const std::function<bool()>& should_stop) const = 0;

  // True if a robust objective of this form is known to have several minima that least squares has
  // not: then a fit also descends straight from each start, and lists what it finds.
  virtual bool HasManyMinima() const { return false; }

  // ln L at each row, natural logarithm of nats.
  virtual Eigen::ArrayXd PredictLogLoss(const ParameterVector& theta, const Rows& rows) const = 0;

  // d ln L / d theta, a row per row: (rows x parameters).
  virtual Eigen::MatrixXd Jacobian(const ParameterVector& theta, const Rows& rows) const = 0;
};

// L = E + A N^-alpha + B D^-beta, theta = (ln A, ln B, ln E, alpha, beta).
// Source: Hoffmann et al. 2022, arXiv:2203.15556, eq. (2), fitted as their approach 3.
const Form& ChinchillaForm();

// L = E + (A N^-alpha + B D^-beta)^gamma, theta = (ln A, ln B, ln E, alpha, beta, ln gamma): the
// two shortages interact unless gamma is 1. Source: "Skaling", arXiv:2608.07222.
const Form& CoupledForm();

// L = E + A N'^-alpha + B D'^-beta with the effective counts of repeated tokens, theta = (ln A,
// ln B, ln E, alpha, beta, ln R_D, ln R_N). Source: Muennighoff et al. 2023, arXiv:2305.16264,
// eq. (5) and (6). Its objective has many local minima in (R_D, R_N): see FitResult::minima.
const Form& DataConstrainedForm();

// L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D, theta = (ln N_c, ln D_c, alpha_N, alpha_D), and
// L = (N_c/N)^alpha_N + (S_c/S)^alpha_S, theta = (ln N_c, ln S_c, alpha_N, alpha_S), S being steps.
// Source: Kaplan et al. 2020, arXiv:2001.08361, eq. (1.5) and (1.6).
const Form& KaplanTokensForm();
const Form& KaplanStepsForm();

// L = E + (X_c/X)^k with X one of N, D and C, theta = (ln E, ln X_c, k); the plain forms lack E.
// Source: Kaplan et al. 2020, eq. (1.1) to (1.3), E = 0; with E: Dey et al. 2023, arXiv:2304.03208.
const Form& ParamsPowerForm();
const Form& TokensPowerForm();
const Form& FlopsPowerForm();
const Form& PlainParamsPowerForm();
const Form& PlainTokensPowerForm();
const Form& PlainFlopsPowerForm();

// L = E + (a M^eta + b M^-eta) C^-eta with M = D/N and C = 6ND, theta = (ln a, ln b, ln E, eta):
// chinchilla with alpha = beta = 2 eta. Source: Gadre et al. 2024, arXiv:2403.08540, eq. (4).
const Form& OvertrainingForm();

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FORM_H_
