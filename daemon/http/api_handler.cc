// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/api_handler.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/call.h"
#include "daemon/http/http_error.h"
#include "daemon/http/request_guard.h"
#include "daemon/http/transcode.h"
#include "daemon/rpc_status.h"
#include "daemon/server.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;
using Event = ForwardCall::Event;

// A stream that has said nothing by then has begun all the same.
constexpr milliseconds kFirstMessageTime(1000);
// So often a stream looks whether the daemon is stopping.
constexpr milliseconds kLookInterval(250);
// A unary call is awaited as long as its caller is there.
constexpr milliseconds kNoLimit = std::chrono::hours(24 * 365);
constexpr double kMaxTimeoutSeconds = 365.0 * 86400;

// "1500m" of grpc-timeout in seconds; nullopt if it is none.
std::optional<double> ReadGrpcTimeout(absl::string_view text) {
  constexpr std::pair<char, double> kUnits[] = {{'H', 3600}, {'M', 60},   {'S', 1},
                                                {'m', 1e-3}, {'u', 1e-6}, {'n', 1e-9}};
  int64_t count = 0;
  if (text.size() < 2 || text.size() > 9 ||
      !absl::SimpleAtoi(text.substr(0, text.size() - 1), &count))
    return std::nullopt;
  for (const auto& [unit, seconds] : kUnits) {
    if (text.back() == unit) return static_cast<double>(count) * seconds;
  }
  return std::nullopt;
}

absl::StatusOr<system_clock::time_point> ReadDeadline(const HttpRequest& request) {
  const std::string text = request.Header(kTimeoutHeader);
  const std::string grpc_text = request.Header("grpc-timeout");
  if (text.empty() && grpc_text.empty()) return system_clock::time_point::max();
  const char* const name = text.empty() ? "grpc-timeout" : kTimeoutHeader;
  std::optional<double> seconds = ReadGrpcTimeout(grpc_text);
  if (!text.empty()) {
    double number = 0;
    seconds = absl::SimpleAtod(text, &number) ? std::optional<double>(number) : std::nullopt;
  }
  if (!seconds.has_value() || !(*seconds > 0 && *seconds <= kMaxTimeoutSeconds)) {
    return FieldError(
        name, absl::StrCat("must be a positive time of at most ", kMaxTimeoutSeconds, " s, got ",
                           QuotedHeader(text.empty() ? grpc_text : text)));
  }
  return system_clock::now() + std::chrono::duration_cast<system_clock::duration>(
                                   std::chrono::duration<double>(*seconds));
}

// Nothing that a form or a page of another origin can send unasked is taken for JSON.
std::optional<HttpResponse> RefuseBody(const HttpRequest& request) {
  if (request.body.empty()) return std::nullopt;
  const auto refuse = [](absl::string_view message) {
    return ErrorResponse(415, absl::StatusCode::kInvalidArgument, "NOT_JSON", message);
  };
  const std::string coding = absl::AsciiStrToLower(request.Header("content-encoding"));
  if (!coding.empty() && coding != "identity") return refuse("a body must not be compressed");
  const std::string type = absl::AsciiStrToLower(request.Header("content-type"));
  const std::string kind = type.substr(0, type.find_first_of("; "));
  if (kind == "application/json" || kind == "application/x-ndjson" || kind == "application/jsonl")
    return std::nullopt;
  return refuse(
      absl::StrCat("a body must be JSON; send the header Content-Type: application/json, got ",
                   QuotedHeader(type)));
}

std::string EventText(absl::string_view name, absl::string_view data) {
  return absl::StrCat(name.empty() ? "" : absl::StrCat("event: ", name, "\n"),
                      "data: ", absl::StripAsciiWhitespace(data), "\n\n");
}

HttpResponse NoRoute(const HttpRequest& request, const RouteMatch& match) {
  if (match.allowed_methods.empty()) {
    return ErrorResponse(404, absl::StatusCode::kNotFound, "NO_SUCH_PATH",
                         "there is no such path; GET /v1 lists those that there are");
  }
  const std::string allowed = absl::StrJoin(match.allowed_methods, ", ");
  HttpResponse response =
      ErrorResponse(405, absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED",
                    absl::StrCat("this path takes ", allowed, ", not ", request.method));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

ApiHandler::ApiHandler(const RouteTable& routes, CallerChannels& channels,
                       ApiHandlerOptions options, std::function<bool()> is_draining)
    : routes_(routes),
      channels_(channels),
      options_(options),
      is_draining_(std::move(is_draining)) {}

HttpResponse ApiHandler::Handle(const HttpRequest& request) {
  const std::string request_id = RequestIdFor(request.Header(kRequestIdHeader));
  HttpResponse response;
  const RouteMatch match = routes_.Find(request.method, request.path);
  if (std::optional<HttpResponse> foreign = RefuseForeignPage(request); foreign.has_value()) {
    response = *std::move(foreign);
  } else if (request.path == "/v1" && (request.method == "GET" || request.method == "HEAD")) {
    response = Index();
  } else if (match.route == nullptr) {
    response = NoRoute(request, match);
  } else if (std::optional<HttpResponse> bad = RefuseBody(request); bad.has_value()) {
    response = *std::move(bad);
  } else {
    absl::StatusOr<HttpResponse> answer = Call(request, match, request_id);
    response = answer.ok() ? *std::move(answer) : ErrorResponse(ToGrpcStatus(answer.status()));
  }
  response.headers.emplace_back(kRequestIdHeader, request_id);
  response.headers.emplace_back(kVersionHeader, ServerVersion());
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

absl::StatusOr<HttpResponse> ApiHandler::Call(const HttpRequest& request, const RouteMatch& match,
                                              const std::string& request_id) {
  ForwardOptions options;
  RHUMB_ASSIGN_OR_RETURN(options.deadline, ReadDeadline(request));
  RHUMB_ASSIGN_OR_RETURN(Messages messages, ReadMessages(request, match));
  const bool streams = match.route->rpc->server_streaming();
  std::shared_ptr<void> slot;
  if (streams) {
    if (stream_count_->fetch_add(1) >= options_.max_stream_count) {
      stream_count_->fetch_sub(1);
      HttpResponse busy = ErrorResponse(
          503, absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
          absl::StrCat("all ", options_.max_stream_count, " streams are taken; try again later"));
      busy.headers.emplace_back("Retry-After", "5");
      return busy;
    }
    slot = std::shared_ptr<void>(nullptr, [count = stream_count_](void*) { count->fetch_sub(1); });
  }
  RHUMB_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, channels_.For(request.uid));
  options.metadata.emplace_back(kRequestIdHeader, request_id);
  const std::string trace = request.Header(kTraceHeader);
  if (IsTraceParent(trace)) options.metadata.emplace_back(kTraceHeader, trace);
  options.is_gone = request.is_gone;
  auto call =
      std::make_shared<ForwardCall>(channel, match.route->RpcPath(), std::move(messages), options);
  HttpResponse response = streams ? AnswerStream(call, *match.route, std::move(slot))
                                  : AnswerUnary(*call, *match.route);
  if (call->status().error_code() == grpc::StatusCode::UNAVAILABLE) channels_.Drop(channel);
  return response;
}

HttpResponse ApiHandler::AnswerUnary(ForwardCall& call, const Route& route) {
  const auto message = NewMessage(*route.rpc->output_type());
  while (call.Next(kNoLimit, *message) != Event::kEnd) {
  }
  HttpResponse response = ErrorResponse(call.status());
  if (call.status().ok()) response.body = absl::StrCat(PrintJson(*message), "\n");
  if (const std::string time = call.Header(kTimeHeader); !time.empty())
    response.headers.emplace_back(kTimeHeader, time);
  return response;
}

HttpResponse ApiHandler::AnswerStream(std::shared_ptr<ForwardCall> call, const Route& route,
                                      std::shared_ptr<void> slot) {
  std::shared_ptr<google::protobuf::Message> message = NewMessage(*route.rpc->output_type());
  Event first = call->Next(kFirstMessageTime, *message);
  if (first == Event::kEnd && !call->status().ok()) return ErrorResponse(call->status());
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx
  response.next_part = [this, call = std::move(call), message = std::move(message),
                        slot = std::move(slot), event = std::optional<Event>(first),
                        ended = false]() mutable -> std::optional<std::string> {
    if (ended) return std::nullopt;
    const auto heartbeat = std::chrono::steady_clock::now() + options_.heartbeat;
    while (true) {
      if (is_draining_()) {
        ended = true;
        return EventText(
            "error", ErrorBody(ToGrpcStatus(ErrorWithReason(
                         absl::StatusCode::kUnavailable, "DRAINING", "the daemon is stopping"))));
      }
      const Event now = event.has_value() ? *event : call->Next(kLookInterval, *message);
      event.reset();
      if (now == Event::kMessage) return EventText("", PrintJson(*message));
      if (now == Event::kEnd) {
        ended = true;
        return call->status().ok() ? EventText("end", "{}")
                                   : EventText("error", ErrorBody(call->status()));
      }
      if (std::chrono::steady_clock::now() >= heartbeat) return ": still here\n\n";
    }
  };
  return response;
}

HttpResponse ApiHandler::Index() const {
  HttpResponse response;
  std::string out;
  for (const Route& route : routes_.routes()) {
    absl::StrAppend(&out, out.empty() ? "" : ",\n", "{\"method\":", QuoteJson(route.http_method),
                    ",\"path\":", QuoteJson(route.pattern),
                    ",\"rpc\":", QuoteJson(route.rpc->full_name()),
                    ",\"request\":", QuoteJson(route.rpc->input_type()->full_name()),
                    ",\"response\":", QuoteJson(route.rpc->output_type()->full_name()),
                    ",\"request_stream\":", route.rpc->client_streaming() ? "true" : "false",
                    ",\"response_stream\":", route.rpc->server_streaming() ? "true" : "false", "}");
  }
  response.body = absl::StrCat("{\"routes\":[\n", out, "\n]}\n");
  return response;
}

}  // namespace rhumb::daemon
