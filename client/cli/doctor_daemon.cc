// SPDX-License-Identifier: Apache-2.0
// The daemon, and what it knows of a cluster.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/doctor_checks.h"
#include "google/protobuf/util/time_util.h"

namespace rhumb::cli {
namespace {

// Clocks that NTP keeps differ by less.
constexpr double kMaxClockSeconds = 5;
// An agent that sees nothing new says so every 5 minutes at the least; what is older than 10
// minutes is no news to the daemon, and plans with --free are refused.
constexpr double kLateSeconds = 300;
constexpr double kStaleSeconds = 600;
// From a look to its arrival.
constexpr double kMaxTellSeconds = 60;

double SecondsOf(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + time.nanos() * 1e-9;
}

std::string SecondsText(double seconds) {
  return seconds < 10 ? absl::StrFormat("%.1f s", seconds) : absl::StrFormat("%.0f s", seconds);
}

Finding CheckClocks(const DaemonLook& look) {
  Finding finding = {.check = "clocks"};
  if (!look.clock_lead_seconds.has_value()) {
    finding.state = CheckState::kSkip;
    finding.text = "the daemon does not tell its time";
    return finding;
  }
  const double lead = *look.clock_lead_seconds;
  finding.text = absl::StrCat("the daemon's clock is ", SecondsText(std::fabs(lead)), " ",
                              lead < 0 ? "behind" : "ahead of", " this one");
  if (std::fabs(lead) > kMaxClockSeconds) {
    finding.state = CheckState::kWarn;
    finding.remedy = "have both clocks kept by NTP";
  }
  return finding;
}

Finding CheckAgentClock(const v1::NodeInventory& inventory) {
  Finding finding = {.check = "agent_clock"};
  if (!inventory.has_observe_time()) {
    finding.state = CheckState::kSkip;
    finding.text = "who told of the nodes did not say when it looked";
    return finding;
  }
  const double lead = SecondsOf(inventory.observe_time()) - SecondsOf(inventory.update_time());
  finding.text = absl::StrCat("by its own clock the agent looked ", SecondsText(std::fabs(lead)),
                              " ", lead > 0 ? "after" : "before", " the daemon heard of it");
  if (lead > kMaxClockSeconds || lead < -kMaxTellSeconds) {
    finding.state = CheckState::kWarn;
    finding.remedy = "have the clocks of agent and daemon kept by NTP";
  }
  return finding;
}

Finding CheckGpuTypes(const v1::NodeInventory& inventory) {
  Finding finding = {.check = "gpu_types"};
  if (inventory.unknown_gpu_types().empty()) {
    finding.text = "every GPU type of the nodes is known";
    return finding;
  }
  finding.state = CheckState::kWarn;
  finding.text = absl::StrCat("nodes with GPUs of unknown type count nowhere: ",
                              absl::StrJoin(inventory.unknown_gpu_types(), ", "));
  finding.remedy =
      "add NAME = TYPE to /etc/rhumb/slurm-gpus.conf of the agent, or the type with `rhumb gpu "
      "apply`";
  return finding;
}

}  // namespace

std::vector<Finding> CheckDaemon(const DaemonLook& look, const std::string& client_version) {
  std::vector<Finding> findings = {{.check = "daemon"}};
  if (!look.status.ok()) {
    findings[0].text = std::string(look.status.message());
    if (absl::IsPermissionDenied(look.status)) {
      findings[0].state = CheckState::kFail;
      findings[0].remedy =
          "say server.socket_mode in rhumbd.toml: \"0666\" lets every user of this machine ask "
          "(the uid of each caller is known all the same); or add users to the socket's group";
    } else if (look.is_expected) {
      findings[0].state = CheckState::kFail;
      findings[0].remedy =
          "see `systemctl status rhumbd` on its machine, or whether the address is right";
    } else {
      findings[0].state = CheckState::kWarn;
      findings[0].remedy =
          "start rhumbd, or say where it is with --addr or $RHUMB_ADDR; without one `rhumb` "
          "answers by itself, and --rhumb of Slurm's commands is refused";
    }
    for (const char* check : {"versions", "clocks"}) {
      findings.push_back(
          {.check = check, .state = CheckState::kSkip, .text = "no daemon answers", .remedy = ""});
    }
    return findings;
  }
  findings[0].text =
      absl::StrCat(look.address, " answers in ", absl::StrFormat("%.1f ms", look.round_trip_ms));
  Finding versions = {.check = "versions",
                      .text = absl::StrCat("rhumb ", client_version, ", rhumbd ", look.version)};
  if (look.version != client_version) {
    versions.state = CheckState::kWarn;
    versions.remedy = "install the same version of both: they may not know the same fields";
  }
  findings.push_back(std::move(versions));
  findings.push_back(CheckClocks(look));
  return findings;
}

std::vector<Finding> CheckAgent(const std::string& cluster,
                                const absl::StatusOr<v1::NodeInventory>& inventory,
                                double now_unix_seconds) {
  const auto skip = [](const char* check, const std::string& why) {
    return Finding{.check = check, .state = CheckState::kSkip, .text = why, .remedy = ""};
  };
  Finding agent = {.check = "agent"};
  if (cluster.empty() || !inventory.ok()) {
    if (cluster.empty()) {
      agent.state = CheckState::kSkip;
      agent.text = "no cluster to ask about";
      agent.remedy = "name one with --cluster";
    } else if (absl::IsNotFound(inventory.status())) {
      agent.state = CheckState::kWarn;
      agent.text = absl::StrCat("nobody has told the daemon of the nodes of ", cluster);
      agent.remedy =
          "start its agent, or `rhumb cluster sync FILE`; until then requests without GPUs are "
          "refused";
    } else if (absl::IsUnavailable(inventory.status())) {
      agent = skip("agent", "no daemon answers");
    } else {
      agent.state = CheckState::kFail;
      agent.text = std::string(inventory.status().message());
    }
    return {agent, skip("agent_clock", "no news of nodes"), skip("gpu_types", "no news of nodes")};
  }
  // An agent may tell late of what it saw long ago.
  double seen = SecondsOf(inventory->update_time());
  if (inventory->has_observe_time()) seen = std::fmin(seen, SecondsOf(inventory->observe_time()));
  const double age = now_unix_seconds - seen;
  agent.text = absl::StrCat("last news of ", cluster, " are of ", SecondsText(std::fmax(age, 0)),
                            " ago: ", inventory->free_gpu_count(), " of ", inventory->gpu_count(),
                            " GPUs in ", inventory->node_count(), " nodes free");
  if (age > kStaleSeconds) {
    agent.state = CheckState::kFail;
    agent.remedy =
        "see whether its agent runs: plans on what is free are refused with news older than "
        "10 minutes";
  } else if (age > kLateSeconds) {
    agent.state = CheckState::kWarn;
    agent.remedy = "see whether its agent runs; after 10 minutes plans on what is free are refused";
  }
  return {agent, CheckAgentClock(*inventory), CheckGpuTypes(*inventory)};
}

}  // namespace rhumb::cli
