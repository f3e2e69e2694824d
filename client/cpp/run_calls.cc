// SPDX-License-Identifier: Apache-2.0
// Runs: made, reported, watched, compared.
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/sync_stream.h>

#include "client/cpp/client_calls.h"

namespace rhumb::client {

absl::StatusOr<v1::Run> Client::CreateRun(const v1::CreateRunRequest& request) {
  const bool repeatable = !request.request_id().empty() || request.run().jobs_size() > 0;
  return Call(stubs_->run, &v1::RunService::Stub::CreateRun, request, options_,
              repeatable ? Repeatable::kYes : Repeatable::kNo);
}

absl::StatusOr<v1::Run> Client::GetRun(const v1::GetRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::GetRun, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListRunsResponse> Client::ListRuns(const v1::ListRunsRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::ListRuns, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::Run> Client::FinishRun(const v1::FinishRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::FinishRun, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListRunSamplesResponse> Client::ListRunSamples(
    const v1::ListRunSamplesRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::ListRunSamples, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ReplanRunResponse> Client::ReplanRun(const v1::ReplanRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::ReplanRun, request, options_,
              request.validate_only() || !request.request_id().empty() ? Repeatable::kYes
                                                                       : Repeatable::kNo);
}

absl::StatusOr<v1::SyncJobsResponse> Client::SyncJobs(const v1::SyncJobsRequest& request) {
  // Old news changes nothing, so telling twice is telling once.
  return Call(stubs_->run, &v1::RunService::Stub::SyncJobs, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ReportProgressResponse> Client::ReportProgress(
    const std::vector<v1::ReportProgressRequest>& messages) {
  return Attempt<v1::ReportProgressResponse>(
      options_, Repeatable::kYes,
      [&](grpc::ClientContext& context, v1::ReportProgressResponse& response) {
        const std::unique_ptr<grpc::ClientWriter<v1::ReportProgressRequest>> writer =
            stubs_->run.ReportProgress(&context, &response);
        bool open = true;
        for (size_t i = 0; open && i < messages.size(); ++i) open = writer->Write(messages[i]);
        writer->WritesDone();
        return writer->Finish();
      });
}

absl::StatusOr<v1::CompareRunResponse> Client::CompareRun(const v1::CompareRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::CompareRun, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::AccuracyReport> Client::GetAccuracyReport(
    const v1::GetAccuracyReportRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::GetAccuracyReport, request, options_,
              Repeatable::kYes);
}

absl::Status Client::WatchRun(const v1::WatchRunRequest& request, const WatchSink& sink) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto reader = stubs_->run.AsyncWatchRun(&context, request, &queue, nullptr);
  v1::WatchRunResponse message;
  bool started = false, cancelled = false, ended = false;
  while (!ended) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + kBetweenLooks));
    const bool has_event = next == grpc::CompletionQueue::GOT_EVENT;
    const bool has_message = has_event && ok && started;
    if (!cancelled && (has_message || !has_event) && !sink(has_message ? &message : nullptr)) {
      cancelled = true;
      context.TryCancel();
    }
    if (!has_event) continue;
    ended = !ok;
    started = true;
    if (ok) reader->Read(&message, nullptr);
  }
  const grpc::Status status = FinishOf(*reader, queue);
  // What was cancelled here may have ended by itself just before.
  if (cancelled) return absl::CancelledError("no longer watched");
  return status.ok() ? absl::OkStatus() : FromGrpcStatus(status);
}

}  // namespace rhumb::client
