// SPDX-License-Identifier: Apache-2.0
// The joint laws of Kaplan et al. 2020, which have no irreducible loss.
#include <array>
#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/form.h"
#include "planner/fit/jet_objective.h"
#include "planner/fit/variable_projection.h"

namespace rhumb {
namespace {

// theta = (ln N_c, ln D_c, alpha_N, alpha_D).
struct TokensFormula {
  static constexpr int kParameterCount = 4;
  Eigen::ArrayXd log_params, log_tokens;

  explicit TokensFormula(const Rows& rows)
      : log_params(rows.log_params), log_tokens(rows.log_tokens) {}

  template <typename T>
  T operator()(const std::array<T, 4>& theta, Eigen::Index row) const {
    return theta[3] * LogAddExp(T(theta[2] / theta[3] * (theta[0] - log_params[row])),
                                T(theta[1] - log_tokens[row]));
  }
};

class KaplanTokens final : public JetForm<TokensFormula> {
 public:
  KaplanTokens()
      : JetForm({{.symbol = "N_c", .theta_name = "ln_N_c", .is_log = true, .unit = "parameters"},
                 {.symbol = "D_c", .theta_name = "ln_D_c", .is_log = true, .unit = "tokens"},
                 {.symbol = "alpha_N", .theta_name = "alpha_N"},
                 {.symbol = "alpha_D", .theta_name = "alpha_D"}}) {}

  absl::string_view name() const override { return "kaplan-nd"; }
  absl::string_view formula() const override {
    return "L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D";
  }

  // For a given alpha_D, L^(1/alpha_D) = A N^-(alpha_N/alpha_D) + D_c D^-1; a relative error of it
  // is alpha_D times one of L.
  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    std::vector<ParameterVector> starts;
    for (const double alpha_d : {0.03, 0.06, 0.1, 0.18, 0.3, 0.6, 1.2}) {
      const std::vector<ProjectedPoint> points =
          ProjectCurve({.log_target = rows.log_loss / alpha_d,
                        .weight = rows.weight * (alpha_d * alpha_d),
                        .column_count = 2,
                        .columns =
                            [&rows](double exponent, Eigen::MatrixXd& columns) {
                              columns.col(0) =
                                  (-exponent * (rows.log_params - rows.log_params.mean())).exp();
                              columns.col(1) = (rows.log_tokens.mean() - rows.log_tokens).exp();
                            },
                        .least_exponent = 0.02,
                        .greatest_exponent = 5,
                        .should_stop = should_stop});
      if (points.empty()) continue;
      const ProjectedPoint& point = points.front();
      ParameterVector theta(4);
      theta << point.log_k[0] / point.exponent + rows.log_params.mean(),
          point.log_k[1] + rows.log_tokens.mean(), point.exponent * alpha_d, alpha_d;
      starts.push_back(theta);
    }
    return starts;
  }
};

// theta = (ln N_c, ln S_c, alpha_N, alpha_S).
struct StepsFormula {
  static constexpr int kParameterCount = 4;
  Eigen::ArrayXd log_params, log_steps;

  explicit StepsFormula(const Rows& rows)
      : log_params(rows.log_params), log_steps(rows.log_steps) {}

  template <typename T>
  T operator()(const std::array<T, 4>& theta, Eigen::Index row) const {
    return LogAddExp(T(theta[2] * (theta[0] - log_params[row])),
                     T(theta[3] * (theta[1] - log_steps[row])));
  }
};

class KaplanSteps final : public JetForm<StepsFormula> {
 public:
  KaplanSteps()
      : JetForm({{.symbol = "N_c", .theta_name = "ln_N_c", .is_log = true, .unit = "parameters"},
                 {.symbol = "S_c", .theta_name = "ln_S_c", .is_log = true, .unit = "steps"},
                 {.symbol = "alpha_N", .theta_name = "alpha_N"},
                 {.symbol = "alpha_S", .theta_name = "alpha_S"}}) {}

  absl::string_view name() const override { return "kaplan-ns"; }
  absl::string_view formula() const override { return "L = (N_c/N)^alpha_N + (S_c/S)^alpha_S"; }

  absl::Status CheckRows(const Rows& rows) const override {
    for (int i = 0; i < rows.size(); ++i) {
      if (std::isfinite(rows.log_steps[i])) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("kaplan-ns needs step_count, which observation ", i, " lacks"));
    }
    return absl::OkStatus();
  }

  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    std::vector<ParameterVector> starts;
    for (const PowerSumStart& start : ProjectPowerSum({.x = rows.log_params,
                                      .y = rows.log_steps,
                                      .log_target = rows.log_loss,
                                      .weight = rows.weight,
                                      .has_offset = false,
                                      .should_stop = should_stop})) {
      ParameterVector theta(4);
      theta << start.log_a / start.alpha, start.log_b / start.beta, start.alpha, start.beta;
      starts.push_back(theta);
    }
    return starts;
  }
};

}  // namespace

const Form& KaplanTokensForm() {
  static const KaplanTokens form;
  return form;
}

const Form& KaplanStepsForm() {
  static const KaplanSteps form;
  return form;
}

}  // namespace rhumb
