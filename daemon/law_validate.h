// SPDX-License-Identifier: Apache-2.0
// Whether requests about laws and observations make sense by themselves: all violations at once, as
// in validate.h. Not whether names exist.
#ifndef RHUMB_DAEMON_LAW_VALIDATE_H_
#define RHUMB_DAEMON_LAW_VALIDATE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

// A law that is to be stored: name, family, every constant of the family and no other, conventions,
// covariance, ranges. Fields that only answers have are not looked at.
void ValidateCreateLawRequest(const v1::CreateLawRequest& request, FieldViolations& violations);

// Options of a fit; the planner judges symbols against the form. `path` as in "options".
void ValidateFitOptions(const v1::LawFitOptions& options, absl::string_view path,
                        FieldViolations& violations);
void ValidateFitLawRequest(const v1::FitLawRequest& request, FieldViolations& violations);
void ValidateBacktestLawRequest(const v1::BacktestLawRequest& request, FieldViolations& violations);
void ValidateSuggestExperimentsRequest(const v1::SuggestExperimentsRequest& request,
                                       FieldViolations& violations);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_VALIDATE_H_
