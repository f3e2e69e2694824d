// SPDX-License-Identifier: Apache-2.0
// Answers FitLaw without knowing of streams: validate, find what is known, fit, store.
#ifndef RHUMB_DAEMON_FIT_ANSWER_H_
#define RHUMB_DAEMON_FIT_ANSWER_H_

#include <functional>

#include "absl/status/statusor.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "daemon/storage_status.h"
#include "daemon/store/store.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

struct FitContext {
  Store& store;
  Clock clock;
  // As in PlanService: with it a law that cannot be stored is answered all the same.
  StorageStatus* lenient_storage = nullptr;
};

// Polled and told while a fit runs.
struct FitHooks {
  std::function<bool()> should_stop;
  std::function<void(double fraction, const char* stage)> progress;
};

// InvalidArgument with all violations; PermissionDenied for a name of somebody else; AlreadyExists
// for a request id used otherwise; FailedPrecondition ROWS_LACK_A_COLUMN, NO_REPEATED_DATA or
// FIT_FAILED; Cancelled when stopped.
absl::StatusOr<v1::LawFitResult> AnswerFitLaw(const v1::FitLawRequest& request,
                                              const Caller& caller, const FitContext& context,
                                              const FitHooks& hooks);

// The stored answer behind a stored law.
absl::StatusOr<v1::LawFitResult> FitOf(const StoredLaw& row);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_FIT_ANSWER_H_
