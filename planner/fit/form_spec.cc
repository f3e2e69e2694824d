// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/form_spec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/string_view.h"
#include "planner/fit/forms.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr absl::string_view kTiedName = "chinchilla-tied";

// The one tie that makes a form with a name of its own.
bool TiesTheExponents(const FitOptions& options) {
  if (options.tied.size() != 1) return false;
  const auto& [one, other] = options.tied.front();
  return (one == "alpha" && other == "beta") || (one == "beta" && other == "alpha");
}

}  // namespace

absl::StatusOr<FormSpec> MakeSpec(const Form& form, const FitOptions& options) {
  FormSpec spec{.name = std::string(form.name()), .form = &form, .options = options};
  RHUMB_ASSIGN_OR_RETURN(const ParameterSpace space,
                         ParameterSpace::Create(form, options.fixed, options.bounds, options.tied));
  spec.free_count = space.FreeCount();
  if (&form == &ChinchillaForm() && options.fixed.empty() && options.bounds.empty() &&
      TiesTheExponents(options)) {
    spec.name = std::string(kTiedName);
  }
  return spec;
}

bool HasRepeatedData(const Rows& rows) { return rows.log_unique_tokens.isFinite().any(); }

std::vector<FormSpec> RivalsOf(const FormSpec& spec, const Rows& rows) {
  const bool is_tied = spec.name == kTiedName;
  if (!spec.options.fixed.empty() || !spec.options.bounds.empty() ||
      (!spec.options.tied.empty() && !is_tied)) {
    return {};
  }
  FitOptions plain = spec.options;
  plain.tied.clear();
  plain.extra_starts.clear();
  std::vector<FormSpec> rivals;
  const auto add = [&](absl::string_view name, const FitOptions& options) {
    const Form* form = FindForm(name);
    if (form == nullptr) return;
    absl::StatusOr<FormSpec> rival = MakeSpec(*form, options);
    if (rival.ok() && rival->name != spec.name) rivals.push_back(*std::move(rival));
  };
  constexpr std::array<absl::string_view, 3> kSurfaces = {"chinchilla", "coupled",
                                                          "data-constrained"};
  if (std::find(kSurfaces.begin(), kSurfaces.end(), spec.form->name()) == kSurfaces.end()) {
    return {};
  }
  if (HasRepeatedData(rows)) {
    // Formulas that take a repeated token for a new one are no rivals here.
    if (spec.form->name() != "data-constrained") add("data-constrained", plain);
    return rivals;
  }
  add("chinchilla", plain);
  FitOptions tied = plain;
  tied.tied = {{"alpha", "beta"}};
  add("chinchilla", tied);
  add("coupled", plain);
  return rivals;
}

}  // namespace rhumb
