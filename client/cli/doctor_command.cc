// SPDX-License-Identifier: Apache-2.0
#include "client/cli/doctor_command.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/context.h"
#include "client/cli/doctor_checks.h"
#include "client/cli/doctor_surroundings.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/json_object.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cli/version.h"
#include "client/cpp/address.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

constexpr double kDeadlineSeconds = 5;

const char* NameOf(CheckState state) {
  switch (state) {
    case CheckState::kOk:
      return "ok";
    case CheckState::kWarn:
      return "warn";
    case CheckState::kFail:
      return "fail";
    case CheckState::kSkip:
      break;
  }
  return "skip";
}

Style StyleOf(CheckState state) {
  switch (state) {
    case CheckState::kOk:
      return Style::kGood;
    case CheckState::kWarn:
      return Style::kWarning;
    case CheckState::kFail:
      return Style::kBad;
    case CheckState::kSkip:
      break;
  }
  return Style::kDim;
}

// The sockets that are looked for, where none of them exists; empty where one does, or an address
// was given that is no socket.
std::vector<std::string> AbsentSockets(const Invocation& invocation) {
  std::vector<std::string> absent;
  if (invocation.Has("addr")) return absent;
  const absl::StatusOr<std::vector<client::CandidateAddress>> places =
      client::CandidateAddresses(client::ReadAddressEnvironment());
  if (!places.ok()) return absent;
  for (const client::CandidateAddress& place : *places) {
    if (client::ProbeAddress(place.address) != client::AddressState::kAbsent) return {};
    absent.push_back(place.address);
  }
  return absent;
}

double UnixSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

DaemonLook LookAt(const absl::StatusOr<Home>& home, const Invocation& invocation) {
  DaemonLook look;
  if (!home.ok()) {
    look.status = home.status();
    const std::vector<std::string> absent = AbsentSockets(invocation);
    if (!absent.empty()) {
      look.is_expected = client::ReadAddressEnvironment().rhumb_addr.has_value();
      look.status =
          absl::UnavailableError(absl::StrCat("no socket at ", absl::StrJoin(absent, " or ")));
    }
    return look;
  }
  look.address = home->address;
  // The first call pays for what Connect leaves open.
  (void)home->client->DescribeServer();
  const double began = UnixSeconds();
  const absl::StatusOr<client::ServerFacts> facts = home->client->DescribeServer();
  const double ended = UnixSeconds();
  look.status = facts.status();
  if (!facts.ok()) return look;
  look.version = facts->version;
  look.round_trip_ms = (ended - began) * 1e3;
  if (facts->unix_seconds.has_value()) {
    look.clock_lead_seconds = *facts->unix_seconds - (began + ended) / 2;
  }
  return look;
}

std::vector<Finding> Examine(const Invocation& invocation, const absl::StatusOr<Home>& home,
                             const DoctorSurroundings& surroundings) {
  std::vector<Finding> findings;
  const auto add = [&](const std::vector<Finding>& more) {
    findings.insert(findings.end(), more.begin(), more.end());
  };
  const DaemonLook look = LookAt(home, invocation);
  add(CheckDaemon(look, kClientVersion));
  SlurmSetup setup;
  add(CheckSlurm(surroundings, setup));
  add({CheckMunge(setup, surroundings)});
  KnowsCluster knows_cluster;
  KnowsGpuType knows;
  if (look.status.ok()) {
    knows_cluster = [&home](const std::string& cluster) {
      v1::GetNodesRequest nodes;
      nodes.set_cluster(cluster);
      if (home->client->GetNodes(nodes).ok()) return absl::OkStatus();
      v1::GetClusterRequest applied;
      applied.set_name(cluster);
      return home->client->GetCluster(applied).status();
    };
    knows = [&home](const std::string& type) {
      v1::GetGpuTypeRequest request;
      request.set_name(type);
      return home->client->GetGpuType(request).status();
    };
  }
  std::optional<slurm::Settings> settings;
  add(CheckPlugin(setup, surroundings, kClientVersion, knows_cluster, settings));
  const std::string file = invocation.Value(
      "gpu-names", settings.has_value() ? settings->gpus_file : std::string(slurm::kGpuNamesFile));
  add(CheckGpuNames(setup, file, knows, surroundings));

  const std::string cluster = invocation.Value("cluster", setup.cluster_name);
  absl::StatusOr<v1::NodeInventory> inventory = absl::UnavailableError("no daemon answers");
  if (look.status.ok() && !cluster.empty()) {
    v1::GetNodesRequest request;
    request.set_cluster(cluster);
    inventory = home->client->GetNodes(request);
  }
  add(CheckAgent(cluster, inventory, UnixSeconds() + look.clock_lead_seconds.value_or(0)));
  return findings;
}

std::string Render(const std::vector<Finding>& findings, const Terminal& terminal) {
  constexpr int kStateWidth = 4, kCheckWidth = 11;
  std::string text;
  for (const Finding& finding : findings) {
    const std::string state = PadRight(NameOf(finding.state), kStateWidth);
    absl::StrAppend(&text, Styled(terminal, StyleOf(finding.state), state), "  ",
                    PadRight(finding.check, kCheckWidth), "  ", finding.text,
                    finding.remedy.empty() ? "" : "; ", finding.remedy, "\n");
  }
  return text;
}

int RunDoctor(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (invocation.Has("local")) {
    return FailUsage(context, absl::InvalidArgumentError("--local: doctor is about the daemon"));
  }
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());
  const double seconds = timeout->value_or(kDeadlineSeconds);
  Invocation asking = invocation;
  asking.flags["no-local"] = {""};
  if (!timeout->has_value()) asking.flags["timeout"] = {absl::StrCat(kDeadlineSeconds, "s")};
  const absl::StatusOr<Home> home = context.open_home(asking, context);
  if (absl::IsInvalidArgument(home.status())) return FailUsage(context, home.status());

  const std::vector<Finding> findings =
      Examine(invocation, home, SurroundingsOfThisMachine(static_cast<int64_t>(seconds * 1e3)));
  std::vector<std::string> items, names;
  Table table;
  table.columns = {{.title = "STATE"}, {.title = "CHECK"}, {.title = "TEXT"}, {.title = "REMEDY"}};
  for (const Finding& each : findings) {
    JsonObject item;
    item.Text("check", each.check).Text("state", NameOf(each.state)).Text("text", each.text);
    if (!each.remedy.empty()) item.Text("remedy", each.remedy);
    items.push_back(item.str());
    names.push_back(each.check);
    table.rows.push_back({NameOf(each.state), each.check, each.text, each.remedy});
  }
  const std::string json = absl::StrCat("{\n  \"checks\": ", JsonList(items), "\n}");
  const auto text = [&] {
    return output->table.parsable ? RenderTable(table, output->table, context.out_terminal)
                                  : Render(findings, context.out_terminal);
  };
  const absl::Status written = WriteJson(json, *output, text, names, context);
  if (!written.ok()) return Fail(context, written);
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.state == CheckState::kFail;
  });
  return failed ? kExitError : kExitOk;
}

}  // namespace

Command DoctorCommand() {
  return {.words = {"doctor"},
          .summary = "Look whether daemon, Slurm and the Slurm plugin work together.",
          .description =
              "One line a check: ok, warn, fail or skip, what was found, and what to do. Changes "
              "nothing and submits\n"
              "nothing. Exit code 1 if a check fails. --timeout (default 5s) is for each thing "
              "that is asked.",
          .flags = {{.name = "cluster",
                     .kind = FlagKind::kText,
                     .placeholder = "NAME",
                     .help = "whose agent to look at; default Slurm's ClusterName",
                     .group = "Checks",
                     .completion = Completion::kCluster},
                    {.name = "gpu-names",
                     .kind = FlagKind::kFile,
                     .placeholder = "FILE",
                     .help = absl::StrCat("how the site's Slurm calls GPU types; default what "
                                          "plugstack.conf says, or ",
                                          slurm::kGpuNamesFile),
                     .group = "Checks",
                     .completion = Completion::kFile}},
          .examples = {{"doctor", "is all well, and what to do where not"},
                       {"doctor -o json", "for a monitor"}},
          .run = RunDoctor};
}

}  // namespace rhumb::cli
