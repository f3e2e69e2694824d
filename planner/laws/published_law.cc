// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/published_law.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "planner/laws/monotone_root.h"
#include "planner/laws/published_law_parts.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

absl::Status CheckRange(const PublishedLaw& law, const LawVariable& variable, double value) {
  const bool below_max = variable.max_excluded ? value < variable.max : value <= variable.max;
  if (value >= variable.min && below_max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s is %g; %s allows %g to %g%s", variable.name,
                                                    value, law.name, variable.min, variable.max,
                                                    variable.max_excluded ? " (excluded)" : ""));
}

std::optional<size_t> IndexOf(const PublishedLaw& law, absl::string_view name) {
  for (size_t i = 0; i < law.variables.size(); ++i) {
    if (law.variables[i].name == name) return i;
  }
  return std::nullopt;
}

absl::Status UnknownVariable(const PublishedLaw& law, absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is no variable of ", law.name, "; it takes ",
      absl::StrJoin(law.variables, ", ", [](std::string* out, const LawVariable& variable) {
        absl::StrAppend(out, variable.name);
      })));
}

// The inputs in the law's order, each an independent dual or a copy of what it defaults to.
// Variables in `unset` need no value; they are left at zero.
absl::StatusOr<std::vector<Dual>> Resolve(const PublishedLaw& law, const LawInputs& inputs,
                                          absl::Span<const std::string> unset = {}) {
  for (const auto& [name, value] : inputs) {
    if (!IndexOf(law, name).has_value()) return UnknownVariable(law, name);
  }
  std::vector<Dual> resolved(law.variables.size());
  for (size_t i = 0; i < law.variables.size(); ++i) {
    const LawVariable& variable = law.variables[i];
    if (std::find(unset.begin(), unset.end(), variable.name) != unset.end()) continue;
    const auto given = inputs.find(variable.name);
    if (given != inputs.end()) {
      RHUMB_RETURN_IF_ERROR(CheckRange(law, variable, given->second));
      resolved[i] = DualInput(given->second, i);
    } else if (variable.default_value.has_value()) {
      resolved[i] = *variable.default_value;
    } else if (!variable.defaults_to.empty()) {
      resolved[i] = resolved[*IndexOf(law, variable.defaults_to)];
    } else {
      return absl::InvalidArgumentError(absl::StrFormat("%s is missing; %s needs it, %g to %g",
                                                        variable.name, law.name, variable.min,
                                                        variable.max));
    }
  }
  return resolved;
}

absl::StatusOr<Dual> Evaluate(const PublishedLaw& law, const LawInputs& inputs) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Dual> resolved, Resolve(law, inputs));
  const Dual result = law.formula(resolved);
  if (!std::isfinite(result.value)) {
    return absl::OutOfRangeError(
        absl::StrFormat("%s has no finite value there (%g)", law.name, result.value));
  }
  return result;
}

// Largest value a variable may take.
double LastAllowed(const LawVariable& variable) {
  return variable.max_excluded ? std::nextafter(variable.max, variable.min) : variable.max;
}

}  // namespace

const std::vector<PublishedLaw>& PublishedLaws() {
  static const auto* const kLaws = [] {
    auto* laws = new std::vector<PublishedLaw>;
    for (auto part : {CatalogPublishedLaws(), KaplanPublishedLaws(), MoePublishedLaws(),
                      OtherPublishedLaws(), RulePublishedLaws()}) {
      std::move(part.begin(), part.end(), std::back_inserter(*laws));
    }
    return laws;
  }();
  return *kLaws;
}

const PublishedLaw* FindPublishedLaw(absl::string_view name) {
  for (const PublishedLaw& law : PublishedLaws()) {
    if (law.name == name) return &law;
  }
  return nullptr;
}

absl::StatusOr<double> Value(const PublishedLaw& law, const LawInputs& inputs) {
  RHUMB_ASSIGN_OR_RETURN(const Dual result, Evaluate(law, inputs));
  return result.value;
}

absl::StatusOr<LawInputs> Gradient(const PublishedLaw& law, const LawInputs& inputs) {
  RHUMB_ASSIGN_OR_RETURN(const Dual result, Evaluate(law, inputs));
  LawInputs gradient;
  for (const auto& [name, value] : inputs) {
    gradient[name] = value * result.slope[*IndexOf(law, name)];
  }
  return gradient;
}

absl::StatusOr<double> SolveFor(const PublishedLaw& law, absl::string_view variable, double target,
                                const LawInputs& inputs) {
  const std::optional<size_t> index = IndexOf(law, variable);
  if (!index.has_value()) return UnknownVariable(law, variable);
  const LawVariable& solved = law.variables[*index];
  if (!solved.monotone) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s is not monotone in %s, so no single value answers; solve for another variable",
        law.name, solved.name));
  }
  if (!std::isfinite(target)) {
    return absl::InvalidArgumentError(absl::StrFormat("target is %g; it must be finite", target));
  }
  LawInputs at = inputs;
  double& x = at[solved.name];
  x = solved.min;
  // Everything but the solved variable is checked here, once.
  RHUMB_RETURN_IF_ERROR(Resolve(law, at).status());
  const auto value_at = [&](double candidate) {
    x = candidate;
    return law.formula(*Resolve(law, at)).value;
  };
  const double last = LastAllowed(solved);
  const double at_min = value_at(solved.min), at_max = value_at(last);
  if (!(target >= std::min(at_min, at_max) && target <= std::max(at_min, at_max))) {
    return absl::OutOfRangeError(
        absl::StrFormat("target is %g; %s goes from %g to %g as %s goes from %g to %g", target,
                        law.name, at_min, at_max, solved.name, solved.min, last));
  }
  const auto before = [&](double candidate) {
    const double value = value_at(candidate);
    return at_min < at_max ? value <= target : value >= target;
  };
  if (solved.min > 0) return LastTrue(before, solved.min, last);
  // A range from zero (fractions) is halved arithmetically: its logarithm has no end.
  double low = solved.min, high = last;
  if (before(high)) return high;
  for (;;) {
    const double middle = low + (high - low) / 2;
    if (!(middle > low && middle < high)) return low;
    (before(middle) ? low : high) = middle;
  }
}

absl::StatusOr<PublishedOptimum> OptimumForFlops(const PublishedLaw& law, double training_flops,
                                                 const LawInputs& inputs) {
  if (!law.optimum) {
    return absl::FailedPreconditionError(
        absl::StrCat(law.name, " defines no optimum for a compute budget"));
  }
  if (!(training_flops > 0) || !std::isfinite(training_flops)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("training_flops is %g; it must be positive and finite", training_flops));
  }
  LawInputs others = inputs;
  for (const std::string& chosen : law.optimum_chooses) others.erase(chosen);
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Dual> resolved,
                         Resolve(law, others, law.optimum_chooses));
  std::vector<double> values;
  for (const Dual& x : resolved) values.push_back(x.value);
  return law.optimum(law, training_flops, values);
}

std::vector<std::string> ExtrapolatedVariables(const PublishedLaw& law, const LawInputs& inputs) {
  std::vector<std::string> outside;
  for (const LawVariable& variable : law.variables) {
    const auto given = inputs.find(variable.name);
    if (given == inputs.end()) continue;
    if (given->second < variable.data_min.value_or(given->second) ||
        given->second > variable.data_max.value_or(given->second)) {
      outside.push_back(variable.name);
    }
  }
  return outside;
}

// Where tokens = C / (k N) and the law falls in both, the least value is where one more percent of
// N buys as much as one more percent of D: a monotone condition for sums of power laws.
absl::StatusOr<PublishedOptimum> AllocateFlops(const PublishedLaw& law, double training_flops,
                                               double flops_per_param_token, size_t params_index,
                                               size_t tokens_index,
                                               absl::Span<const double> values) {
  std::vector<Dual> x(values.begin(), values.end());
  const double product = training_flops / flops_per_param_token;
  const auto at = [&](double n) {
    x[params_index] = DualInput(n, params_index);
    x[tokens_index] = DualInput(product / n, tokens_index);
    return law.formula(x);
  };
  const LawVariable& params = law.variables[params_index];
  const LawVariable& tokens = law.variables[tokens_index];
  const double low = std::max(params.min, product / tokens.max);
  const double high = std::min(params.max, product / tokens.min);
  if (!(low < high)) {
    return absl::OutOfRangeError(
        absl::StrFormat("training_flops is %g; no %s and %s within the ranges of %s multiply to it",
                        training_flops, params.name, tokens.name, law.name));
  }
  const double n = LastTrue(
      [&](double candidate) {
        const Dual value = at(candidate);
        return value.slope[params_index] * candidate <
               value.slope[tokens_index] * (product / candidate);
      },
      low, high);
  PublishedOptimum optimum;
  optimum.value = at(n).value;
  for (size_t i = 0; i < x.size(); ++i) optimum.point[law.variables[i].name] = x[i].value;
  return optimum;
}

}  // namespace rhumb
