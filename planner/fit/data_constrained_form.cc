// SPDX-License-Identifier: Apache-2.0
// E + A N'^-alpha + B D'^-beta with effective counts under repetition.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "planner/fit/form.h"
#include "planner/fit/jet_objective.h"
#include "planner/fit/variable_projection.h"

namespace rhumb {
namespace {

using Eigen::ArrayXd;

enum : int { kLogA, kLogB, kLogE, kAlpha, kBeta, kLogTokenDecay, kLogParamDecay, kCount };

// D' = U + U R_D* (1 - e^(-R_D/R_D*)), R_D = D/U - 1, and alike for N with U_N = min(N, N_opt(U)),
// where N_opt(U) is the size that U tokens are optimal for: alpha A N^-alpha = beta B U^-beta.
struct DataConstrainedFormula {
  static constexpr int kParameterCount = kCount;
  ArrayXd log_params, log_tokens, log_unique;

  explicit DataConstrainedFormula(const Rows& rows)
      : log_params(rows.log_params),
        log_tokens(rows.log_tokens),
        log_unique(rows.log_unique_tokens.min(rows.log_tokens)) {}

  template <typename T>
  T operator()(const std::array<T, kCount>& theta, Eigen::Index row) const {
    using std::exp;
    using std::log;
    const T& alpha = theta[kAlpha];
    const T& beta = theta[kBeta];
    T log_effective_tokens = log_tokens[row];
    if (log_unique[row] < log_tokens[row]) {
      const double repeats = std::expm1(log_tokens[row] - log_unique[row]);
      const T decay = exp(theta[kLogTokenDecay]);
      log_effective_tokens = log_unique[row] + log(1 + decay * OneMinusExpOfMinus(repeats / decay));
    }
    const T log_matched =
        (theta[kLogA] - theta[kLogB] + log(alpha / beta) + beta * log_unique[row]) / alpha;
    T log_effective_params = log_params[row];
    if (ValueOf(log_matched) < log_params[row]) {
      const T decay = exp(theta[kLogParamDecay]);
      const T repeats = exp(log_params[row] - log_matched) - 1;
      log_effective_params = log_matched + log(1 + decay * OneMinusExpOfMinus(repeats / decay));
    }
    return LogAddExp(theta[kLogE], LogAddExp(T(theta[kLogA] - alpha * log_effective_params),
                                             T(theta[kLogB] - beta * log_effective_tokens)));
  }
};

// Decays to start from: from a quarter of the least repetition seen to four times the greatest.
std::vector<double> DecayGrid(const std::vector<double>& repeats, int count) {
  double least = 1, greatest = 40;
  if (!repeats.empty()) {
    least = *std::min_element(repeats.begin(), repeats.end()) / 4;
    greatest = *std::max_element(repeats.begin(), repeats.end()) * 4;
    // Beyond these a decay is none, or instant, in any data.
    least = std::clamp(least, 0.05, 1e3);
    greatest = std::clamp(greatest, 2 * least, 1e4);
  }
  std::vector<double> grid;
  for (int i = 0; i < count; ++i) {
    grid.push_back(least * std::pow(greatest / least, (i + 0.5) / count));
  }
  return grid;
}

class DataConstrained final : public JetForm<DataConstrainedFormula> {
 public:
  DataConstrained()
      : JetForm({{.symbol = "A", .theta_name = "ln_A", .is_log = true, .unit = "nats"},
                 {.symbol = "B", .theta_name = "ln_B", .is_log = true, .unit = "nats"},
                 {.symbol = "E", .theta_name = "ln_E", .is_log = true, .unit = "nats"},
                 {.symbol = "alpha", .theta_name = "alpha"},
                 {.symbol = "beta", .theta_name = "beta"},
                 // Repetition that is worth nothing at all, or as much as new tokens.
                 {.symbol = "R_D",
                  .theta_name = "ln_R_D",
                  .is_log = true,
                  .unit = "epochs",
                  .lowest_theta = std::log(1e-2),
                  .highest_theta = std::log(1e5)},
                 {.symbol = "R_N",
                  .theta_name = "ln_R_N",
                  .is_log = true,
                  .lowest_theta = std::log(1e-2),
                  .highest_theta = std::log(1e5)}}) {}

  absl::string_view name() const override { return "data-constrained"; }
  absl::string_view formula() const override {
    return "L = E + A N'^-alpha + B D'^-beta, D' = U (1 + R_D (1 - e^(-(D/U-1)/R_D))), "
           "N' = U_N (1 + R_N (1 - e^(-(N/U_N-1)/R_N))), U_N = min(N, N_opt(U))";
  }

  absl::Status CheckRows(const Rows& rows) const override {
    if (rows.log_unique_tokens.isFinite().any()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "data-constrained needs runs that repeat tokens: no observation has a "
        "unique_token_count below its token_count");
  }

  bool HasManyMinima() const override { return true; }

  // Five by five decays, spread over what the data repeat; for each the surface over effective
  // tokens is projected. With the surface's constants held, only the decays of a start count.
  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    constexpr int kDecays = 5;
    const ArrayXd log_unique = rows.log_unique_tokens.min(rows.log_tokens);
    const ArrayXd token_repeats = (rows.log_tokens - log_unique).exp() - 1;
    std::vector<double> repeated;
    for (const double repeats : token_repeats) {
      if (repeats > 0) repeated.push_back(repeats);
    }
    std::vector<ParameterVector> starts;
    for (const double token_decay : DecayGrid(repeated, kDecays)) {
      Rows effective = rows;
      effective.log_tokens =
          log_unique + (1 + token_decay * (1 - (-token_repeats / token_decay).exp())).log();
      const std::vector<ParameterVector> surfaces = ProjectedStarts(effective, should_stop);
      if (surfaces.empty()) continue;
      const ParameterVector& surface = surfaces.front();
      const ArrayXd log_matched =
          (surface[kLogA] - surface[kLogB] + std::log(surface[kAlpha] / surface[kBeta]) +
           surface[kBeta] * log_unique) /
          surface[kAlpha];
      std::vector<double> oversized;
      for (const double repeats : ((rows.log_params - log_matched).exp() - 1).eval()) {
        if (repeats > 0) oversized.push_back(repeats);
      }
      for (const double param_decay : DecayGrid(oversized, kDecays)) {
        ParameterVector theta(kCount);
        theta << surface, std::log(token_decay), std::log(param_decay);
        starts.push_back(theta);
      }
    }
    // The best first, by least squares.
    std::vector<std::pair<double, ParameterVector>> ranked;
    for (const ParameterVector& theta : starts) {
      const ArrayXd residual = PredictLogLoss(theta, rows) - rows.log_loss;
      ranked.emplace_back((rows.weight * residual.square()).sum(), theta);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < starts.size(); ++i) starts[i] = ranked[i].second;
    return starts;
  }
};

}  // namespace

const Form& DataConstrainedForm() {
  static const DataConstrained form;
  return form;
}

}  // namespace rhumb
