// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/choose_form.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/forms.h"
#include "planner/fit/identifiability.h"
#include "planner/fit/rollout.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr int kMaxOrigins = 5;
constexpr int kMinOrigins = 3;
// Errors within this factor of the best are a tie.
constexpr double kTie = 1.1;

std::vector<FormSpec> Candidates(const Rows& rows, const FitOptions& options) {
  std::vector<FormSpec> candidates;
  const absl::StatusOr<FormSpec> first = MakeSpec(ChinchillaForm(), options);
  if (!first.ok()) return candidates;
  if (!DiagnoseData(*first, rows).identifiable) {
    for (const char* name : {"power-c", "kaplan-c"}) {
      const Form* form = FindForm(name);
      if (form == nullptr) continue;
      absl::StatusOr<FormSpec> spec = MakeSpec(*form, options);
      if (spec.ok() && DiagnoseData(*spec, rows).identifiable) {
        candidates.push_back(*std::move(spec));
      }
    }
    if (!candidates.empty()) return candidates;
  }
  candidates.push_back(*first);
  for (FormSpec& rival : RivalsOf(*first, rows)) candidates.push_back(std::move(rival));
  return candidates;
}

double OriginError(const OriginOutcome& outcome) {
  return outcome.fitted ? outcome.error.abs().mean() : std::numeric_limits<double>::infinity();
}

}  // namespace

absl::StatusOr<FormChoice> ChooseForm(const Rows& rows, const FitOptions& options,
                                      const std::function<bool(double)>& progress) {
  std::vector<FormSpec> specs = Candidates(rows, options);
  if (specs.empty()) {
    RHUMB_ASSIGN_OR_RETURN(FormSpec spec, MakeSpec(ChinchillaForm(), options));
    return FormChoice{.spec = std::move(spec), .trials = {}};
  }
  int most_constants = 1;
  for (const FormSpec& spec : specs) most_constants = std::max(most_constants, spec.free_count);
  const std::vector<Origin> origins =
      MakeOrigins(rows, RollOutAxis::kCompute, most_constants + 3, kMaxOrigins);
  RHUMB_ASSIGN_OR_RETURN(const auto outcomes,
                         RollOut(specs, rows, origins, {.draw_count = 0, .progress = progress}));
  std::vector<FamilyTrial> trials;
  for (size_t s = 0; s < specs.size(); ++s) {
    FamilyTrial trial{.family = specs[s].name, .parameter_count = specs[s].free_count};
    double sum = 0;
    int count = 0, failed = 0;
    for (const auto& origin : outcomes) {
      const double error = OriginError(origin[s]);
      if (std::isfinite(error)) {
        sum += error;
        ++count;
      } else {
        ++failed;
      }
    }
    // A form that could not be fitted where another could is judged as wrong as one can be there.
    trial.rollout_error_fraction = count > 0 && failed == 0 ? sum / count : 0;
    if (failed > 0) {
      trial.remark =
          absl::StrCat("could not be fitted at ", failed, " of ", outcomes.size(), " origins");
    }
    const absl::StatusOr<FitResult> fit = FitForm(*specs[s].form, rows, specs[s].options);
    if (fit.ok()) {
      trial.objective = fit->objective;
    } else {
      trial.remark = std::string(fit.status().message());
    }
    trials.push_back(std::move(trial));
  }
  size_t chosen = 0;
  if (static_cast<int>(origins.size()) >= kMinOrigins) {
    double best = std::numeric_limits<double>::infinity();
    for (const FamilyTrial& trial : trials) {
      if (trial.remark.empty()) best = std::min(best, trial.rollout_error_fraction);
    }
    bool found = false;
    for (size_t s = 0; s < trials.size(); ++s) {
      if (!trials[s].remark.empty() || !(trials[s].rollout_error_fraction <= kTie * best)) continue;
      const auto rank = [&](size_t k) {
        return std::pair(trials[k].parameter_count, trials[k].rollout_error_fraction);
      };
      if (!found || rank(s) < rank(chosen)) chosen = s;
      found = true;
    }
  } else {
    for (FamilyTrial& trial : trials) {
      if (trial.remark.empty()) {
        trial.remark =
            absl::StrCat("too few runs of different compute to compare forms: ", origins.size(),
                         " origins, 3 needed");
      }
    }
  }
  trials[chosen].chosen = true;
  std::stable_sort(trials.begin(), trials.end(), [](const FamilyTrial& a, const FamilyTrial& b) {
    if (a.chosen != b.chosen) return a.chosen;
    if (a.remark.empty() != b.remark.empty()) return a.remark.empty();
    return a.rollout_error_fraction < b.rollout_error_fraction;
  });
  return FormChoice{.spec = specs[chosen], .trials = std::move(trials)};
}

}  // namespace rhumb
