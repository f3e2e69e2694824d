// SPDX-License-Identifier: Apache-2.0
// Laws, observations, fits.
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/sync_stream.h>

#include <utility>

#include "client/cpp/client_calls.h"
#include "google/protobuf/empty.pb.h"

namespace rhumb::client {
namespace {

// A fit's messages until its end. Reads on a completion queue of its own, so that `progress` is
// asked whether to go on even while the daemon has nothing to say.
absl::StatusOr<v1::LawFitResult> ReadFit(v1::LawService::Stub& stub,
                                         const v1::FitLawRequest& request,
                                         const ClientOptions& options,
                                         const Client::FitProgress& progress) {
  grpc::ClientContext context;
  if (options.timeout < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  }
  grpc::CompletionQueue queue;
  const auto reader = stub.AsyncFitLaw(&context, request, &queue, nullptr);
  v1::FitLawResponse message;
  v1::FitLawResponse::Progress last;
  absl::StatusOr<v1::LawFitResult> result = absl::InternalError("the fit ended without a result");
  bool started = false, cancelled = false, ended = false;
  while (!ended) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + kBetweenLooks));
    if (next == grpc::CompletionQueue::GOT_EVENT) {
      if (started && ok && message.has_result()) result = std::move(*message.mutable_result());
      if (started && ok && message.has_progress()) last = message.progress();
      ended = !ok;
      if (ok) reader->Read(&message, nullptr);
      started = true;
    }
    if (!cancelled && !ended && progress && !progress(last)) {
      cancelled = true;
      context.TryCancel();
    }
  }
  const grpc::Status status = FinishOf(*reader, queue);
  if (!status.ok()) return FromGrpcStatus(status);
  return result;
}

}  // namespace

absl::StatusOr<v1::Law> Client::GetLaw(const v1::GetLawRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::GetLaw, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListLawsResponse> Client::ListLaws(const v1::ListLawsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::ListLaws, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::Law> Client::CreateLaw(const v1::CreateLawRequest& request) {
  // The content of the newest version again writes nothing.
  return Call(stubs_->law, &v1::LawService::Stub::CreateLaw, request, options_, Repeatable::kYes);
}

absl::Status Client::DeleteLaw(const v1::DeleteLawRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::DeleteLaw, request, options_, Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::ObservationSet> Client::ImportObservations(
    const std::vector<v1::ImportObservationsRequest>& messages) {
  if (messages.empty()) return absl::InvalidArgumentError("messages: must have at least one");
  int64_t row_count = 0;
  for (const v1::ImportObservationsRequest& message : messages) {
    row_count += message.observations_size();
  }
  // The same content is the same set, so sending twice stores once.
  return Attempt<v1::ObservationSet>(
      options_, Repeatable::kYes, [&](grpc::ClientContext& context, v1::ObservationSet& response) {
        const std::unique_ptr<grpc::ClientWriter<v1::ImportObservationsRequest>> writer =
            stubs_->law.ImportObservations(&context, &response);
        v1::ImportObservationsRequest first = messages[0];
        first.set_row_count(row_count);
        // A write fails when the daemon has ended the call: the status says why.
        bool open = writer->Write(first);
        for (size_t i = 1; open && i < messages.size(); ++i) open = writer->Write(messages[i]);
        writer->WritesDone();
        return writer->Finish();
      });
}

absl::StatusOr<v1::GetObservationsResponse> Client::GetObservations(
    const v1::GetObservationsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::GetObservations, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListObservationSetsResponse> Client::ListObservationSets(
    const v1::ListObservationSetsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::ListObservationSets, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteObservations(const v1::DeleteObservationsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::DeleteObservations, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::LawFitResult> Client::FitLaw(const v1::FitLawRequest& request,
                                                const FitProgress& progress) {
  return ReadFit(stubs_->law, request, options_, progress);
}

absl::StatusOr<v1::LawFitResult> Client::GetLawFit(const v1::GetLawFitRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::GetLawFit, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::BacktestLawResponse> Client::BacktestLaw(const v1::BacktestLawRequest& request,
                                                            const std::function<bool()>& go_on) {
  return Attempt<v1::BacktestLawResponse>(
      options_, Repeatable::kYes,
      [&](grpc::ClientContext& context, v1::BacktestLawResponse& response) {
        grpc::CompletionQueue queue;
        const auto call = stubs_->law.AsyncBacktestLaw(&context, request, &queue);
        grpc::Status status;
        call->Finish(&response, &status, nullptr);
        void* tag = nullptr;
        bool ok = false;
        while (queue.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + kBetweenLooks)) ==
               grpc::CompletionQueue::TIMEOUT) {
          if (go_on && !go_on()) context.TryCancel();
        }
        queue.Shutdown();
        while (queue.Next(&tag, &ok)) {
        }
        return status;
      });
}

absl::StatusOr<v1::SuggestExperimentsResponse> Client::SuggestExperiments(
    const v1::SuggestExperimentsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::SuggestExperiments, request, options_,
              Repeatable::kYes);
}

}  // namespace rhumb::client
