// SPDX-License-Identifier: Apache-2.0
// Powers of one count, with and without an irreducible loss, and the tied law of over-training.
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "planner/fit/form.h"
#include "planner/fit/jet_objective.h"
#include "planner/fit/variable_projection.h"
#include "planner/laws/chinchilla.h"

namespace rhumb {
namespace {

using Eigen::ArrayXd;

enum class Count { kParams, kTokens, kFlops };

template <Count count>
const ArrayXd& LogCount(const Rows& rows) {
  if constexpr (count == Count::kParams) return rows.log_params;
  if constexpr (count == Count::kTokens) return rows.log_tokens;
  if constexpr (count == Count::kFlops) return rows.log_flops;
}

// Words of each count: suffix of the form's name, letter, unit.
struct CountWords {
  std::string suffix, letter, unit;
};
CountWords WordsOf(Count count) {
  switch (count) {
    case Count::kParams:
      return {"n", "N", "parameters"};
    case Count::kTokens:
      return {"d", "D", "tokens"};
    case Count::kFlops:
      break;
  }
  return {"c", "C", "FLOPs"};
}

// theta = (ln E, ln X_c, k), or (ln X_c, k) without an offset.
template <Count count, bool has_offset>
struct PowerFormula {
  static constexpr int kParameterCount = has_offset ? 3 : 2;
  ArrayXd log_count;

  explicit PowerFormula(const Rows& rows) : log_count(LogCount<count>(rows)) {}

  template <typename T>
  T operator()(const std::array<T, kParameterCount>& theta, Eigen::Index row) const {
    const T log_power = theta[kParameterCount - 1] * (theta[kParameterCount - 2] - log_count[row]);
    if constexpr (has_offset) return LogAddExp(theta[0], log_power);
    return log_power;
  }
};

template <Count count, bool has_offset>
class Power final : public JetForm<PowerFormula<count, has_offset>> {
 public:
  Power() : JetForm<PowerFormula<count, has_offset>>(Parameters()) {
    const CountWords words = WordsOf(count);
    name_ = (has_offset ? "power-" : "kaplan-") + words.suffix;
    const std::string& x = words.letter;
    formula_ = std::string(has_offset ? "L = E + (" : "L = (") + x + "_c/" + x + ")^alpha_" + x;
  }

  absl::string_view name() const override { return name_; }
  absl::string_view formula() const override { return formula_; }

  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    const ArrayXd& log_count = LogCount<count>(rows);
    const double center = log_count.mean();
    const std::vector<ProjectedPoint> points =
        ProjectCurve({.log_target = rows.log_loss,
                      .weight = rows.weight,
                      .column_count = has_offset ? 2 : 1,
                      .columns =
                          [&](double exponent, Eigen::MatrixXd& columns) {
                            columns.col(0) = (-exponent * (log_count - center)).exp();
                            if (has_offset) columns.col(1).setOnes();
                          },
                      .least_exponent = 1e-3,
                      .should_stop = should_stop});
    std::vector<ParameterVector> starts;
    for (const ProjectedPoint& point : points) {
      const double log_critical = point.log_k[0] / point.exponent + center;
      ParameterVector theta(has_offset ? 3 : 2);
      if (has_offset) {
        theta << point.log_k[1], log_critical, point.exponent;
      } else {
        theta << log_critical, point.exponent;
      }
      starts.push_back(theta);
    }
    return starts;
  }

 private:
  static std::vector<ParameterInfo> Parameters() {
    const CountWords words = WordsOf(count);
    std::vector<ParameterInfo> parameters;
    if (has_offset) {
      parameters.push_back({.symbol = "E", .theta_name = "ln_E", .is_log = true, .unit = "nats"});
    }
    parameters.push_back({.symbol = words.letter + "_c",
                          .theta_name = "ln_" + words.letter + "_c",
                          .is_log = true,
                          .unit = words.unit});
    parameters.push_back(
        {.symbol = "alpha_" + words.letter, .theta_name = "alpha_" + words.letter});
    return parameters;
  }

  std::string name_, formula_;
};

// theta = (ln a, ln b, ln E, eta): M^eta C^-eta = N^(-2 eta) 6^-eta and M^-eta C^-eta =
// D^(-2 eta) 6^-eta.
struct OvertrainingFormula {
  static constexpr int kParameterCount = 4;
  ArrayXd log_params, log_tokens;

  explicit OvertrainingFormula(const Rows& rows)
      : log_params(rows.log_params), log_tokens(rows.log_tokens) {}

  template <typename T>
  T operator()(const std::array<T, 4>& theta, Eigen::Index row) const {
    static const double log_six = std::log(kTrainingFlopsPerParamToken);
    return LogAddExp(theta[2], LogAddExp(T(theta[0] - theta[3] * (2 * log_params[row] + log_six)),
                                         T(theta[1] - theta[3] * (2 * log_tokens[row] + log_six))));
  }
};

class Overtraining final : public JetForm<OvertrainingFormula> {
 public:
  Overtraining()
      : JetForm({{.symbol = "a", .theta_name = "ln_a", .is_log = true, .unit = "nats"},
                 {.symbol = "b", .theta_name = "ln_b", .is_log = true, .unit = "nats"},
                 {.symbol = "E", .theta_name = "ln_E", .is_log = true, .unit = "nats"},
                 {.symbol = "eta", .theta_name = "eta"}}) {}

  absl::string_view name() const override { return "gadre"; }
  absl::string_view formula() const override {
    return "L = E + (a M^eta + b M^-eta) C^-eta, M = D/N, C = 6ND";
  }

  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    const double params_center = rows.log_params.mean(), tokens_center = rows.log_tokens.mean();
    const double log_six = std::log(kTrainingFlopsPerParamToken);
    std::vector<ParameterVector> starts;
    for (const ProjectedPoint& point :
         ProjectCurve({.log_target = rows.log_loss,
         .weight = rows.weight,
         .column_count = 3,
         .columns =
                           [&](double eta, Eigen::MatrixXd&columns) {
                             columns.col(0) = (-2 * eta * (rows.log_params - params_center)).exp();
                             columns.col(1) = (-2 * eta * (rows.log_tokens - tokens_center)).exp();
                             columns.col(2).setOnes();
                           },
         .greatest_exponent = 1.25,
         .should_stop = should_stop})) {
      ParameterVector theta(4);
      theta << point.log_k[0] + point.exponent * (2 * params_center + log_six),
          point.log_k[1] + point.exponent * (2 * tokens_center + log_six), point.log_k[2],
          point.exponent;
      starts.push_back(theta);
    }
    return starts;
  }
};

}  // namespace

const Form& ParamsPowerForm() {
  static const Power<Count::kParams, true> form;
  return form;
}

const Form& TokensPowerForm() {
  static const Power<Count::kTokens, true> form;
  return form;
}

const Form& FlopsPowerForm() {
  static const Power<Count::kFlops, true> form;
  return form;
}

const Form& PlainParamsPowerForm() {
  static const Power<Count::kParams, false> form;
  return form;
}

const Form& PlainTokensPowerForm() {
  static const Power<Count::kTokens, false> form;
  return form;
}

const Form& PlainFlopsPowerForm() {
  static const Power<Count::kFlops, false> form;
  return form;
}

const Form& OvertrainingForm() {
  static const Overtraining form;
  return form;
}

}  // namespace rhumb
