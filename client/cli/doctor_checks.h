// SPDX-License-Identifier: Apache-2.0
// What `rhumb doctor` looks at, and what it says of it. Every check is a function of what its
// surroundings tell, so that tests make up any machine.
#ifndef RHUMB_CLIENT_CLI_DOCTOR_CHECKS_H_
#define RHUMB_CLIENT_CLI_DOCTOR_CHECKS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm/run_helper.h"
#include "client/slurm/settings.h"
#include "rhumb/v1/inventory.pb.h"

namespace rhumb::cli {

enum class CheckState {
  kOk,
  kWarn,  // works, but not as it should
  kFail,  // something that users ask for does not work
  kSkip,  // is not here, or cannot be seen from here
};

struct Finding {
  std::string check;  // "munge"; the same in every run
  CheckState state = CheckState::kOk;
  std::string text;    // what was found, with units
  std::string remedy;  // what to do; empty where nothing is
};

// What a check may touch besides its arguments.
struct DoctorSurroundings {
  // Runs words[0], a path, with the rest as its arguments, for a few seconds at most.
  std::function<slurm::HelperResult(const std::vector<std::string>& words)> run;
  // Where $PATH has the program; empty if nowhere.
  std::function<std::string(const std::string& program)> find_program;
  // NOT_FOUND if there is no such file.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
  // Paths that fit a shell's pattern, sorted.
  std::function<std::vector<std::string>(const std::string& pattern)> glob;
  // Empty where it is not set.
  std::function<std::string(const std::string& name)> variable;
};

// A daemon as one look finds it.
struct DaemonLook {
  absl::Status status;       // why nothing answered
  bool is_expected = true;   // false: nobody said where it is, and no socket is where one would be
  std::string address;       // whom was asked, as far as known
  std::string version;       // of the daemon
  double round_trip_ms = 0;  // of one small call
  // The daemon's clock minus this one; absent where it does not tell.
  std::optional<double> clock_lead_seconds;
};

// daemon, versions, clocks.
std::vector<Finding> CheckDaemon(const DaemonLook& look, const std::string& client_version);

// slurm.conf as far as Rhumb depends on it. Commands go by the file of their own node in what they
// do themselves, the filter and plugins; where no file can be read (configless), and of all else,
// slurmctld says it as long as it answers.
struct SlurmSetup {
  bool usable = false;  // sbatch is there and has a configuration
  std::string why_not;  // what is in the way
  std::string folder;   // of slurm.conf
  std::string cluster_name, plugstack_file, cli_filter_plugins, auth_type, auth_info;
  std::string filter_source;  // who said cli_filter_plugins: a path, or scontrol
};

// slurm, slurmctld; and what the checks below are told.
std::vector<Finding> CheckSlurm(const DoctorSurroundings& surroundings, SlurmSetup& setup);

// OK if the daemon knows the cluster, applied or synced; absent where no daemon answers.
using KnowsCluster = std::function<absl::Status(const std::string& cluster)>;

// plugin, plugstack, helper, cli_filter. `settings` is set to what plugstack.conf says of the
// plugin, where it says anything valid.
std::vector<Finding> CheckPlugin(const SlurmSetup& setup, const DoctorSurroundings& surroundings,
                                 const std::string& client_version, const KnowsCluster& knows,
                                 std::optional<slurm::Settings>& settings);

// munge: whether a credential goes round.
Finding CheckMunge(const SlurmSetup& setup, const DoctorSurroundings& surroundings);

// OK if the daemon knows the GPU type or alias; absent where no daemon answers.
using KnowsGpuType = std::function<absl::Status(const std::string& type)>;

// gpu_names (the table of `file`), gres (the names of sinfo).
std::vector<Finding> CheckGpuNames(const SlurmSetup& setup, const std::string& file,
                                   const KnowsGpuType& knows,
                                   const DoctorSurroundings& surroundings);

// agent, agent_clock, gpu_types: what the daemon last heard of `cluster`, which may be unknown.
// `now_unix_seconds` is the daemon's clock.
std::vector<Finding> CheckAgent(const std::string& cluster,
                                const absl::StatusOr<v1::NodeInventory>& inventory,
                                double now_unix_seconds);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_DOCTOR_CHECKS_H_
