// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_validate.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "daemon/convert_law.h"
#include "daemon/law_lookup.h"
#include "daemon/observation_rows.h"
#include "daemon/validate.h"
#include "planner/fit/fit_law.h"
#include "planner/laws/law_covariance.h"
#include "planner/linear_algebra.h"
#include "proto/convert/law_message.h"
#include "proto/json/json_printer.h"

namespace rhumb::daemon {
namespace {

constexpr char kAuto[] = "auto";

// Of the logarithm of a constant, or of an exponent: a factor of e^10 either way.
constexpr double kMaxVariance = 100;
constexpr double kMaxResidualLogStd = 1;
constexpr double kMaxSlopeError = 100;
constexpr double kMaxDegrees = 1e9;
// What rounding, in a text of numbers too, does to a matrix that was positive semi-definite.
constexpr double kCorrelationRounding = 1e-9;
constexpr double kLeastEigenvalueShare = -1e-6;

// The part of `status` that a field's description needs: FieldError's text begins with the field.
void AddStatus(const absl::Status& status, absl::string_view field, FieldViolations& violations) {
  if (!status.ok()) violations.Add(field, status.message());
}

// Symbols of a planable family, with E allowed to be zero.
struct Symbols {
  std::vector<absl::string_view> required, allowed;
};

std::optional<Symbols> SymbolsOf(absl::string_view family) {
  if (family == "chinchilla") {
    return Symbols{{"E", "A", "B", "alpha", "beta"}, {"E", "A", "B", "alpha", "beta", "gamma"}};
  }
  if (family == "data-constrained") {
    return Symbols{{"E", "A", "B", "alpha", "beta", "R_D", "R_N"},
                   {"E", "A", "B", "alpha", "beta", "gamma", "R_D", "R_N"}};
  }
  return std::nullopt;
}

// Constants of laws of loss lie well inside; beyond, the law is no law of loss, and formulas
// overflow.
struct ConstantRange {
  double low = 0;  // excluded where 0, but for E
  double high = 0;
  absl::string_view remark = "";
};

ConstantRange RangeOf(absl::string_view symbol) {
  if (symbol == "E") return {0, 100, " nats"};
  if (symbol == "alpha" || symbol == "beta") return {0, 10};
  if (symbol == "gamma") return {0.05, 20};
  if (symbol == "R_D" || symbol == "R_N") return {0, 1e12};
  return {std::exp(-50.0), std::exp(250.0), " (a logarithm from -50 to 250)"};  // A, B
}

void ValidateConstants(const v1::Law& law, FieldViolations& violations) {
  const std::optional<Symbols> symbols = SymbolsOf(law.family());
  if (!symbols.has_value()) {
    violations.Add("law.family", absl::StrCat("must be chinchilla or data-constrained, got \"",
                                              law.family(), "\""));
    return;
  }
  for (const absl::string_view symbol : symbols->required) {
    if (law.constants().count(std::string(symbol)) == 0) {
      violations.Add(absl::StrCat("law.constants[", symbol, "]"), "must be given");
    }
  }
  for (const auto& [symbol, value] : law.constants()) {
    const std::string path = absl::StrCat("law.constants[", symbol.substr(0, 64), "]");
    const auto& allowed = symbols->allowed;
    if (std::find(allowed.begin(), allowed.end(), symbol) == allowed.end()) {
      violations.Add(path, absl::StrCat("is no constant of ", law.family(), ", which has ",
                                        absl::StrJoin(allowed, ", ")));
    } else {
      const ConstantRange range = RangeOf(symbol);
      const bool low_ok = range.low > 0 || symbol == "E" ? value >= range.low : value > range.low;
      if (low_ok && value <= range.high) continue;
      const std::string from = range.low > 0 || symbol == "E"
                                   ? absl::StrCat("from ", ShowNumber(range.low), " to ")
                                   : "above 0 and at most ";
      violations.Add(path, absl::StrCat("must be ", from, ShowNumber(range.high), range.remark,
                                        ", got ", ShowNumber(value)));
    }
  }
  for (const auto& [symbol, value] : law.std_errors()) {
    if (std::isfinite(value) && value >= 0) continue;
    violations.Add(absl::StrCat("law.std_errors[", symbol.substr(0, 64), "]"),
                   absl::StrCat("must be 0 or more and finite, got ", ShowNumber(value)));
  }
}

// No vector has a negative variance, and none is far beyond what a fit could leave open. The shape
// has been judged. Scales are taken out first: variances differ by orders of magnitude.
void CheckPositiveSemiDefinite(const LawCovariance& covariance, FieldViolations& violations) {
  const Eigen::MatrixXd& values = covariance.values;
  const Eigen::Index size = values.rows();
  const auto name = [&](Eigen::Index i) { return covariance.parameters[static_cast<size_t>(i)]; };
  Eigen::MatrixXd correlations = Eigen::MatrixXd::Identity(size, size);
  bool sound = true;
  const auto bad = [&](Eigen::Index i, Eigen::Index j, absl::string_view text) {
    violations.Add(absl::StrCat("law.covariance[", i * size + j, "]"), text);
    sound = false;
  };
  for (Eigen::Index i = 0; i < size; ++i) {
    if (values(i, i) > kMaxVariance) {
      bad(i, i,
          absl::StrCat("the variance of ", name(i), " must be at most ", ShowNumber(kMaxVariance),
                       ", got ", ShowNumber(values(i, i))));
    }
    for (Eigen::Index j = 0; j < i; ++j) {
      if (values(i, j) == 0) continue;
      const double correlation = values(i, j) / (std::sqrt(values(i, i)) * std::sqrt(values(j, j)));
      // Not by zero variances either, where it is infinite.
      if (!(std::abs(correlation) <= 1 + kCorrelationRounding)) {
        bad(i, j,
            absl::StrCat("the correlation of ", name(i), " and ", name(j),
                         " must be from -1 to 1, got ", ShowNumber(correlation)));
      }
      correlations(i, j) = correlations(j, i) = correlation;
    }
  }
  if (!sound) return;
  const Eigen::VectorXd eigenvalues = DecomposeSymmetric(correlations).values;
  if (!(eigenvalues[0] >= kLeastEigenvalueShare * eigenvalues[size - 1])) {
    violations.Add(
        "law.covariance",
        absl::StrCat("must be positive semi-definite: the least eigenvalue of its "
                     "correlations must be at least ",
                     ShowNumber(kLeastEigenvalueShare), " of the largest, ",
                     ShowNumber(eigenvalues[size - 1]), ", got ", ShowNumber(eigenvalues[0])));
  }
}

void ValidateCovariance(const v1::Law& law, FieldViolations& violations) {
  const int size = law.covariance_parameters_size();
  const int limit = static_cast<int>(kLawParameters.size());
  if (size > limit) {
    violations.Add("law.covariance_parameters",
                   absl::StrCat("must have at most ", limit, " entries, got ", size));
    return;
  }
  if (law.covariance_size() != size * size) {
    violations.Add("law.covariance",
                   absl::StrCat("must have ", size * size, " values, the square of the ", size,
                                " covariance_parameters, got ", law.covariance_size()));
    return;
  }
  if (size == 0) return;
  const LawCovariance covariance = *FromProto(law).covariance;
  const absl::Status shape = ValidateLawCovariance(covariance);
  AddStatus(shape, "law.covariance", violations);
  if (shape.ok()) CheckPositiveSemiDefinite(covariance, violations);
}

// low <= high where both are given.
void CheckOrder(bool both, double low, double high, absl::string_view low_field,
                absl::string_view high_field, FieldViolations& violations) {
  if (both && low > high) {
    violations.Add(low_field, absl::StrCat("must be at most ", high_field, " = ", ShowNumber(high),
                                           ", got ", ShowNumber(low)));
  }
}

void ValidateRanges(const v1::Law& law, FieldViolations& violations) {
  CheckOrder(law.has_min_param_count() && law.has_max_param_count(), law.min_param_count(),
             law.max_param_count(), "law.min_param_count", "max_param_count", violations);
  CheckOrder(law.has_min_training_flops() && law.has_max_training_flops(), law.min_training_flops(),
             law.max_training_flops(), "law.min_training_flops", "max_training_flops", violations);
  CheckOrder(law.has_min_tokens_per_param() && law.has_max_tokens_per_param(),
             law.min_tokens_per_param(), law.max_tokens_per_param(), "law.min_tokens_per_param",
             "max_tokens_per_param", violations);
  if (law.has_residual_log_std() &&
      !(law.residual_log_std() >= 0 && law.residual_log_std() <= kMaxResidualLogStd)) {
    violations.Add("law.residual_log_std",
                   absl::StrCat("must be from 0 to ", ShowNumber(kMaxResidualLogStd), ", got ",
                                ShowNumber(law.residual_log_std())));
  }
  if (law.has_slope_error_fraction() != law.has_slope_error_degrees()) {
    violations.Add(
        law.has_slope_error_fraction() ? "law.slope_error_degrees" : "law.slope_error_fraction",
        "must be given: the fraction and its degrees of freedom come together");
  } else if (law.has_slope_error_fraction()) {
    if (!(law.slope_error_fraction() >= 0 && law.slope_error_fraction() <= kMaxSlopeError)) {
      violations.Add("law.slope_error_fraction",
                     absl::StrCat("must be from 0 to ", ShowNumber(kMaxSlopeError), ", got ",
                                  ShowNumber(law.slope_error_fraction())));
    }
    if (!(law.slope_error_degrees() >= 1 && law.slope_error_degrees() <= kMaxDegrees)) {
      violations.Add("law.slope_error_degrees",
                     absl::StrCat("must be from 1 to ", ShowNumber(kMaxDegrees), ", got ",
                                  ShowNumber(law.slope_error_degrees())));
    }
  }
  if (law.has_reference_batch_tokens() && !(law.reference_batch_tokens() > 0)) {
    violations.Add(
        "law.reference_batch_tokens",
        absl::StrCat("must be positive, got ", ShowNumber(law.reference_batch_tokens())));
  }
}

// The rest of the request without what ValidateValues would misjudge: covariances are negative too,
// and answers may hold anything.
v1::CreateLawRequest PlainPart(const v1::CreateLawRequest& request) {
  v1::CreateLawRequest plain = request;
  v1::Law& law = *plain.mutable_law();
  law.clear_constants();
  law.clear_std_errors();
  law.clear_covariance();
  law.clear_covariance_parameters();
  law.clear_source();
  law.clear_covariance_source();
  law.clear_residual_log_std();
  law.clear_slope_error_fraction();
  law.clear_slope_error_degrees();
  law.clear_variables();
  law.clear_fit_options();
  law.clear_observations();
  law.clear_version();
  law.clear_owner_uid();
  law.clear_content_hash();
  law.clear_form();
  law.clear_conventions();
  return plain;
}

void CheckName(const std::string& name, absl::string_view field, FieldViolations& violations) {
  const auto valid = NameForStoredLaw(name, field);
  if (valid.ok()) return;
  const auto id = ResourceName("laws", name, field);
  violations.Add(field, id.ok() ? absl::StrCat(*id, " is a published law; choose another name")
                                : "must be an id of lower-case letters, digits and dashes that "
                                  "begins with a letter, at most 63 long");
}

void RequireObservations(const std::string& name, FieldViolations& violations) {
  if (name.empty()) violations.Add("observations", "must be given");
}

}  // namespace

void ValidateCreateLawRequest(const v1::CreateLawRequest& request, FieldViolations& violations) {
  if (!request.has_law()) {
    violations.Add("law", "must be given");
    return;
  }
  const v1::Law& law = request.law();
  CheckName(law.name(), "law.name", violations);
  ValidateValues(PlainPart(request), violations);
  CheckSentence(law.source(), "law.source", violations);
  CheckSentence(law.covariance_source(), "law.covariance_source", violations);
  ValidateConstants(law, violations);
  if (SymbolsOf(law.family()).has_value()) ValidateCovariance(law, violations);
  ValidateRanges(law, violations);
}

void ValidateFitOptions(const v1::LawFitOptions& options, absl::string_view path,
                        FieldViolations& violations) {
  const auto at = [&](absl::string_view field) { return absl::StrCat(path, ".", field); };
  std::vector<std::string> families = FormNames();
  families.emplace_back(kAuto);
  if (!options.family().empty() &&
      std::find(families.begin(), families.end(), options.family()) == families.end()) {
    // Few enough to list them all.
    violations.Add(at("family"), absl::StrCat("must be one of ", absl::StrJoin(families, ", "),
                                              ", got \"", options.family(), "\""));
  }
  for (const auto& [symbol, bounds] : options.bounds()) {
    const bool both = bounds.has_low() && bounds.has_high();
    if (!bounds.has_low() && !bounds.has_high()) {
      violations.Add(at(absl::StrCat("bounds[", symbol, "]")), "must have low, high or both");
    } else if (both && !(bounds.low() <= bounds.high())) {
      violations.Add(at(absl::StrCat("bounds[", symbol, "]")),
                     absl::StrCat("must have low <= high, got ", ShowNumber(bounds.low()), " and ",
                                  ShowNumber(bounds.high())));
    }
    if (options.fixed().count(symbol) > 0) {
      violations.Add(at(absl::StrCat("fixed[", symbol, "]")), "is bounded too; give one of both");
    }
  }
  for (int i = 0; i < options.tied_size(); ++i) {
    const v1::TiedConstants& tied = options.tied(i);
    if (tied.symbol().empty() || tied.to().empty() || tied.symbol() == tied.to()) {
      violations.Add(at(absl::StrCat("tied[", i, "]")),
                     absl::StrCat("must name two different constants, got \"", tied.symbol(),
                                  "\" and \"", tied.to(), "\""));
    }
  }
}

void ValidateFitLawRequest(const v1::FitLawRequest& request, FieldViolations& violations) {
  ValidateValues(request, violations);
  RequireObservations(request.observations(), violations);
  if (!request.name().empty()) CheckName(request.name(), "name", violations);
  const v1::FitMethod method = request.options().method();
  if (!request.name().empty() && !convert::GivesLossSurface(method)) {
    violations.Add("name",
                   absl::StrCat("must be empty with the method ",
                                absl::StripPrefix(v1::FitMethod_Name(method), "FIT_METHOD_"),
                                ", which gives no loss of N and D to store; VPNLS and NLS do"));
  }
  const std::string& family = request.options().family();
  const auto is_in = [&family](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), family) != names.end();
  };
  if (!request.name().empty() && is_in(FormNames()) && !is_in(PlannerFormNames())) {
    violations.Add("name", absl::StrCat("must be empty with the family ", family,
                                        ": no plan can be made with that form; ",
                                        absl::StrJoin(PlannerFormNames(), ", "), " give a law"));
  }
  ValidateFitOptions(request.options(), "options", violations);
}

void ValidateBacktestLawRequest(const v1::BacktestLawRequest& request,
                                FieldViolations& violations) {
  ValidateValues(request, violations);
  RequireObservations(request.observations(), violations);
  if (request.law().empty() == !request.has_options()) {
    violations.Add("law", request.has_options() ? "and options exclude each other"
                                                : "or options must be given");
  }
  if (request.has_level() && request.has_options()) {
    violations.Add("level", "is of `law`; give options.level");
  }
  if (request.has_options()) ValidateFitOptions(request.options(), "options", violations);
}

void ValidateSuggestExperimentsRequest(const v1::SuggestExperimentsRequest& request,
                                       FieldViolations& violations) {
  ValidateValues(request, violations);
  if (request.law().empty()) violations.Add("law", "must be given");
  // A double without presence: zero is what an unset one reads as.
  if (request.budget_flops() == 0) violations.Add("budget_flops", "must be given");
  if (request.target_compute_flops() == 0) violations.Add("target_compute_flops", "must be given");
  CheckOrder(request.has_min_param_count() && request.has_max_param_count(),
             request.min_param_count(), request.max_param_count(), "min_param_count",
             "max_param_count", violations);
  CheckOrder(request.has_min_tokens_per_param() && request.has_max_tokens_per_param(),
             request.min_tokens_per_param(), request.max_tokens_per_param(), "min_tokens_per_param",
             "max_tokens_per_param", violations);
}

}  // namespace rhumb::daemon
