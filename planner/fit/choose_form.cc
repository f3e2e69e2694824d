// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/choose_form.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/forms.h"
#include "planner/fit/identifiability.h"
#include "planner/fit/rollout.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr int kMaxOrigins = 5;
constexpr size_t kMinOrigins = 3;
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

using Outcomes = std::vector<std::vector<OriginOutcome>>;  // [origin][spec]

bool IsFittedAt(const OriginOutcome& outcome) {
  return outcome.fitted && outcome.error.isFinite().all();
}

int CountFitted(const Outcomes& outcomes, size_t spec) {
  return static_cast<int>(std::count_if(outcomes.begin(), outcomes.end(), [&](const auto& origin) {
    return IsFittedAt(origin[spec]);
  }));
}

// Origins that all of these specs could be fitted at.
std::vector<size_t> CommonOrigins(const Outcomes& outcomes, const std::vector<size_t>& specs) {
  std::vector<size_t> common;
  for (size_t o = 0; o < outcomes.size(); ++o) {
    if (std::all_of(specs.begin(), specs.end(),
                    [&](size_t s) { return IsFittedAt(outcomes[o][s]); })) {
      common.push_back(o);
    }
  }
  return common;
}

// What is compared, and where: a form that failed at one origin is judged by the others, and so are
// its rivals. Forms that fail at most origins, and then those that leave the others too few common
// origins, the worst first, are not compared.
struct Comparison {
  std::vector<size_t> specs;
  std::vector<size_t> origins;
};
Comparison MakeComparison(const Outcomes& outcomes, std::vector<size_t> specs) {
  specs.erase(std::remove_if(specs.begin(), specs.end(),
                             [&](size_t s) {
                               return 2 * CountFitted(outcomes, s) <=
                                      static_cast<int>(outcomes.size());
                             }),
              specs.end());
  for (;;) {
    Comparison comparison{.specs = specs, .origins = CommonOrigins(outcomes, specs)};
    if (specs.size() <= 1 || comparison.origins.size() >= kMinOrigins) return comparison;
    // Of equals the last: the first is the default.
    size_t worst = 0;
    for (size_t k = 1; k < specs.size(); ++k) {
      if (CountFitted(outcomes, specs[k]) <= CountFitted(outcomes, specs[worst])) worst = k;
    }
    specs.erase(specs.begin() + static_cast<std::ptrdiff_t>(worst));
  }
}

double MeanError(const Outcomes& outcomes, const std::vector<size_t>& origins, size_t spec) {
  double sum = 0;
  for (const size_t o : origins) sum += outcomes[o][spec].error.abs().mean();
  return sum / static_cast<double>(origins.size());
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
  RHUMB_ASSIGN_OR_RETURN(const Outcomes outcomes,
                         RollOut(specs, rows, origins, {.draw_count = 0, .progress = progress}));
  std::vector<FamilyTrial> trials;
  std::vector<size_t> fitted;  // to all of the rows
  for (size_t s = 0; s < specs.size(); ++s) {
    FamilyTrial trial{.family = specs[s].name, .parameter_count = specs[s].free_count};
    const absl::StatusOr<FitResult> fit = FitForm(*specs[s].form, rows, specs[s].options);
    if (fit.ok()) {
      trial.objective = fit->objective;
      fitted.push_back(s);
    } else {
      trial.objective = std::numeric_limits<double>::quiet_NaN();
      trial.remark = std::string(fit.status().message());
    }
    trials.push_back(std::move(trial));
  }
  size_t chosen = fitted.empty() ? 0 : fitted.front();
  if (outcomes.size() >= kMinOrigins) {
    const Comparison comparison = MakeComparison(outcomes, fitted);
    for (const size_t s : fitted) {
      const int failed = static_cast<int>(outcomes.size()) - CountFitted(outcomes, s);
      if (failed == 0) continue;
      trials[s].remark =
          absl::StrCat("could not be fitted at ", failed, " of ", outcomes.size(), " origins");
    }
    double best = std::numeric_limits<double>::infinity();
    for (const size_t s : comparison.specs) {
      trials[s].rollout_error_fraction = MeanError(outcomes, comparison.origins, s);
      best = std::min(best, trials[s].rollout_error_fraction);
    }
    bool found = false;
    for (const size_t s : comparison.specs) {
      if (!(trials[s].rollout_error_fraction <= kTie * best)) continue;
      const auto rank = [&](size_t k) {
        return std::pair(trials[k].parameter_count, trials[k].rollout_error_fraction);
      };
      if (!found || rank(s) < rank(chosen)) chosen = s;
      found = true;
    }
  } else {
    for (const size_t s : fitted) {
      trials[s].remark =
          absl::StrCat("too few runs of different compute to compare forms: ", origins.size(),
                       " origins, ", kMinOrigins, " needed");
    }
  }
  trials[chosen].chosen = true;
  std::stable_sort(trials.begin(), trials.end(), [](const FamilyTrial& a, const FamilyTrial& b) {
    const bool a_compared = std::isfinite(a.rollout_error_fraction);
    const bool b_compared = std::isfinite(b.rollout_error_fraction);
    if (a.chosen != b.chosen) return a.chosen;
    if (a_compared != b_compared) return a_compared;
    return a_compared && a.rollout_error_fraction < b.rollout_error_fraction;
  });
  return FormChoice{.spec = specs[chosen], .trials = std::move(trials)};
}

}  // namespace rhumb
