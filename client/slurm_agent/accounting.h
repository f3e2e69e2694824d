// SPDX-License-Identifier: Apache-2.0
// What Slurm's accounting says of jobs that slurmctld has forgotten, and of the memory of those
// that ended. By `sacct`, whose output is not trusted: nothing is asked for that users write
// (names, comments, command lines), because they may hold separators and line ends.
#ifndef RHUMB_CLIENT_SLURM_AGENT_ACCOUNTING_H_
#define RHUMB_CLIENT_SLURM_AGENT_ACCOUNTING_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::slurm_agent {

struct AccountingAnswer {
  enum class Outcome {
    kAnswered,
    kDisabled,  // the site keeps no accounts, or has no sacct
    kFailed,    // problem says why; it may work another time
  };

  Outcome outcome = Outcome::kAnswered;
  std::map<std::string, v1::Job> jobs;    // by job id; those it does not know are missing
  std::vector<std::string> unread_lines;  // what did not parse
  std::string problem;
};

class Accounting {
 public:
  virtual ~Accounting() = default;

  // `job_ids` as JobIdText writes them; others are passed over.
  virtual AccountingAnswer Ask(const std::vector<std::string>& job_ids) = 0;
};

// Runs `program` (absolute; empty: there is none) with -o kSacctFields in this process's
// environment, which must hold SLURM_TIME_FORMAT=%s.
class SacctAccounting final : public Accounting {
 public:
  SacctAccounting(std::string program, absl::Duration deadline);
  AccountingAnswer Ask(const std::vector<std::string>& job_ids) override;

 private:
  std::string program_;
  absl::Duration deadline_;
};

inline constexpr char kSacctFields[] =
    "JobID,State,ExitCode,Submit,Start,End,ElapsedRaw,AllocTRES,NNodes,NodeList,MaxRSS,UID,User,"
    "Partition,TimelimitRaw";

// Reads what `sacct -n -P -o kSacctFields` printed: rows of jobs, and of their steps, of which the
// largest MaxRSS counts. Jobs of unknown states are unread lines, steps of no job are nothing.
AccountingAnswer ParseSacct(absl::string_view text);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_ACCOUNTING_H_
