// SPDX-License-Identifier: Apache-2.0
#include "daemon/fit_stream.h"

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "daemon/metrics.h"
#include "daemon/rpc_status.h"

namespace rhumb::daemon {
namespace {

// Progress is for eyes.
constexpr std::chrono::milliseconds kBetweenMessages(50);

}  // namespace

// Changes and decides under one lock, for after the change that ends the stream another thread may
// finish it and this may be gone; acts outside, for gRPC may call back from within.
template <typename What>
void FitStream::Change(const What& change) {
  bool write = false;
  std::optional<absl::Status> finish;
  {
    const absl::MutexLock lock(&mutex_);
    change();
    if (writing_ || finished_) return;
    if (next_.has_value() && !cancelled_) {
      message_ = *std::move(next_);
      next_.reset();
      write = writing_ = true;
    } else if (end_.has_value()) {
      finished_ = true;
      finish = *end_;
    }
  }
  if (write) StartWrite(&message_);
  if (finish.has_value()) Finish(call_.Finish(*finish));
}

FitStream::FitStream(grpc::CallbackServerContext& context, const v1::FitLawRequest& request,
                     const PeerRegistry& peers, const FitContext& fit)
    : call_(context, "LawService/FitLaw", peers), request_(request), fit_(fit) {}

FitStream* FitStream::Start(grpc::CallbackServerContext& context, const v1::FitLawRequest& request,
                            const PeerRegistry& peers, const FitContext& fit, WorkerPool& workers) {
  auto* stream = new FitStream(context, request, peers, fit);
  stream->Tell(0, "waiting");
  if (!workers.Submit([stream] { stream->Fit(); })) {
    stream->End(ErrorWithReason(absl::StatusCode::kResourceExhausted, "TOO_MANY_FITS",
                                "too many fits are waiting; try again later"));
  }
  return stream;
}

void FitStream::Fit() {
  const std::function<bool()> late = call_.ShouldStop();
  bool too_late = false;
  const FitHooks hooks = {
      .should_stop =
          [&] {
            too_late = too_late || late();
            return too_late || IsCancelled();
          },
      .progress = [this](double fraction, const char* stage) { Tell(fraction, stage); }};
  if (hooks.should_stop()) {
    End(IsCancelled() ? absl::CancelledError("the caller has gone")
                      : absl::DeadlineExceededError("the fit could not begin in time"));
    return;
  }
  const auto began = std::chrono::steady_clock::now();
  absl::StatusOr<v1::LawFitResult> result = AnswerFitLaw(request_, call_.caller(), fit_, hooks);
  if (result.ok() && call_.metrics() != nullptr) {
    call_.metrics()->CountFit(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  if (absl::IsCancelled(result.status()) && !IsCancelled()) {
    result = ErrorWithReason(absl::StatusCode::kDeadlineExceeded, "FIT_NOT_DONE_IN_TIME",
                             "the fit was stopped by the deadline; allow more time or fewer "
                             "bootstrap refits");
  }
  End(std::move(result));
}

void FitStream::Tell(double fraction, const char* stage) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_told_) return;
  next_told_ = now + kBetweenMessages;
  Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::FitLawResponse::Progress& progress = *next_.emplace().mutable_progress();
    progress.set_fraction(fraction);
    progress.set_stage(stage);
  });
}

void FitStream::End(absl::StatusOr<v1::LawFitResult> result) {
  Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    end_ = result.status();
    next_.reset();
    if (result.ok()) *next_.emplace().mutable_result() = *std::move(result);
  });
}

bool FitStream::IsCancelled() {
  const absl::MutexLock lock(&mutex_);
  return cancelled_;
}

void FitStream::OnWriteDone(bool ok) {
  Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = false;
    if (!ok) cancelled_ = true;
  });
}

void FitStream::OnCancel() {
  const absl::MutexLock lock(&mutex_);
  cancelled_ = true;  // the worker notices, and ends the stream
}

}  // namespace rhumb::daemon
