// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/fit_warnings.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/forms.h"
#include "planner/fit/identifiability.h"
#include "planner/fit/observation_warnings.h"
#include "planner/fit/outliers.h"

namespace rhumb {
namespace {

// Mean error of a chosen form over its roll-out from which it is no basis for extrapolation.
constexpr double kBadRollOut = 0.2;

}  // namespace

void AddFitWarnings(const FormSpec& spec, const FitResult& fit, const Rows& rows, LawFit& answer) {
  for (auto& warning : ResidualWarnings(fit, rows)) answer.warnings.push_back(std::move(warning));
  if (HasRepeatedData(rows) && fit.form->name() != "data-constrained") {
    answer.warnings.emplace_back(
        "REPEATED_DATA_IGNORED",
        absl::StrCat((rows.log_unique_tokens.isFinite()).count(), " rows repeat data, and ",
                     fit.form->name(),
                     " takes a repeated token for a new one; family data-constrained does not"));
  }
  const std::vector<ParameterInfo>& parameters = fit.form->parameters();
  for (size_t j = 0; j < parameters.size(); ++j) {
    if (fit.at_bound[j] && spec.options.bounds.count(parameters[j].symbol) > 0) {
      answer.warnings.emplace_back(
          "AT_BOUND", absl::StrCat(parameters[j].symbol, " ended at the bound it was given"));
    }
  }
  int near = 0;
  for (const double value : fit.local_minima) near += value <= 1.01 * fit.objective;
  if (near > 1) {
    answer.warnings.emplace_back(
        "LOCAL_MINIMA", absl::StrCat(near,
                                     " different minima lie within 1% of the best objective: "
                                     "constants that differ between them are not known"));
  }
}

void AddChoiceWarnings(const FormSpec& chosen, const FitOptions& options, const Rows& rows,
                       LawFit& answer) {
  for (const FamilyTrial& trial : answer.trials) {
    if (!trial.chosen) continue;
    if (!std::isfinite(trial.rollout_error_fraction)) {
      answer.warnings.emplace_back("FORM_NOT_COMPARED",
                                   absl::StrCat(trial.family, " was taken without a comparison",
                                                trial.remark.empty() ? "" : ": ", trial.remark,
                                                "; its form is an assumption, not a finding"));
    } else if (trial.rollout_error_fraction > kBadRollOut) {
      answer.warnings.emplace_back(
          "CHOSEN_FORM_PREDICTS_POORLY",
          absl::StrFormat("%s, the best of the families tried, predicts the larger runs from the "
                          "smaller ones with a mean error of %.3g%%",
                          trial.family, 100 * trial.rollout_error_fraction));
    }
  }
  const absl::StatusOr<FormSpec> plain = MakeSpec(ChinchillaForm(), options);
  if (!plain.ok() || chosen.name == plain->name) return;
  const Identifiability diagnosis = DiagnoseData(*plain, rows);
  if (diagnosis.identifiable) return;
  const auto& [symbol, reason] = diagnosis.undetermined.front();
  answer.warnings.emplace_back(
      "PLAIN_FORM_NOT_IDENTIFIED",
      absl::StrCat("these runs do not determine ", symbol, " of the ", plain->name, " form (",
                   reason, "); ", chosen.name, " assumes what they do not show"));
}

}  // namespace rhumb
