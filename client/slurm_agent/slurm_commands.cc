// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/slurm_commands.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/config/utf8.h"
#include "client/slurm/run_helper.h"
#include "client/slurm/text.h"

namespace rhumb::slurm_agent {
namespace {

// Slurm writes some 4 KB a job; 10,000 jobs are what a slurmctld keeps by default.
constexpr size_t kMaxOutputBytes = size_t{256} << 20;

}  // namespace

std::string FindCommand(absl::string_view name, absl::string_view path) {
  for (const absl::string_view folder : absl::StrSplit(path, ':')) {
    if (!absl::StartsWith(folder, "/")) continue;
    const std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

std::string FindCommand(absl::string_view name) {
  const char* path = std::getenv("PATH");
  return FindCommand(name, path == nullptr ? "/usr/bin:/bin" : path);
}

void PrepareCommandEnvironment() {
  for (const char* name :
       {"SACCT_FEDERATION", "SACCT_LOCAL",       "SINFO_ALL",       "SINFO_FEDERATION",
        "SINFO_FORMAT",     "SINFO_LOCAL",       "SINFO_PARTITION", "SINFO_SORT",
        "SLURM_CLUSTERS",   "SLURM_DEBUG_FLAGS", "SLURM_JSON",      "SLURM_YAML",
        "SQUEUE_ACCOUNT",   "SQUEUE_ALL",        "SQUEUE_ARRAY",    "SQUEUE_FEDERATION",
        "SQUEUE_FORMAT",    "SQUEUE_FORMAT2",    "SQUEUE_LICENSES", "SQUEUE_LOCAL",
        "SQUEUE_NAMES",     "SQUEUE_PARTITION",  "SQUEUE_QOS",      "SQUEUE_SIBLING",
        "SQUEUE_SORT",      "SQUEUE_STATES",     "SQUEUE_USERS",    "SCONTROL_ALL"}) {
    unsetenv(name);
  }
  setenv("SLURM_TIME_FORMAT", "%s", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
}

absl::StatusOr<std::string> RunCommand(absl::string_view name,
                                       const std::vector<std::string>& arguments,
                                       absl::Duration deadline) {
  const std::string program = FindCommand(name);
  if (program.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("there is no ", name, " in $PATH"));
  }
  slurm::HelperResult result =
      slurm::RunHelper(program, arguments, absl::ToInt64Milliseconds(deadline), kMaxOutputBytes);
  switch (result.end) {
    case slurm::HelperResult::End::kExited:
      break;
    case slurm::HelperResult::End::kTimedOut:
      return absl::UnavailableError(
          absl::StrCat(name, ": no answer within ", absl::FormatDuration(deadline)));
    case slurm::HelperResult::End::kTooMuch:
      return absl::UnavailableError(absl::StrCat(name, ": it writes without end"));
    case slurm::HelperResult::End::kFailed:
      return absl::UnavailableError(absl::StrCat(name, ": ", result.problem));
  }
  if (result.exit_code == 0) return std::move(result.out);
  const std::string problem = absl::StrCat(name, ": ", ToUtf8(slurm::FirstParagraph(result.err)));
  if (absl::StrContains(result.err, "unrecognized option")) {
    return absl::FailedPreconditionError(problem);
  }
  return absl::UnavailableError(problem);
}

}  // namespace rhumb::slurm_agent
