// SPDX-License-Identifier: Apache-2.0
#include "client/cli/submit_chain.h"

#include <ostream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/interrupt_watch.h"
#include "client/slurm/run_helper.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

constexpr char kParsable[] = "--parsable";
// sbatch itself waits for a busy controller, and tries again where that does not answer.
constexpr int64_t kSbatchMilliseconds = 600'000;
// What a shell says of a program that a signal ended.
constexpr int kSignalExitCode = 128;

// What sbatch answered: its exit code, and the job's id with a cluster behind it, if there is one.
struct Submitted {
  int exit_code = kExitOk;
  std::string answer;  // "101" or "101;cluster"
  std::string id() const { return std::vector<std::string>(absl::StrSplit(answer, ';')).front(); }
};

// Runs sbatch and waits for its answer. Its stderr becomes ours.
absl::StatusOr<Submitted> RunSbatch(const SizedJob& job, const std::optional<ChainLink>& link,
                                    Context& context) {
  RHUMB_ASSIGN_OR_RETURN(std::vector<std::string> words, SbatchWords(job, link));
  // Before the script, behind which all words are its own.
  if (!HasSwitch(words, kParsable)) words.insert(words.begin() + 1, kParsable);
  // Looks for sbatch where a shell would.
  const slurm::HelperResult result = slurm::RunHelper("/usr/bin/env", words, kSbatchMilliseconds);
  *context.err << result.err;
  switch (result.end) {
    case slurm::HelperResult::End::kExited:
      break;
    case slurm::HelperResult::End::kTimedOut:
      return absl::DeadlineExceededError(
          "sbatch gave no answer within ten minutes; look at squeue before submitting again");
    default:
      return absl::InternalError(absl::StrCat("cannot run sbatch: ", result.problem));
  }
  Submitted submitted = {.exit_code = result.exit_code,
                         .answer = std::string(absl::StripAsciiWhitespace(result.out))};
  if (submitted.exit_code != 0) return submitted;
  const std::string id = submitted.id();
  if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos) {
    return absl::InternalError(absl::StrCat("sbatch answered \"", submitted.answer.substr(0, 100),
                                            "\" instead of a job's id"));
  }
  return submitted;
}

// Which of the chain are in the queue; nothing where none is.
void SayWhatIsQueued(const std::vector<std::string>& ids, int64_t job_count, Context& context) {
  if (ids.empty()) return;
  *context.err << "rhumb: job " << ids.size() + 1 << " of " << job_count
               << " was not submitted; cancel those in the queue with: scancel "
               << absl::StrJoin(ids, " ") << "\n";
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SbatchWords(const SizedJob& job,
                                                     const std::optional<ChainLink>& link) {
  RHUMB_ASSIGN_OR_RETURN(std::vector<std::string> words,
                         SubmitOptions(job.decision, job.variables, job.script, job.given, link));
  words.insert(words.begin(), "sbatch");
  words.push_back(job.path);
  return words;
}

std::optional<ChainLink> PlaceholderLink(int64_t number) {
  if (number == 1) return std::nullopt;
  return ChainLink{.first_job = "JOB1", .previous_job = absl::StrCat("JOB", number - 1)};
}

int SubmitChain(const SizedJob& job, Context& context) {
  const int64_t count = job.decision.job_count;
  const bool ids_alone = HasSwitch(job.given, kParsable);
  std::vector<std::string> ids;
  // A job whose id nobody has read would be in the queue without anybody knowing.
  const InterruptWatch watch;
  for (int64_t number = 1; number <= count; ++number) {
    std::optional<ChainLink> link;
    if (number > 1) link = ChainLink{.first_job = ids.front(), .previous_job = ids.back()};
    const absl::StatusOr<Submitted> submitted = RunSbatch(job, link, context);
    if (!submitted.ok() || submitted->exit_code != 0) {
      SayWhatIsQueued(ids, count, context);
      return submitted.ok() ? submitted->exit_code : Fail(context, submitted.status());
    }
    ids.push_back(submitted->id());
    if (ids_alone) {
      *context.out << submitted->answer << "\n";
    } else {
      *context.out << "Submitted batch job " << ids.back() << " (" << number << " of " << count
                   << ")\n";
    }
    context.out->flush();
    if (InterruptWatch::interrupted() && number < count) {
      SayWhatIsQueued(ids, count, context);
      return kSignalExitCode + InterruptWatch::signal();
    }
  }
  return kExitOk;
}

}  // namespace rhumb::cli
