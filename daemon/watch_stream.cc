// SPDX-License-Identifier: Apache-2.0
#include "daemon/watch_stream.h"

#include <utility>

#include "daemon/job_news.h"
#include "daemon/rpc_status.h"

namespace rhumb::daemon {
namespace {

constexpr int kMaxWaitingSamples = 1000;
// Samples move the forecast: but so slowly that it is made anew only now and then.
constexpr std::chrono::seconds kBetweenForecasts(60);

}  // namespace

// Everything that happens to a stream happens here, one after the other; what follows from it is
// begun outside the lock, for gRPC may call back from within. It may be called under the feed's
// lock, so that it never calls the feed. The stream may be gone once it was finished.
void WatchStream::Change(absl::FunctionRef<void()> change) {
  bool write = false, look = false;
  std::optional<absl::Status> finish;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    change();
    if (finished_) return;
    if (stale_ && !looking_ && !end_.has_value()) {
      stale_ = false;
      look = looking_ = true;
    }
    const bool may_write = told_run_ || (next_.has_value() && next_->has_run());
    if (!writing_ && next_.has_value() && may_write && (!end_.has_value() || end_->ok())) {
      told_run_ = true;
      message_ = *std::move(next_);
      next_.reset();
      write = writing_ = true;
    }
    // A look-up holds on to the stream.
    if (!writing_ && !looking_ && end_.has_value()) {
      finished_ = true;
      finish = *end_;
    }
  }
  if (write) StartWrite(&message_);
  if (look && !watch_.workers.Submit([this] { Look(); })) {
    Change([&]() {
      looking_ = false;
      end_ = ErrorWithReason(absl::StatusCode::kResourceExhausted, "TOO_MANY_WATCHERS",
                             "too many runs are being looked up; try again later");
    });
    return;
  }
  if (finish.has_value()) Finish(call_.Finish(*finish));
}

WatchStream::WatchStream(grpc::CallbackServerContext& context, std::string run,
                         const PeerRegistry& peers, const WatchContext& watch)
    : call_(context, "RunService/WatchRun", peers), run_(std::move(run)), watch_(watch) {}

WatchStream* WatchStream::Start(grpc::CallbackServerContext& context,
                                const absl::StatusOr<std::string>& run, const PeerRegistry& peers,
                                const WatchContext& watch) {
  auto* stream = new WatchStream(context, run.value_or(""), peers, watch);
  if (!run.ok()) {
    stream->Change([&]() { stream->end_ = run.status(); });
    return stream;
  }
  // First the feed: what happens during the first look-up is told behind it.
  watch.feed.Add(*run, stream);
  stream->Change([] {});
  return stream;
}

void WatchStream::Look() {
  std::optional<google::protobuf::Timestamp> known;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!std::exchange(surely_stale_, false)) known = known_;
    next_look_ = std::chrono::steady_clock::now() + kBetweenForecasts;
  }
  absl::StatusOr<std::optional<v1::Run>> run = watch_.look(run_, known);
  Change([&]() {
    looking_ = false;
    if (end_.has_value()) return;
    if (!run.ok()) {
      end_ = run.status();
      next_.reset();
      return;
    }
    if (!run->has_value()) return;
    known_ = (*run)->update_time();
    const std::optional<JobState> state = FromProto((*run)->state());
    if (state.has_value() && !IsOpen(*state)) end_ = absl::OkStatus();
    if (!next_.has_value()) next_.emplace();
    *next_->mutable_run() = **std::move(run);
  });
}

void WatchStream::OnSamples(const SampleNews& samples) {
  Change([&]() {
    if (end_.has_value()) return;
    if (!next_.has_value()) next_.emplace();
    auto& waiting = *next_->mutable_samples();
    waiting.Add(samples->begin(), samples->end());
    if (waiting.size() > kMaxWaitingSamples) {
      waiting.DeleteSubrange(0, waiting.size() - kMaxWaitingSamples);
    }
    if (std::chrono::steady_clock::now() >= next_look_) stale_ = surely_stale_ = true;
  });
}

void WatchStream::OnChange(bool sure) {
  Change([&]() {
    stale_ = true;
    surely_stale_ = surely_stale_ || sure;
  });
}

void WatchStream::OnClose() {
  Change([&]() {
    if (!end_.has_value()) {
      end_ = ErrorWithReason(absl::StatusCode::kUnavailable, "DRAINING", "the daemon is stopping");
    }
  });
}

void WatchStream::OnDone() {
  watch_.feed.Remove(run_, this);
  delete this;
}

void WatchStream::OnWriteDone(bool ok) {
  Change([&]() {
    writing_ = false;
    if (!ok && !end_.has_value()) end_ = absl::CancelledError("the caller has gone");
  });
}

void WatchStream::OnCancel() {
  Change([&]() {
    if (!end_.has_value()) end_ = absl::CancelledError("the caller has gone");
  });
}

}  // namespace rhumb::daemon
