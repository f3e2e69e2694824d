// SPDX-License-Identifier: Apache-2.0
#include "daemon/call.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/clock.h"
#include "daemon/metrics.h"
#include "daemon/process/log.h"
#include "daemon/rpc_status.h"
#include "daemon/server.h"

namespace rhumb::daemon {
namespace {

constexpr size_t kMaxRequestIdBytes = 128;

std::string FreshRequestId() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return absl::StrCat(absl::Hex(generator(), absl::kZeroPad16));
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

// As sent, empty if it was not; alive as long as the call.
absl::string_view HeaderOf(const grpc::ServerContextBase& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return "";
  return {found->second.data(), found->second.size()};
}

std::string TraceParentOf(const grpc::ServerContextBase& context) {
  const absl::string_view given = HeaderOf(context, kTraceHeader);
  return IsTraceParent(given) ? std::string(given) : "";
}

}  // namespace

absl::Status RequireOperator(const Caller& caller, absl::string_view what) {
  if (caller.IsOperator()) return absl::OkStatus();
  return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_OPERATOR",
                         absl::StrCat("only the daemon's own user and root may change ", what));
}

std::string RequestIdFor(absl::string_view given) {
  const bool usable = !given.empty() && given.size() <= kMaxRequestIdBytes && IsPrintable(given);
  return usable ? std::string(given) : FreshRequestId();
}

bool IsTraceParent(absl::string_view text) {
  constexpr absl::string_view kForm = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (kForm[i] == 'x' ? !hex : text[i] != kForm[i]) return false;
  }
  return true;
}

std::string SetReplyHeaders(grpc::ServerContextBase& context) {
  const std::string id = RequestIdFor(HeaderOf(context, kRequestIdHeader));
  context.AddInitialMetadata(kRequestIdHeader, id);
  context.AddInitialMetadata(kVersionHeader, ServerVersion());
  context.AddInitialMetadata(
      kTimeHeader, absl::StrFormat("%.3f", static_cast<double>(SystemNanoseconds()) * 1e-9));
  return id;
}

Call::Call(grpc::ServerContextBase& context, const char* method, const PeerRegistry& peers)
    : context_(context),
      method_(method),
      caller_(peers.Find(context.peer())),
      request_id_(SetReplyHeaders(context)),
      trace_parent_(TraceParentOf(context)),
      began_(std::chrono::steady_clock::now()),
      metrics_(peers.metrics()) {}

std::function<bool()> Call::ShouldStop() const {
  using SystemClock = std::chrono::system_clock;
  using SteadyClock = std::chrono::steady_clock;
  // A tenth of the time left, at most 100 ms, is kept for storing and sending.
  const auto left = context_.deadline() - SystemClock::now();
  const auto reserve = std::min<SystemClock::duration>(left / 10, std::chrono::milliseconds(100));
  const SystemClock::time_point stop_at = context_.deadline() - reserve;
  const bool has_deadline = context_.deadline() != SystemClock::time_point::max();
  // Once stopped, stopped for good: an answer that was cut short anywhere must not look complete.
  struct State {
    SteadyClock::time_point next_look = SteadyClock::now();
    bool stopped = false;
  };
  auto state = std::make_shared<State>();
  return [this, stop_at, has_deadline, state] {
    const auto now = SteadyClock::now();
    if (state->stopped || now < state->next_look) return state->stopped;
    state->next_look = now + std::chrono::milliseconds(2);
    state->stopped = context_.IsCancelled() || (has_deadline && SystemClock::now() >= stop_at);
    return state->stopped;
  };
}

grpc::Status Call::Finish(const absl::Status& status) const {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  if (metrics_ != nullptr) metrics_->CountRpc(method_, status.code(), seconds);
  if (LogEnabled(LogLevel::kInfo)) {
    std::vector<LogField> fields = {{"rpc", absl::StrCat("rhumb.v1.", method_)},
                                    {"code", absl::StatusCodeToString(status.code())},
                                    {"dur_ms", absl::StrFormat("%.3f", seconds * 1e3)},
                                    {"uid", caller_.known ? absl::StrCat(caller_.uid) : "unknown"},
                                    {"request_id", request_id_}};
    if (!trace_parent_.empty()) fields.emplace_back("traceparent", trace_parent_);
    Log(LogLevel::kInfo, "rpc", fields);
  }
  return ToGrpcStatus(status);
}

}  // namespace rhumb::daemon
