// SPDX-License-Identifier: Apache-2.0
// What the plugin does in one run of sbatch, srun or salloc. Knows nothing of Slurm's headers: the
// layer above hands it what Slurm says, tests hand it what they like.
#ifndef RHUMB_CLIENT_SLURM_SUBMISSION_H_
#define RHUMB_CLIENT_SLURM_SUBMISSION_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "client/slurm/answer.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm/job_decision.h"
#include "client/slurm/outcome.h"
#include "client/slurm/request.h"
#include "client/slurm/run_helper.h"
#include "client/slurm/settings.h"

namespace rhumb::slurm {

// What a submission touches besides its arguments.
struct Surroundings {
  std::function<HelperResult(const std::string& program, const std::vector<std::string>& arguments,
                             int64_t deadline_milliseconds)>
      run_helper;
  std::function<void(const std::string& name, const std::string& value)> set_variable;
  std::function<void(const std::string& name)> unset_variable;
  // The text of the file, or a problem; a missing one is an empty text.
  std::function<Outcome<std::string>(const std::string& path)> read_file;
  // Makes a file that cli_filter.lua writes to when it has copied the decisions; its path, empty if
  // there can be none.
  std::function<std::string()> expect_filter;
  // Whether it has.
  std::function<bool()> filter_answered;
  // The names of the environment's variables.
  std::function<std::vector<std::string>()> variable_names;
  // The value of one; empty where it is not set.
  std::function<std::string(const std::string& name)> variable;
  bool is_step = false;  // srun within an allocation: there is no job left to size
  std::string job_id;    // of that allocation
};

// What is to be said, as an error or as information, and whether the command goes on.
struct Verdict {
  bool refused = false;
  std::string line;  // empty: nothing
};

class Submission {
 public:
  // `words` stand behind the plugin's path in plugstack.conf.
  Submission(const std::vector<std::string>& words, Surroundings surroundings);

  // Drops what an enclosing job left in the environment, so that its request is not this one's. Of
  // a step it is kept what its own job's plan set.
  void ForgetInherited();

  // One --rhumb=`text`. Asks for the plan of all that was given so far, and sets RHUMB_... and,
  // for cli_filter.lua, RHUMB_SLURM_.... An answer that is no plan is kept for Finish(): a later
  // --rhumb may add what was missing. Anything that another --rhumb cannot mend is refused at once.
  Verdict AddRequest(std::string_view text);

  // All options have been read, and cli_filter.lua has run: a refusal if an answer was no plan,
  // nobody sized the job by it, or its GPUs were to be promised to it and cannot be any more.
  // Information if the plan takes a chain of jobs, which Slurm's own commands do not submit.
  Verdict Finish();

  // RHUMB_... of the plan, of a step that of its job; empty without one.
  const Variables& variables() const { return variables_; }

 private:
  Verdict Plan();
  Verdict Take(const HelperResult& result, const GpuNames& names);
  // Why the helper has no answer, whatever it was asked; nothing if it has one.
  Verdict Missing(const HelperResult& result) const;
  Verdict Promise();
  void RememberJob();
  void Publish(const JobDecision& decision);
  void Withdraw();

  Outcome<Settings> settings_;
  Surroundings surroundings_;
  Request request_;
  bool requested_ = false;
  bool finished_ = false;
  std::string open_problem_;
  std::string chain_remark_;
  Variables variables_;
};

// Says that the submission has a plan, and which.
inline constexpr char kPlanVariable[] = "RHUMB_SLURM_PLAN";

// Names of variables that a job inherits from the one it is submitted in and that are not its own.
bool IsInherited(std::string_view name);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_SUBMISSION_H_
