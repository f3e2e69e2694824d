// SPDX-License-Identifier: Apache-2.0
// Fit options and fit answers: API messages to planner structs and back.
#ifndef RHUMB_DAEMON_FIT_CONVERT_H_
#define RHUMB_DAEMON_FIT_CONVERT_H_

#include <vector>

#include "absl/status/status.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/isoflop.h"
#include "planner/fit/observation.h"
#include "proto/convert/observation_message.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/observation.pb.h"

namespace rhumb::daemon {

using convert::FromProto;
using convert::ToProto;

// Unset fields get the planner's default; `progress` is left empty.
LawFitOptions FromProto(const v1::LawFitOptions& options);
// Every field set, so that equal options are equal messages.
v1::LawFitOptions ToProto(const LawFitOptions& options);

// Everything but the law's name and version, `seconds`, `observations` and `options`.
// Numbers that are not finite are left out where a field may be absent. `rows` are what was fitted,
// by index.
v1::LawFitResult ToProto(const LawFit& fit, const std::vector<v1::Observation>& rows);
v1::LawFitResult::IsoFlopBudget ToProto(const IsoFlopBudget& budget,
                                        const std::vector<v1::Observation>& rows);
v1::Backtest ToProto(const Backtest& backtest);

// The fitter's errors as a caller of the service should see them: the option at fault, or why
// `observations` cannot be fitted with `options`.
absl::Status ExplainFitError(const absl::Status& status, const LawFitOptions& options,
                             const ObservationSet& observations);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_FIT_CONVERT_H_
