// SPDX-License-Identifier: Apache-2.0
#include "client/cli/home.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/command.h"
#include "client/cli/local.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cpp/address.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

absl::StatusOr<client::ClientOptions> ReadClientOptions(const Invocation& invocation) {
  client::ClientOptions options;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> seconds, ReadTimeoutSeconds(invocation));
  if (seconds.has_value()) options.timeout = absl::Seconds(*seconds);
  return options;
}

// Whether `command` is about what is stored: without a store its answer would not be one that is
// merely not kept, but a wrong one.
bool IsAboutTheStore(const Command& command) {
  const bool is_plans = command.words.front() == "plans";
  const bool is_cluster = command.words.front() == "cluster" && command.words.back() != "apply";
  const bool is_gpu = command.words.front() == "gpu" && command.words.back() == "delete";
  const bool is_law = command.words.front() == "law" && command.words.back() == "delete";
  const bool is_calibration =
      command.words.front() == "calibration" && command.words.back() != "apply";
  const bool is_run = command.words.front() == "run" || command.words.front() == "watch" ||
                      command.words.front() == "ingest" || command.words.front() == "sync";
  return is_plans || is_cluster || is_gpu || is_law || is_calibration || is_run;
}

absl::StatusOr<Home> OpenDaemon(const std::string& address, const std::string& origin,
                                const client::ClientOptions& options) {
  absl::StatusOr<std::unique_ptr<client::Client>> client =
      client::Client::Connect(address, options);
  if (!client.ok()) {
    return absl::Status(client.status().code(),
                        absl::StrCat(client.status().message(), " (", origin, ")"));
  }
  Home home;
  home.client = *std::move(client);
  home.address = address;
  return home;
}

}  // namespace

absl::StatusOr<Home> OpenHome(const Invocation& invocation, Context& context) {
  const bool local = invocation.Has("local");
  if (local && (invocation.Has("no-local") || invocation.Has("addr"))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--local contradicts ", invocation.Has("addr") ? "--addr" : "--no-local"));
  }
  RHUMB_ASSIGN_OR_RETURN(const client::ClientOptions options, ReadClientOptions(invocation));
  if (invocation.Has("addr")) {
    absl::StatusOr<std::string> address = client::ParseAddress(invocation.Value("addr"));
    if (!address.ok())
      return absl::InvalidArgumentError(absl::StrCat("--addr: ", address.status().message()));
    return OpenDaemon(*address, "--addr", options);
  }
  if (!local) {
    const client::AddressEnvironment environment = client::ReadAddressEnvironment();
    RHUMB_ASSIGN_OR_RETURN(const std::vector<client::CandidateAddress> candidates,
                           client::CandidateAddresses(environment));
    for (const client::CandidateAddress& candidate : candidates) {
      if (client::ProbeAddress(candidate.address) != client::AddressState::kAbsent) {
        return OpenDaemon(candidate.address, candidate.origin, options);
      }
      if (candidate.origin == "$RHUMB_ADDR") {
        Remark(invocation, context,
               absl::StrCat("$RHUMB_ADDR names ", candidate.address, ", where no socket is"));
      }
    }
    if (invocation.Has("no-local")) {
      return absl::UnavailableError(
          absl::StrCat("no socket at ", candidates.back().address,
                       candidates.size() > 1 ? " nor at the places before it" : "",
                       ", and --no-local forbids answering without a daemon"));
    }
  }
  RHUMB_ASSIGN_OR_RETURN(LocalServer server, StartLocalServer(ReadDataEnvironment()));
  const char* why = local ? "as --local says" : "no daemon found";
  if (!server.storage.ok() && context.command != nullptr && IsAboutTheStore(*context.command)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store cannot be opened: ", server.storage.message()));
  }
  if (server.storage.ok()) {
    Remark(invocation, context,
           absl::StrCat(why, "; answering in-process, database ", server.database_path));
    context.storage_now = server.storage_now;
  } else {
    // Said even with -q: a plan whose name leads nowhere is no mere remark.
    *context.err << "rhumb: " << why
                 << "; answering in-process, nothing was stored: " << server.storage.message()
                 << "\n";
  }
  Home home;
  home.client = std::make_unique<client::Client>(server.channel, options);
  home.local = std::move(server.server);
  return home;
}

}  // namespace rhumb::cli
