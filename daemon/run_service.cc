// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/accuracy_report.h"
#include "daemon/call.h"
#include "daemon/page_token.h"
#include "daemon/replan.h"
#include "daemon/run_answer.h"
#include "daemon/run_compare.h"
#include "daemon/runs.h"
#include "daemon/sample_messages.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int kMaxFullPageSize = 100;
constexpr int kReportThreads = 16, kWatchThreads = 2;
constexpr size_t kMaxWaitingReports = 4096, kMaxWaitingLooks = 16384;

}  // namespace

RunService::RunService(Store& store, const PeerRegistry& peers, Clock clock)
    : store_(store),
      peers_(peers),
      clock_(std::move(clock)),
      monitors_(store, clock_, feed_),
      report_workers_(kReportThreads, kMaxWaitingReports),
      watch_workers_(kWatchThreads, kMaxWaitingLooks),
      progress_{store, clock_, monitors_, report_workers_},
      watch_{
          [this](const std::string& name, const std::optional<google::protobuf::Timestamp>& known) {
            return Look(name, known);
          },
          feed_, watch_workers_} {}

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
  return Serve(call, response, [&]() -> absl::StatusOr<v1::Run> {
    RHUMB_ASSIGN_OR_RETURN(const v1::Run run,
                           Full(daemon::FinishRun(*request, call.caller(), clock_(), store_)));
    feed_.TellChange(run.name());
    return run;
  });
}

grpc::Status RunService::ReplanRun(grpc::ServerContext* context,
                                   const v1::ReplanRunRequest* request,
                                   v1::ReplanRunResponse* response) {
  const Call call(*context, "RunService/ReplanRun", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::ReplanRunResponse> {
    RHUMB_ASSIGN_OR_RETURN(
        const v1::ReplanRunResponse answer,
        daemon::ReplanRun(*request, call.caller(), clock_(), store_, call.ShouldStop()));
    if (!request->validate_only()) {
      monitors_.Forget(answer.run().name());
      feed_.TellChange(answer.run().name());
    }
    return answer;
  });
}

grpc::Status RunService::SyncJobs(grpc::ServerContext* context, const v1::SyncJobsRequest* request,
                                  v1::SyncJobsResponse* response) {
  const Call call(*context, "RunService/SyncJobs", peers_);
  return Serve(call, response, [&]() -> absl::StatusOr<v1::SyncJobsResponse> {
    RHUMB_ASSIGN_OR_RETURN(const v1::SyncJobsResponse news,
                           daemon::SyncJobs(*request, call.caller(), clock_(), store_));
    if (news.changed_job_count() > 0 && !request->validate_only()) feed_.TellChangeOfAny();
    return news;
  });
}

grpc::ServerReadReactor<v1::ReportProgressRequest>* RunService::ReportProgress(
    grpc::CallbackServerContext* context, v1::ReportProgressResponse* response) {
  return ProgressStream::Start(*context, response, peers_, progress_);
}

grpc::Status RunService::ListRunSamples(grpc::ServerContext* context,
                                        const v1::ListRunSamplesRequest* request,
                                        v1::ListRunSamplesResponse* response) {
  const Call call(*context, "RunService/ListRunSamples", peers_);
  return Serve(call, response, [&] { return ListSamplesImpl(*request); });
}

absl::StatusOr<v1::ListRunSamplesResponse> RunService::ListSamplesImpl(
    const v1::ListRunSamplesRequest& request) {
  FieldViolations violations;
  ValidateValues(request, violations);
  const std::string name = ResourceName("runs", request.name(), "name", violations);
  if (!violations.empty()) return violations.ToStatus();
  RHUMB_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  RHUMB_ASSIGN_OR_RETURN(const SamplePosition after, ParseSamplePageToken(request.page_token()));
  RHUMB_RETURN_IF_ERROR(FindRunByName(name, store_).status());
  RHUMB_ASSIGN_OR_RETURN(std::vector<StoredSample> samples,
                         store_.samples().Read(name, after, size + 1));
  v1::ListRunSamplesResponse response;
  if (static_cast<int>(samples.size()) > size) {
    samples.pop_back();
    response.set_next_page_token(SamplePageTokenOf(samples.back()));
  }
  for (const StoredSample& each : samples) *response.add_samples() = ToMessage(each);
  return response;
}

grpc::ServerWriteReactor<v1::WatchRunResponse>* RunService::WatchRun(
    grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) {
  return WatchStream::Start(*context, ResourceName("runs", request->name(), "name"), peers_,
                            watch_);
}

absl::StatusOr<std::optional<v1::Run>> RunService::Look(
    const std::string& name, const std::optional<google::protobuf::Timestamp>& known) {
  RHUMB_ASSIGN_OR_RETURN(const StoredRun run, FindRunByName(name, store_));
  if (known.has_value() && ToTimestamp(run.update_time_ns) == *known) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(v1::Run full, Full(run));
  return std::optional<v1::Run>(std::move(full));
}

grpc::Status RunService::CompareRun(grpc::ServerContext* context,
                                    const v1::CompareRunRequest* request,
                                    v1::CompareRunResponse* response) {
  const Call call(*context, "RunService/CompareRun", peers_);
  return Serve(call, response, [&] { return daemon::CompareRun(*request, clock_(), store_); });
}

grpc::Status RunService::GetAccuracyReport(grpc::ServerContext* context,
                                           const v1::GetAccuracyReportRequest* request,
                                           v1::AccuracyReport* response) {
  const Call call(*context, "RunService/GetAccuracyReport", peers_);
  return Serve(call, response, [&] { return ReportAccuracy(*request, clock_(), store_); });
}

}  // namespace rhumb::daemon
