// SPDX-License-Identifier: Apache-2.0
// The isoFLOP family behind a fit, as a table or a picture shows it: which runs share a budget, and
// the parabola through them. The exponents are isoflop.h's.
#ifndef RHUMB_PLANNER_FIT_ISOFLOP_CURVES_H_
#define RHUMB_PLANNER_FIT_ISOFLOP_CURVES_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/isoflop.h"
#include "planner/fit/observation.h"

namespace rhumb {

// L(N) = budget.best_loss_nats + curvature_nats (ln N - ln budget.best_param_count)^2, in nats.
struct IsoFlopCurve {
  IsoFlopBudget budget;
  // Absent without a parabola that opens upward; then no field of the parabola in `budget` means
  // anything.
  std::optional<double> curvature_nats;
  std::vector<int> observations;  // indices into the set, by rising size
};

// The budgets that FitLaw(observations, options) fits parabolas to with FitMethod::kIsoFlop, by
// rising compute: the same rows, grouped the same way. Where that gives no exponents (fewer than
// two budgets have a minimum) the runs of each budget alone. Errors are those of MakeRows.
absl::StatusOr<std::vector<IsoFlopCurve>> IsoFlopCurves(const ObservationSet& observations,
                                                        const LawFitOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_ISOFLOP_CURVES_H_
