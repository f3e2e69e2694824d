// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_compare.h"

#include <optional>
#include <string>

#include "daemon/convert.h"
#include "daemon/run_answer.h"
#include "daemon/run_progress.h"
#include "daemon/runs.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int kDefaultPointCount = 100;

}  // namespace

absl::StatusOr<v1::CompareRunResponse> CompareRun(const v1::CompareRunRequest& request,
                                                  int64_t now_ns, Store& store) {
  FieldViolations violations;
  ValidateValues(request, violations);
  const std::string name = ResourceName("runs", request.name(), "name", violations);
  if (!violations.empty()) return violations.ToStatus();
  const double level = request.has_level() ? request.level() : kDefaultLevel;
  RHUMB_ASSIGN_OR_RETURN(const StoredRun stored, FindRunByName(name, store));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan, FindPlanMessage(stored.plan, store));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<RunProgress> progress,
                         ReadProgress(stored, plan, level, store));
  v1::CompareRunResponse response;
  RHUMB_ASSIGN_OR_RETURN(*response.mutable_run(),
                         RunAnswers(store, now_ns).FullWith(stored, progress));
  if (!progress.has_value()) return response;
  for (const v1::LossPoint& point : LossCurve(
           *progress, request.has_point_count() ? request.point_count() : kDefaultPointCount)) {
    *response.add_loss_curve() = point;
  }
  for (const Assumption& each : progress->expected.assumptions) {
    *response.add_assumptions() = ToProto(each);
  }
  return response;
}

}  // namespace rhumb::daemon
