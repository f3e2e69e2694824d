// SPDX-License-Identifier: Apache-2.0
// From a request to a planner's question: names are looked up, defaults become explicit and are
// noted as assumptions, and the request gets the one form that stands for all ways to ask the same.
#ifndef RHUMB_DAEMON_RESOLVE_H_
#define RHUMB_DAEMON_RESOLVE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "planner/plan/check.h"
#include "planner/plan/question.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {

struct ResolvedPlanRequest {
  PlanQuestion question;
  // Names as ids, defaults filled in, request_id and validate_only dropped: equal for equal
  // questions.
  v1::CreatePlanRequest canonical;
  // Content of the cluster asked about; empty without one.
  std::string cluster_content;
  // ResourceStore::Revision() of the GPU types names were looked up in; empty if none was.
  std::string gpu_revision;
  int64_t gpu_change_count = 0;  // ResourceStore::change_count() of them
  // The same of the calibrations; empty if the question names none.
  std::string calibration_revision;
  int64_t calibration_change_count = 0;
};

// Adds a violation for every name that does not exist, with the nearest that do, and for every pair
// of fields that contradict each other. The result is complete only if `violations` stays empty.
// What is free is what is free at `now_ns`. Errors: those of the store, and of FreeCluster.
absl::StatusOr<ResolvedPlanRequest> ResolvePlanRequest(const v1::CreatePlanRequest& request,
                                                       int64_t now_ns, Store& store,
                                                       FieldViolations& violations);

// The same for a configuration to check.
absl::StatusOr<CheckQuestion> ResolveCheckRequest(const v1::CheckConfigurationRequest& request,
                                                  Store& store, FieldViolations& violations);

BatchRule ResolveBatchRule(const std::string& name, FieldViolations& violations);

// "unknown law "x"; nearest: a, b, c".
std::string UnknownName(absl::string_view kind, absl::string_view name,
                        const std::vector<std::string>& known);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RESOLVE_H_
