// SPDX-License-Identifier: Apache-2.0
// rhumb-slurm-agent: flags to an agent, and its rounds until a signal. Nothing else.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/exit_code.h"
#include "client/config/text_file.h"
#include "client/cpp/address.h"
#include "client/slurm_agent/accounting.h"
#include "client/slurm_agent/agent.h"
#include "client/slurm_agent/daemon_link.h"
#include "client/slurm_agent/json_source.h"
#ifdef RHUMB_HAS_LIBSLURM
#include "client/slurm_agent/libslurm_source.h"
#endif
#include "client/slurm_agent/process_loop.h"
#include "client/slurm_agent/slurm_commands.h"
#include "daemon/process/log.h"
#include "planner/status_macros.h"

namespace rhumb::slurm_agent {
namespace {

constexpr absl::Duration kCommandDeadline = absl::Seconds(30);
constexpr absl::Duration kDaemonDeadline = absl::Seconds(10);

#ifdef RHUMB_HAS_LIBSLURM
constexpr char kSources[] = "libslurm or json";
constexpr char kDefaultSource[] = "libslurm";
#else
constexpr char kSources[] = "json (built without libslurm)";
constexpr char kDefaultSource[] = "json";
#endif

struct Flags {
  std::string address, cluster, gpu_names_path = slurm::kGpuNamesFile, source = kDefaultSource;
  std::string interval = "30s", heartbeat = "2m", lost_after = "10m";
  std::string log_level = "info", log_format = "logfmt";
  bool gpu_names_given = false, once = false, dry_run = false;
};

// Exit status to end with, or -1 to go on.
int ParseFlags(int argc, char** argv, Flags& flags) {
  CLI::App app{
      "rhumb-slurm-agent: tells rhumbd what the nodes, partitions and jobs of a Slurm cluster do "
      "now. Needs no privileges in Slurm; rhumbd takes it from its own user or root.",
      "rhumb-slurm-agent"};
  app.set_version_flag("--version", absl::StrCat("rhumb-slurm-agent ", RHUMB_VERSION));
  app.add_option("--addr", flags.address, "daemon; else $RHUMB_ADDR or its usual sockets");
  app.add_option("--cluster", flags.cluster, "as Rhumb calls it; else Slurm's ClusterName");
  app.add_option("--source", flags.source, absl::StrCat("how Slurm is asked: ", kSources))
      ->capture_default_str();
  app.add_option("--interval", flags.interval, "time between two looks, as in 30s")
      ->capture_default_str();
  app.add_option("--heartbeat", flags.heartbeat, "longest time in which the daemon is told nothing")
      ->capture_default_str();
  app.add_option("--lost-after", flags.lost_after, "what nobody knows any more for so long is lost")
      ->capture_default_str();
  const auto* gpu_names =
      app.add_option("--gpu-names", flags.gpu_names_path, "how gres.conf calls GPU types")
          ->capture_default_str();
  app.add_flag("--once", flags.once, "look and tell once");
  app.add_flag("--dry-run", flags.dry_run, "print what would be told as JSON, one call a line");
  app.add_option("--log-level", flags.log_level, "debug, info, warning, error or off")
      ->capture_default_str();
  app.add_option("--log-format", flags.log_format, "logfmt or json")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kExitOk : cli::kExitUsage;
  }
  flags.gpu_names_given = gpu_names->count() > 0;
  return -1;
}

absl::StatusOr<absl::Duration> ReadDuration(const char* flag, const std::string& text,
                                            absl::Duration shortest, absl::Duration longest) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration < shortest || duration > longest) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": must be a time from ", absl::FormatDuration(shortest), " to ",
                     absl::FormatDuration(longest), ", as in 30s or 2m, got \"", text, "\""));
  }
  return duration;
}

// The table that `flags` name; the usual one may be missing.
absl::StatusOr<slurm::GpuNames> ReadGpuNames(const Flags& flags) {
  const absl::StatusOr<std::string> text = ReadTextFile(flags.gpu_names_path);
  if (absl::IsNotFound(text.status()) && !flags.gpu_names_given) return slurm::GpuNames();
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--gpu-names: ", text.status().message()));
  }
  const slurm::Outcome<slurm::GpuNames> names = slurm::GpuNames::Read(*text);
  if (!names.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(flags.gpu_names_path, ": ", names.problem));
  }
  return *names;
}

absl::StatusOr<AgentOptions> ReadOptions(const Flags& flags) {
  AgentOptions options;
  options.cluster = flags.cluster;
  RHUMB_ASSIGN_OR_RETURN(options.interval, ReadDuration("--interval", flags.interval,
                                                        absl::Seconds(1), absl::Minutes(5)));
  // The daemon takes nothing for true that is older than ten minutes.
  RHUMB_ASSIGN_OR_RETURN(options.heartbeat, ReadDuration("--heartbeat", flags.heartbeat,
                                                         absl::Seconds(1), absl::Minutes(5)));
  RHUMB_ASSIGN_OR_RETURN(
      options.jobs.lost_after,
      ReadDuration("--lost-after", flags.lost_after, absl::Seconds(1), absl::Hours(24 * 30)));
  options.jobs.heartbeat = options.heartbeat;
  options.jobs.own_uid = geteuid();
  return options;
}

absl::StatusOr<std::unique_ptr<ClusterSource>> MakeSource(const std::string& name) {
#ifdef RHUMB_HAS_LIBSLURM
  if (name == "libslurm") return MakeLibslurmSource();
#endif
  if (name == "json") return MakeJsonSource(kCommandDeadline);
  return absl::InvalidArgumentError(
      absl::StrCat("--source: must be ", kSources, ", got \"", name, "\""));
}

absl::Status StartLog(const Flags& flags) {
  LogOptions log;
  const absl::StatusOr<LogLevel> level = ParseLogLevel(flags.log_level);
  if (!level.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--log-level: ", level.status().message()));
  }
  const absl::StatusOr<LogFormat> format = ParseLogFormat(flags.log_format);
  if (!format.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--log-format: ", format.status().message()));
  }
  log.level = *level;
  log.format = *format;
  log.journal_prefix = std::getenv("JOURNAL_STREAM") != nullptr;
  InitLog(log);
  return absl::OkStatus();
}

absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// As `rhumb` does.
int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return cli::kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return cli::kExitUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return cli::kExitUnavailable;
    case absl::StatusCode::kPermissionDenied:
      return cli::kExitPermission;
    default:
      return cli::kExitError;
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "rhumb-slurm-agent: " << status.message() << "\n";
  return ExitCodeOf(status);
}

void Reload(const Flags& flags, Agent& agent) {
  absl::StatusOr<slurm::GpuNames> names = ReadGpuNames(flags);
  if (!names.ok()) {
    Log(LogLevel::kError, "reload failed, nothing changed",
        {{"error", std::string(names.status().message())}});
    return;
  }
  agent.SetGpuNames(*std::move(names));
  Log(LogLevel::kInfo, "reloaded");
}

absl::Status Run(const Flags& flags) {
  RHUMB_RETURN_IF_ERROR(StartLog(flags));
  RHUMB_ASSIGN_OR_RETURN(const AgentOptions options, ReadOptions(flags));
  RHUMB_ASSIGN_OR_RETURN(slurm::GpuNames gpu_names, ReadGpuNames(flags));
  std::string address;
  if (!flags.address.empty()) {
    RHUMB_ASSIGN_OR_RETURN(address, client::ParseAddress(flags.address));
  }
  PrepareCommandEnvironment();
  if (!flags.once) BlockSignals();
  RHUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ClusterSource> source, MakeSource(flags.source));
  const std::unique_ptr<DaemonLink> daemon =
      flags.dry_run ? MakePrintingLink(std::cout) : MakeDaemonLink(address, kDaemonDeadline);
  SacctAccounting accounting(FindCommand("sacct"), kCommandDeadline);
  Agent agent(options, std::move(gpu_names), *source, *daemon, accounting,
              {.wall = absl::Now, .steady = SteadyNow});
  if (flags.once) return agent.Round();
  RunLoop({.round = [&] { (void)agent.Round(); },
           .time_to_next_round = [&] { return agent.TimeToNextRound(); },
           .reload = [&] { Reload(flags, agent); }});
}

int Main(int argc, char** argv) {
  Flags flags;
  if (const int code = ParseFlags(argc, argv, flags); code >= 0) return code;
  const absl::Status status = Run(flags);
  return status.ok() ? cli::kExitOk : Fail(status);
}

}  // namespace
}  // namespace rhumb::slurm_agent

int main(int argc, char** argv) { return rhumb::slurm_agent::Main(argc, argv); }
