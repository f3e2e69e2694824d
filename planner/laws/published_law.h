// SPDX-License-Identifier: Apache-2.0
// Every published law behind one description: what it predicts from which variables, with units,
// ranges, constants, conventions and provenance, and four operations on all of them: value,
// gradient, inverse, optimum. For listing, showing and predicting; the planner's own laws are
// catalog.h, which this list holds too. Not for hot loops.
#ifndef RHUMB_PLANNER_LAWS_PUBLISHED_LAW_H_
#define RHUMB_PLANNER_LAWS_PUBLISHED_LAW_H_

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "planner/laws/dual.h"
#include "planner/laws/law.h"
#include "planner/laws/verification.h"

namespace rhumb {

// One input of a law. Values outside [min, max] are refused; outside of the data range they are an
// extrapolation.
struct LawVariable {
  std::string name;  // as in the API: param_count, token_count, expert_count, ...
  std::string unit;
  std::string meaning;
  double min = 0;
  double max = 0;
  bool max_excluded = false;
  // The range of the runs behind the law, where the source says.
  std::optional<double> data_min, data_max;
  // An absent input takes the value of this other variable, or this constant; else it is required.
  std::string defaults_to;
  std::optional<double> default_value;
  // Whether the law rises or falls all the way in this variable, whatever the others: only then can
  // SolveFor invert it.
  bool monotone = true;
};

struct LawConstant {
  std::string symbol;
  double value = 0;
};

using LawInputs = std::map<std::string, double, std::less<>>;

// Best use of a compute budget under a law.
struct PublishedOptimum {
  LawInputs point;  // the law's variables, and what else the optimum says (step_count, ...)
  double value = 0;
};

struct PublishedLaw {
  std::string name;      // "kaplan2020-n"
  std::string family;    // "kaplan", "chinchilla", "mixture-of-experts", ...
  std::string quantity;  // what it predicts: "loss", "log10_loss", "error_fraction", ...
  std::string unit;      // of that
  std::string form;      // the equation, with the symbols of `constants`
  std::vector<LawVariable> variables;
  std::vector<LawConstant> constants;
  std::optional<ParamCountConvention> param_count_convention;
  std::string conventions;  // counting of N, D, C and what else a user must know
  std::string dataset;
  std::string source;
  VerificationStatus verification = VerificationStatus::kSecondary;
  // The law over its variables in order. Called with values inside of their ranges only.
  std::function<Dual(absl::Span<const Dual>)> formula;
  // Optimum for a budget of training FLOPs at given values of the variables (those that it chooses
  // are zero); empty where none is defined. The first argument is the law itself.
  std::function<absl::StatusOr<PublishedOptimum>(const PublishedLaw&, double,
                                                 absl::Span<const double>)>
      optimum;
  std::vector<std::string> optimum_chooses;  // variables that `optimum` finds
  // The same law as the planner uses it; null for laws it cannot plan with.
  const Law* planner_law = nullptr;
};

// All of them, the planner's catalogue first; the same object on every call.
const std::vector<PublishedLaw>& PublishedLaws();

// nullptr if there is no such name. Names are exact, in lower case.
const PublishedLaw* FindPublishedLaw(absl::string_view name);

// The law's value. InvalidArgument names an unknown, missing or out-of-range variable, its value
// and what is allowed.
absl::StatusOr<double> Value(const PublishedLaw& law, const LawInputs& inputs);

// d value / d ln x for every variable given in `inputs`; exact. A variable that was left to its
// default moves with what it defaults to. Errors as Value.
absl::StatusOr<LawInputs> Gradient(const PublishedLaw& law, const LawInputs& inputs);

// The value of `variable` at which the law gives `target`, to rounding, by bisection over the
// variable's range; `inputs` holds the others (its own entry is ignored). OutOfRange if the law
// does not reach the target within that range, with the values it does reach; InvalidArgument for a
// variable in which it is not monotone, else as Value.
absl::StatusOr<double> SolveFor(const PublishedLaw& law, absl::string_view variable, double target,
                                const LawInputs& inputs);

// FailedPrecondition if the law defines no optimum; InvalidArgument for a budget that is not
// positive and finite, or a missing variable that the optimum does not choose itself.
absl::StatusOr<PublishedOptimum> OptimumForFlops(const PublishedLaw& law, double training_flops,
                                                 const LawInputs& inputs = {});

// Names of the variables whose value lies outside of the data behind the law.
std::vector<std::string> ExtrapolatedVariables(const PublishedLaw& law, const LawInputs& inputs);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_PUBLISHED_LAW_H_
