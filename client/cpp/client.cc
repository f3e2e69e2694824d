// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/address.h"
#include "client/cpp/client_calls.h"

namespace rhumb::client {
namespace {

// Plans with stages and alternatives of large clusters exceed gRPC's default of 4 MiB only in
// lists; leave room.
constexpr int kMaxMessageBytes = 64 * 1024 * 1024;
// A daemon that restarts is back within a second; gRPC's own first pause of 1 s would outlast our
// retries.
constexpr int kReconnectMilliseconds = 50;
constexpr int kMaxReconnectMilliseconds = 1000;
// How long one attempt may take: a busy daemon is slow to shake hands, and an attempt given up
// early begins anew behind all others. (gRPC's name for it is misleading: pauses are the two
// above.)
constexpr int kHandshakeMilliseconds = 5000;

// Every reply of the daemon carries its version and its clock here.
constexpr char kVersionHeader[] = "x-rhumb-version";
constexpr char kTimeHeader[] = "x-rhumb-time";

// What the reply says in the header called `name`; empty without one.
std::string Header(const grpc::ClientContext& context, const char* name) {
  for (const auto* metadata :
       {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()}) {
    const auto found = metadata->find(name);
    if (found != metadata->end()) return std::string(found->second.data(), found->second.size());
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(absl::string_view address,
                                                        const ClientOptions& options) {
  absl::StatusOr<std::string> target = ParseAddress(address);
  if (!target.ok()) return target.status();
  // A socket that is not there or refuses is known at once; only one that accepts is worth waiting
  // for.
  switch (ProbeAddress(*target)) {
    case AddressState::kAbsent:
      return absl::UnavailableError(absl::StrCat("no socket at ", *target));
    case AddressState::kRefused:
      return absl::UnavailableError(
          absl::StrCat(*target, " is there but refuses connections: is rhumbd running?"));
    case AddressState::kForbidden:
      return absl::PermissionDeniedError(absl::StrCat("not allowed to use ", *target));
    case AddressState::kListening:
      break;
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kHandshakeMilliseconds);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMilliseconds);
  // A proxy for the web has no business between a CLI and its daemon.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(*target, grpc::InsecureChannelCredentials(), arguments);
  const absl::Duration patience = std::min(options.timeout, options.connect_timeout);
  // Connected means that HTTP/2 settings came back, so a listener that never answers is noticed
  // here.
  if (!channel->WaitForConnected(absl::ToChronoTime(absl::Now() + patience))) {
    return absl::UnavailableError(
        absl::StrCat("no answer from ", *target, " within ", absl::FormatDuration(patience)));
  }
  return std::make_unique<Client>(std::move(channel), options);
}

Client::Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : stubs_(std::make_unique<Stubs>(channel)), options_(options) {}

Client::~Client() = default;

absl::StatusOr<std::string> Client::ServerVersion() {
  absl::StatusOr<ServerFacts> facts = DescribeServer();
  if (!facts.ok()) return facts.status();
  return std::move(facts->version);
}

absl::StatusOr<ServerFacts> Client::DescribeServer() {
  grpc::ClientContext context;
  if (options_.timeout < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + options_.timeout));
  }
  ::grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status =
      stubs_->health.Check(&context, ::grpc::health::v1::HealthCheckRequest(), &response);
  if (!status.ok()) return FromGrpcStatus(status);
  if (response.status() != ::grpc::health::v1::HealthCheckResponse::SERVING) {
    return absl::UnavailableError("the daemon is starting or draining");
  }
  const std::string version = Header(context, kVersionHeader);
  if (!version.empty()) {
    ServerFacts facts = {.version = version, .unix_seconds = std::nullopt};
    double seconds = 0;
    if (absl::SimpleAtod(Header(context, kTimeHeader), &seconds)) facts.unix_seconds = seconds;
    return facts;
  }
  return absl::NotFoundError(absl::StrCat("the daemon's reply carries no ", kVersionHeader));
}

}  // namespace rhumb::client
