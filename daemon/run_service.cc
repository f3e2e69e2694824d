// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/call.h"
#include "daemon/page_token.h"
#include "daemon/replan.h"
#include "daemon/run_answer.h"
#include "daemon/runs.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int kMaxFullPageSize = 100;

}  // namespace

grpc::Status RunService::CreateRun(grpc::ServerContext* context,
                                   const v1::CreateRunRequest* request, v1::Run* response) {
  const Call call(*context, "RunService/CreateRun", peers_);
  return Serve(call, response,
               [&] { return Full(daemon::CreateRun(*request, call.caller(), clock_(), store_)); });
}

grpc::Status RunService::GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                                v1::Run* response) {
  const Call call(*context, "RunService/GetRun", peers_);
  return Serve(call, response, [&] { return Full(FindRun(*request, store_)); });
}

absl::StatusOr<v1::Run> RunService::Full(const absl::StatusOr<StoredRun>& run) {
  RHUMB_RETURN_IF_ERROR(run.status());
  return RunAnswers(store_, clock_()).Full(*run);
}

grpc::Status RunService::ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                                  v1::ListRunsResponse* response) {
  const Call call(*context, "RunService/ListRuns", peers_);
  return Serve(call, response, [&] { return ListImpl(*request); });
}

absl::StatusOr<v1::ListRunsResponse> RunService::ListImpl(const v1::ListRunsRequest& request) {
  FieldViolations violations;
  ValidateValues(request, violations);
  RunFilter filter = {.open_only = request.open_only()};
  if (!request.plan().empty()) {
    filter.plan = ResourceName("plans", request.plan(), "plan", violations);
  }
  if (!request.cluster().empty()) {
    filter.cluster = ResourceName("clusters", request.cluster(), "cluster", violations);
  }
  if (!violations.empty()) return violations.ToStatus();
  const bool full = request.view() == v1::PLAN_VIEW_FULL;
  RHUMB_ASSIGN_OR_RETURN(const int size, full ? PageSize(request.page_size(), kMaxFullPageSize)
                                              : PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after,
                         ParsePageToken(request.page_token()));
  // One more row than shown tells whether there is a next page.
  RHUMB_ASSIGN_OR_RETURN(std::vector<StoredRun> rows, store_.runs().List(filter, after, size + 1));
  v1::ListRunsResponse response;
  if (static_cast<int>(rows.size()) > size) {
    rows.pop_back();
    response.set_next_page_token(PageTokenOf({rows.back().update_time_ns, rows.back().name}));
  }
  RunAnswers answers(store_, clock_());
  for (const StoredRun& row : rows) {
    RHUMB_ASSIGN_OR_RETURN(*response.add_runs(), full ? answers.Full(row) : answers.Basic(row));
  }
  return response;
}

grpc::Status RunService::FinishRun(grpc::ServerContext* context,
                                   const v1::FinishRunRequest* request, v1::Run* response) {
  const Call call(*context, "RunService/FinishRun", peers_);
  return Serve(call, response,
               [&] { return Full(daemon::FinishRun(*request, call.caller(), clock_(), store_)); });
}

grpc::Status RunService::ReplanRun(grpc::ServerContext* context,
                                   const v1::ReplanRunRequest* request,
                                   v1::ReplanRunResponse* response) {
  const Call call(*context, "RunService/ReplanRun", peers_);
  return Serve(call, response, [&] {
    return daemon::ReplanRun(*request, call.caller(), clock_(), store_, call.ShouldStop());
  });
}

grpc::Status RunService::SyncJobs(grpc::ServerContext* context, const v1::SyncJobsRequest* request,
                                  v1::SyncJobsResponse* response) {
  const Call call(*context, "RunService/SyncJobs", peers_);
  return Serve(call, response,
               [&] { return daemon::SyncJobs(*request, call.caller(), clock_(), store_); });
}

}  // namespace rhumb::daemon
