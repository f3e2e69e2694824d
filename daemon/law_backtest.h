// SPDX-License-Identifier: Apache-2.0
// Answers BacktestLaw: a law judged as it is on observations, or a form fitted to the smaller runs
// and judged on the larger.
#ifndef RHUMB_DAEMON_LAW_BACKTEST_H_
#define RHUMB_DAEMON_LAW_BACKTEST_H_

#include <functional>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

// InvalidArgument with all violations; FailedPrecondition TOO_FEW_RUNS where nothing can be held
// out; Cancelled by `should_stop`.
absl::StatusOr<v1::BacktestLawResponse> AnswerBacktestLaw(const v1::BacktestLawRequest& request,
                                                          Store& store,
                                                          const std::function<bool()>& should_stop);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_BACKTEST_H_
