// SPDX-License-Identifier: Apache-2.0
#include "client/cli/ask_slurm.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

constexpr int kNoSuchProgram = 127;  // of env

// The word behind `label` in `line`, empty without.
std::string WordAfter(absl::string_view line, absl::string_view label) {
  const size_t found = line.find(label);
  if (found == absl::string_view::npos) return "";
  const absl::string_view rest = line.substr(found + label.size());
  return std::string(rest.substr(0, rest.find(' ')));
}

// Slurm's reason, without the names of its programs: the last line is the plainest.
std::string ReasonOf(absl::string_view said) {
  std::string reason;
  for (absl::string_view line : absl::StrSplit(said, '\n', absl::SkipWhitespace())) {
    reason = std::string(absl::StripAsciiWhitespace(line));
  }
  return absl::StrReplaceAll(reason, {{"sbatch: error: ", ""}, {"sbatch: fatal: ", ""}});
}

// What sbatch says where no slurmctld was asked, in the versions from 22.05 on.
bool IsUnreachable(absl::string_view said) {
  for (const char* text :
       {"Unable to contact slurm controller", "configuration source", "Socket timed out",
        "Connection refused", "slurm_persist_conn", "Zero Bytes were transmitted"}) {
    if (absl::StrContains(said, text)) return true;
  }
  return false;
}

// What env says and how it ended when it runs `words`; UNAVAILABLE if `program`, among them, could
// not be run to its end.
absl::StatusOr<slurm::HelperResult> Ask(const char* program, const std::vector<std::string>& words,
                                        const RunProgram& run_program) {
  slurm::HelperResult result = run_program("/usr/bin/env", words, kSlurmMilliseconds);
  switch (result.end) {
    case slurm::HelperResult::End::kExited:
      break;
    case slurm::HelperResult::End::kTimedOut:
      return absl::UnavailableError(absl::StrCat("slurmctld gave ", program, " no answer within ",
                                                 kSlurmMilliseconds, " ms"));
    case slurm::HelperResult::End::kFailed:
      return absl::UnavailableError(absl::StrCat("cannot run ", program, ": ", result.problem));
    case slurm::HelperResult::End::kTooMuch:
      return absl::InternalError(absl::StrCat(program, " wrote more than an answer"));
  }
  if (result.exit_code == kNoSuchProgram) {
    return absl::UnavailableError(
        absl::StrCat("there is no ", program, " here: ask where Slurm's commands are"));
  }
  return result;
}

}  // namespace

absl::StatusOr<StartForecast> ParseStartForecast(absl::string_view said) {
  for (const absl::string_view line : absl::StrSplit(said, '\n')) {
    StartForecast forecast;
    if (!absl::SimpleAtoi(WordAfter(line, " to start at "), &forecast.start_unix_seconds)) continue;
    forecast.node_list = WordAfter(line, " on nodes ");
    forecast.partition = WordAfter(line, " in partition ");
    return forecast;
  }
  return absl::InternalError(
      absl::StrCat("sbatch --test-only forecast no start; it said: ", ReasonOf(said)));
}

absl::StatusOr<std::string> SlurmClusterName(const RunProgram& run_program) {
  RHUMB_ASSIGN_OR_RETURN(const slurm::HelperResult result,
                         Ask("scontrol", {"LC_ALL=C", "scontrol", "show", "config"}, run_program));
  if (result.exit_code != 0) {
    return absl::UnavailableError(absl::StrCat("Slurm does not answer: ", ReasonOf(result.err)));
  }
  for (const absl::string_view line : absl::StrSplit(result.out, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (absl::StripAsciiWhitespace(parts.first) == "ClusterName") {
      return std::string(absl::StripAsciiWhitespace(parts.second));
    }
  }
  return absl::InternalError("scontrol show config names no ClusterName");
}

absl::StatusOr<std::vector<std::string>> NodesOfList(const std::string& node_list,
                                                     const RunProgram& run_program) {
  RHUMB_ASSIGN_OR_RETURN(
      const slurm::HelperResult result,
      Ask("scontrol", {"LC_ALL=C", "scontrol", "show", "hostnames", node_list}, run_program));
  if (result.exit_code != 0) {
    return absl::UnavailableError(
        absl::StrCat("scontrol show hostnames ", node_list, ": ", ReasonOf(result.err)));
  }
  return std::vector<std::string>(
      absl::StrSplit(result.out, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()));
}

absl::StatusOr<StartForecast> ForecastStart(const std::vector<std::string>& arguments,
                                            const RunProgram& run_program) {
  // Seconds since the epoch instead of the local time of the user's zone and taste.
  std::vector<std::string> words = {"LC_ALL=C", "SLURM_TIME_FORMAT=%s", "sbatch", "--test-only"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  RHUMB_ASSIGN_OR_RETURN(const slurm::HelperResult result, Ask("sbatch", words, run_program));
  if (result.exit_code == 0) return ParseStartForecast(result.err);
  if (IsUnreachable(result.err)) {
    return absl::UnavailableError(absl::StrCat("Slurm does not answer: ", ReasonOf(result.err)));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("Slurm would never start this job: ", ReasonOf(result.err)));
}

}  // namespace rhumb::cli
