// SPDX-License-Identifier: Apache-2.0
// Answers SuggestExperiments: which small runs narrow a law's answer most.
#ifndef RHUMB_DAEMON_LAW_SUGGEST_H_
#define RHUMB_DAEMON_LAW_SUGGEST_H_

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

// InvalidArgument with all violations; FailedPrecondition for a law without covariance or
// residual_log_std.
absl::StatusOr<v1::SuggestExperimentsResponse> AnswerSuggestExperiments(
    const v1::SuggestExperimentsRequest& request, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_SUGGEST_H_
