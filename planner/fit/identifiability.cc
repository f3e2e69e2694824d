// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/identifiability.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Eigen/Eigenvalues"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/draws.h"

namespace rhumb {
namespace {

// Counts closer than this (relative) are one size.
constexpr double kSameCount = 1e-3;
// Losses that differ by less than this (relative) are one loss.
constexpr double kSameLoss = 1e-6;
// Least standard deviation of runs off the line of ln N and ln D: 5%. Below it the two terms of a
// law differ only in the curvature of one.
constexpr double kLeastOffLine = 0.05;
// E below this fraction of the least loss is no floor that the data show.
constexpr double kLeastFloor = 1e-3;
// Largest share of a term below which the data do not show it.
constexpr double kLeastShare = 1e-4;
// Condition number of the scaled Gram matrix from which a direction is rounding.
constexpr double kFlat = 1e13;
// Least improvement by a term, as an F statistic of two constants. Its 1% point is 5 for many runs
// where the exponent is known; a searched exponent adapts to noise, and lambda is an
// estimate, so less than this is nothing.
constexpr double kLeastImprovement = 7.5;

class Report {
 public:
  Report(const FormSpec& spec, Identifiability& diagnosis) : spec_(spec), diagnosis_(diagnosis) {}

  bool IsFree(const std::string& symbol) const {
    if (spec_.options.fixed.count(symbol) > 0) return false;
    for (const auto& [first, second] : spec_.options.tied) {
      if (first == symbol && spec_.options.fixed.count(second) > 0) return false;
      if (second == symbol && spec_.options.fixed.count(first) > 0) return false;
    }
    for (const ParameterInfo& info : spec_.form->parameters()) {
      if (info.symbol == symbol) return true;
    }
    return false;
  }
  // Names a constant once, with the first reason found, and only if it is to be fitted.
  void Add(const std::string& symbol, const std::string& reason) {
    if (!IsFree(symbol)) return;
    diagnosis_.identifiable = false;
    for (const auto& [known, because] : diagnosis_.undetermined) {
      if (known == symbol) return;
    }
    diagnosis_.undetermined.emplace_back(symbol, reason);
  }
  void AddAll(const std::string& reason) {
    for (const ParameterInfo& info : spec_.form->parameters()) Add(info.symbol, reason);
  }

 private:
  const FormSpec& spec_;
  Identifiability& diagnosis_;
};

int DifferentValues(const Eigen::ArrayXd& logarithms) {
  std::vector<double> sorted(logarithms.data(), logarithms.data() + logarithms.size());
  std::sort(sorted.begin(), sorted.end());
  int count = 0;
  double last = 0;
  for (const double value : sorted) {
    if (count == 0 || value > last + kSameCount) {
      ++count;
      last = value;
    }
  }
  return count;
}

// The forms with a term in N and one in D.
bool IsSurface(const Form& form) {
  bool has_a = false, has_b = false;
  for (const ParameterInfo& info : form.parameters()) {
    has_a |= info.symbol == "A";
    has_b |= info.symbol == "B";
  }
  return has_a && has_b;
}

int IndexOf(const Form& form, const std::string& symbol) {
  for (size_t j = 0; j < form.parameters().size(); ++j) {
    if (form.parameters()[j].symbol == symbol) return static_cast<int>(j);
  }
  return -1;
}

Eigen::ArrayXd Residuals(const FitResult& fit, const Rows& rows) {
  const Eigen::ArrayXd predicted = fit.form->PredictLogLoss(fit.theta, rows);
  return fit.residual == ResidualKind::kLoss ? (predicted.exp() - rows.log_loss.exp()).eval()
                                             : (predicted - rows.log_loss).eval();
}

// The middle one of the sizes of the residuals, without the smallest `fitted_away`: a nearly
// absolute fit goes through as many rows as it has constants.
double MedianSize(const Eigen::ArrayXd& residual, const Eigen::ArrayXd& weight, int fitted_away) {
  std::vector<double> sizes;
  for (Eigen::Index i = 0; i < residual.size(); ++i) {
    if (weight[i] > 0) sizes.push_back(std::abs(residual[i]));
  }
  std::sort(sizes.begin(), sizes.end());
  if (static_cast<int>(sizes.size()) > 2 * fitted_away) {
    sizes.erase(sizes.begin(), sizes.begin() + fitted_away);
  }
  return Quantile(sizes, 0.5);
}

// The F test of constants for robust losses, by what the objective rises when they are left
// out: F = (rise / q) / (lambda / 2), q of them, lambda = E rho'^2 / E rho'' (Schrader &
// Hettmansperger 1980, doi:10.1093/biomet/67.1.93), which is the usual F for squares. Gross
// outliers enter neither: each adds the same to both objectives, and lambda is read from the middle
// of the residuals. Runs count, not rows. nullopt where the fit is exact.
std::optional<double> RobustF(const FitResult& whole, const FitResult& reduced, const Rows& rows) {
  // One where the other exponent or a tie keeps the term's own.
  const double constants = std::max(whole.free_count - reduced.free_count, 1);
  const Eigen::ArrayXd residual = Residuals(whole, rows), without = Residuals(reduced, rows);
  const double delta = whole.loss.delta;
  const double middle = MedianSize(residual, rows.weight, whole.free_count);
  // rho'' is 1 up to delta. Few residuals are that small where delta is, so their density is taken
  // over the middle half of them.
  const double window = std::max(delta, middle);
  double rise = 0, slopes = 0, inside = 0;
  for (Eigen::Index i = 0; i < residual.size(); ++i) {
    const double w = rows.weight[i];
    rise += w * (whole.loss.Value(without[i]) - whole.loss.Value(residual[i]));
    slopes += w * std::pow(whole.loss.Slope(residual[i]), 2);
    inside += std::abs(residual[i]) <= window ? w : 0;
  }
  const double curvature = window > delta ? inside * delta / window : inside;
  if (!(slopes > 0) || !(curvature > 0)) return std::nullopt;
  const double runs = rows.run_count;
  const double spare = std::max(runs - whole.free_count, 1.0);
  const double lambda = slopes / curvature * runs / spare;
  return runs * (rise / rows.weight.sum()) / constants * 2 / lambda;
}

void DiagnoseTerm(const FormSpec& spec, const FitResult& fit, const Rows& rows,
                  const char* prefactor, const char* exponent, const char* count, Report& report) {
  if (!report.IsFree(prefactor)) return;
  const int j = IndexOf(*fit.form, prefactor);
  // The share of the term moves with its logarithm.
  const double share = fit.form->Jacobian(fit.theta, rows).col(j).cwiseAbs().maxCoeff();
  if (share < kLeastShare) {
    const std::string reason = absl::StrFormat(
        "the term in %s was driven to zero: the loss does not fall with %s in these "
        "data",
        count, count);
    report.Add(prefactor, reason);
    report.Add(exponent, reason);
    return;
  }
  const double value = fit.theta[IndexOf(*fit.form, exponent)];
  if (!(value > 0)) {
    const std::string reason =
        absl::StrFormat("%s came out as %.3g: the loss does not fall with %s in these data",
                        exponent, value, count);
    report.Add(prefactor, reason);
    report.Add(exponent, reason);
    return;
  }
  // Does the term earn its place?
  FitOptions without = spec.options;
  without.tied.clear();
  without.fixed[prefactor] = 0;
  without.fixed[exponent] = value;
  const absl::StatusOr<FitResult> reduced = FitForm(*fit.form, rows, without);
  if (!reduced.ok()) return;
  const std::optional<double> improvement = RobustF(fit, *reduced, rows);
  if (!improvement.has_value()) return;
  if (*improvement < kLeastImprovement) {
    const std::string reason = absl::StrFormat(
        "leaving out the term in %s fits as well (F = %.2g): its constants are noise", count,
        *improvement);
    report.Add(prefactor, reason);
    report.Add(exponent, reason);
  }
}

}  // namespace

Identifiability DiagnoseData(const FormSpec& spec, const Rows& rows) {
  Identifiability diagnosis;
  Report report(spec, diagnosis);
  const Eigen::ArrayXd n = rows.log_params - rows.log_params.mean();
  const Eigen::ArrayXd d = rows.log_tokens - rows.log_tokens.mean();
  const double nn = n.square().mean(), dd = d.square().mean(), nd = (n * d).mean();
  diagnosis.log_count_correlation = nn > 0 && dd > 0 ? nd / std::sqrt(nn * dd) : 0;

  if (rows.run_count <= spec.free_count) {
    report.AddAll(absl::StrCat(rows.run_count, " different runs cannot determine ", spec.free_count,
                               " constants and their scatter: at least ", spec.free_count + 1,
                               " runs are needed"));
    return diagnosis;
  }
  if (rows.log_loss.maxCoeff() - rows.log_loss.minCoeff() < kSameLoss) {
    report.AddAll("every run has the same loss: nothing depends on anything");
    return diagnosis;
  }
  if (!IsSurface(*spec.form)) return diagnosis;
  const auto few_values = [&](const Eigen::ArrayXd& counts, const char* count,
                              const char* prefactor, const char* exponent) {
    const int different = DifferentValues(counts);
    // A prefactor, an exponent and the floor: as many constants as there must be different values.
    const int needed = report.IsFree("E") + report.IsFree(prefactor) + report.IsFree(exponent);
    if (different >= needed || (!report.IsFree(prefactor) && !report.IsFree(exponent))) return;
    const std::string reason =
        different == 1 ? absl::StrCat("all runs have one ", count,
                                      ": how the loss depends on it cannot be seen")
                       : absl::StrCat("the runs have only ", different, " different values of ",
                                      count, "; a power law with a floor needs ", needed);
    report.Add(prefactor, reason);
    report.Add(exponent, reason);
    report.Add("E", absl::StrCat(reason, ", nor what is left of the loss without it"));
  };
  few_values(rows.log_params, "N", "A", "alpha");
  few_values(rows.log_tokens, "D", "B", "beta");
  if (!diagnosis.identifiable) return diagnosis;

  // Smaller principal axis of (ln N, ln D).
  const double off_line =
      std::sqrt(std::max(0.5 * (nn + dd) - std::sqrt(0.25 * (nn - dd) * (nn - dd) + nd * nd), 0.0));
  const bool one_term_known = (!report.IsFree("A") && !report.IsFree("alpha")) ||
                              (!report.IsFree("B") && !report.IsFree("beta"));
  if (off_line < kLeastOffLine && !one_term_known) {
    const std::string reason = absl::StrFormat(
        "ln N and ln D lie on one line (correlation %.4f, %.1f%% off it): the terms in N and D "
        "cannot be told apart; add runs with 4 times more and 4 times fewer tokens per parameter",
        diagnosis.log_count_correlation, 100 * off_line);
    for (const char* symbol : {"A", "alpha", "B", "beta"}) report.Add(symbol, reason);
  }
  return diagnosis;
}

void DiagnoseFit(const FormSpec& spec, const FitResult& fit, const Rows& rows,
                 Identifiability& diagnosis) {
  Report report(spec, diagnosis);
  const std::vector<ParameterInfo>& parameters = fit.form->parameters();
  if (report.IsFree("E")) {
    const double floor = std::exp(fit.theta[IndexOf(*fit.form, "E")]);
    const double least = std::exp(rows.log_loss.minCoeff());
    if (floor < kLeastFloor * least) {
      report.Add("E", absl::StrFormat(
                          "driven to 0 (%.2g nats): these data do not show where the loss levels "
                          "off; fix E if it is known",
                          floor));
    }
  }
  if (IsSurface(*fit.form)) {
    DiagnoseTerm(spec, fit, rows, "A", "alpha", "N", report);
    DiagnoseTerm(spec, fit, rows, "B", "beta", "D", report);
  }
  for (size_t j = 0; j < parameters.size(); ++j) {
    if (fit.at_bound[j] && spec.options.bounds.count(parameters[j].symbol) == 0) {
      report.Add(parameters[j].symbol,
                 absl::StrFormat("ended at the end of its range (%s = %.3g)",
                                 parameters[j].theta_name, fit.theta[static_cast<int>(j)]));
    }
  }
  if (fit.free_count == 0) return;
  const ParameterMatrix& basis = fit.space->basis();
  Eigen::MatrixXd jacobian = fit.form->Jacobian(fit.theta, rows) * basis;
  jacobian = rows.weight.sqrt().matrix().asDiagonal() * jacobian;
  const Eigen::VectorXd norm = jacobian.colwise().norm();
  for (Eigen::Index k = 0; k < jacobian.cols(); ++k) {
    if (norm[k] > 0) jacobian.col(k) /= norm[k];
  }
  const Eigen::MatrixXd gram = jacobian.transpose() * jacobian;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(gram);
  const Eigen::VectorXd values = eigen.eigenvalues();
  diagnosis.condition_number =
      values[values.size() - 1] / std::max(values[0], values[values.size() - 1] * 1e-18);
  if (diagnosis.condition_number > kFlat) {
    const Eigen::VectorXd theta_direction = (basis * eigen.eigenvectors().col(0)).cwiseAbs();
    for (size_t j = 0; j < parameters.size(); ++j) {
      if (theta_direction[static_cast<Eigen::Index>(j)] < 0.2) continue;
      report.Add(parameters[j].symbol,
                 absl::StrFormat("can be traded against other constants without any change of the "
                                 "fit (condition number %.1g)",
                                 diagnosis.condition_number));
    }
  }
}

}  // namespace rhumb
