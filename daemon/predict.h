// SPDX-License-Identifier: Apache-2.0
// Answers PredictLoss: a law at one point, with intervals, critical batch and warnings; published
// laws of other variables by value alone.
#ifndef RHUMB_DAEMON_PREDICT_H_
#define RHUMB_DAEMON_PREDICT_H_

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {

// InvalidArgument with all field violations.
absl::StatusOr<v1::PredictLossResponse> AnswerPredictLoss(const v1::PredictLossRequest& request,
                                                          Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_PREDICT_H_
