// SPDX-License-Identifier: Apache-2.0
// The part of run_report.h that says in sentences what the numbers mean.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "planner/track/run_report.h"
#include "planner/units.h"
#include "planner/words.h"

namespace rhumb {
namespace {

constexpr double kEarlyFraction = 0.5;       // of the planned wall time
constexpr double kAtOnceSeconds = 120;       // a failure this soon is one of the launch
constexpr double kLongWaitSeconds = 3600;    // shorter waits are not worth a word
constexpr double kLongLimitRatio = 5;        // of the time limit to what was used of it
constexpr double kSpareTimeFraction = 0.25;  // over what a run took, for the next one like it
constexpr double kMoreTimeFraction = 0.5;    // where nothing says how much was missing
constexpr double kWorthSayingFraction = 0.01;
// A run is silent that has told nothing for so many of its own intervals, and so long.
constexpr double kSilentIntervals = 20;
constexpr double kSilentSeconds = 600;
constexpr double kAllDoneFraction = 0.99;
constexpr char kEndedEarly[] = "ENDED_EARLY", kFailed[] = "FAILED";
constexpr char kLaunchWords[] = " That soon it is the launch: environment, paths, ranks.";

std::string TimeDirective(double seconds) {
  return absl::StrCat("#SBATCH --time=", SlurmTimeWords(seconds));
}

// ", 33% of the planned 3 h"; without a plan nothing.
std::string ShareWords(const std::optional<PlannedRun>& planned, double wall) {
  if (!planned.has_value() || planned->wall_seconds <= 0) return "";
  return absl::StrCat(", ", PercentWords(wall / planned->wall_seconds), " of the planned ",
                      DurationWords(planned->wall_seconds));
}

// Collects what there is to say about one run.
class Adviser {
 public:
  Adviser(const std::optional<PlannedRun>& planned, const TrackedRun& run)
      : planned_(planned),
        run_(run),
        wall_(WallSeconds(run)),
        last_(run.jobs.empty() ? nullptr : &run.jobs.back()) {}

  std::vector<RunAdvice> All() {
    SayEnd();
    SayTimeLimit();
    SayGpus();
    SayWait();
    return std::move(all_);
  }

 private:
  void Say(const std::string& code, const std::string& text, const std::string& directive = "") {
    all_.push_back({code, text, directive});
  }

  std::string Who() const {
    return last_ == nullptr ? "The run" : absl::StrCat("Job ", last_->job_id);
  }

  // "after 41 s" of the job that Who() names, and how much of the plan that is: of a chain, what
  // its jobs ran together.
  std::string AfterWords() const {
    const std::optional<double> own = last_ == nullptr ? wall_ : ElapsedSeconds(*last_);
    std::string text =
        own.has_value() ? absl::StrCat("after ", DurationWords(*own)) : "before it started";
    if (!wall_.has_value()) return text;
    if (run_.jobs.size() > 1) {
      absl::StrAppend(&text, "; the run's ", run_.jobs.size(), " jobs ran ", DurationWords(*wall_),
                      " in all");
    }
    return absl::StrCat(text, ShareWords(planned_, *wall_));
  }

  // Whether the run used so little of its plan that its times say nothing of the next one's.
  bool RanFarLessThanPlanned() const {
    return planned_.has_value() && wall_.has_value() &&
           *wall_ < kEarlyFraction * planned_->wall_seconds;
  }

  // What the plan takes at most; nullopt without a plan.
  std::optional<double> PlannedHigh() const {
    if (!planned_.has_value()) return std::nullopt;
    return planned_->wall_high_seconds.value_or(planned_->wall_seconds);
  }

  // What no job of the plan may exceed.
  double JobLimit() const {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    return planned_.has_value() ? planned_->job_limit_seconds.value_or(kNone) : kNone;
  }

  void SayEnd() {
    switch (run_.state) {
      case JobState::kPending:
      case JobState::kRunning:
        return;
      case JobState::kSucceeded:
        return SaySucceeded();
      case JobState::kFailed:
        return SayFailed();
      case JobState::kCancelled:
        return Say("CANCELLED", absl::StrCat(Who(), " was cancelled ", AfterWords(), "."));
      case JobState::kTimedOut:
        return SayTimedOut();
      case JobState::kOutOfMemory:
        return SayOutOfMemory();
      case JobState::kInterrupted:
        return Say("INTERRUPTED",
                   absl::StrCat(Who(), " was interrupted ", AfterWords(), ReasonWords(),
                                ": a node failed or another job took its place. A script that "
                                "resumes from its last checkpoint may be started again by Slurm."),
                   "#SBATCH --requeue");
      case JobState::kLost:
        return Say("LOST", absl::StrCat("Nobody saw how ", last_ == nullptr ? "the run" : "job ",
                                        last_ == nullptr ? "" : last_->job_id,
                                        " ended: the scheduler forgot it before it was asked. With "
                                        "accounting (slurmdbd) it would remember."));
    }
  }

  std::string ReasonWords() const {
    if (last_ == nullptr || last_->reason.empty() || last_->reason == "None") return "";
    return absl::StrCat(" (", last_->reason, ")");
  }

  void SaySucceeded() {
    if (!planned_.has_value() || !wall_.has_value() || planned_->wall_seconds <= 0) return;
    const double planned = planned_->wall_seconds;
    if (RanFarLessThanPlanned()) {
      Say(kEndedEarly,
          absl::StrCat("It ended after ", DurationWords(*wall_), ShareWords(planned_, *wall_),
                       ": it trained less than was planned, or this machine is faster than the "
                       "plan's model of it, which `rhumb calibrate` fits to measured runs."));
    } else if (*wall_ > *PlannedHigh() && *wall_ > (1 + kWorthSayingFraction) * planned) {
      Say("SLOWER_THAN_PLANNED",
          absl::StrCat("It took ", DurationWords(*wall_), ", more than the plan's upper end of ",
                       DurationWords(*PlannedHigh()),
                       ": this machine is slower than the plan's model of it, which `rhumb "
                       "calibrate` fits to measured runs."));
    }
  }

  void SayFailed() {
    std::string how = " failed ";
    if (last_ != nullptr && last_->exit_signal.value_or(0) > 0) {
      how = absl::StrCat(" was killed by signal ", *last_->exit_signal, " ");
    } else if (last_ != nullptr && last_->exit_code.value_or(0) != 0) {
      how = absl::StrCat(" exited with code ", *last_->exit_code, " ");
    }
    const std::optional<double> own = last_ == nullptr ? wall_ : ElapsedSeconds(*last_);
    const bool at_once = own.has_value() && *own < kAtOnceSeconds;
    Say(kFailed,
        absl::StrCat(Who(), how, AfterWords(), ReasonWords(), ".", at_once ? kLaunchWords : ""));
  }

  void SayTimedOut() {
    const std::optional<double> limit = last_ == nullptr ? std::nullopt : last_->time_limit_seconds;
    std::string text =
        absl::StrCat(Who(), " was ended at its time limit",
                     limit.has_value() ? absl::StrCat(" of ", DurationWords(*limit)) : "", ".");
    const double ran = wall_.value_or(0);
    const double ran_last = last_ == nullptr ? 0 : ElapsedSeconds(*last_).value_or(0);
    // What earlier jobs of the chain did is done.
    const double had = std::max(limit.value_or(0), ran_last);
    const double missing = PlannedHigh().value_or(0) - (ran - ran_last);
    if (planned_.has_value()) {
      absl::StrAppend(&text, " The plan takes ", DurationWords(planned_->wall_seconds));
      if (*PlannedHigh() > planned_->wall_seconds) {
        absl::StrAppend(&text, ", up to ", DurationWords(*PlannedHigh()));
      }
      if (run_.jobs.size() > 1) {
        absl::StrAppend(&text, ", of which ", run_.jobs.size(), " jobs ran ", DurationWords(ran));
      }
      absl::StrAppend(&text, ".");
    }
    const bool known = missing > had;
    double ask = known ? missing : (1 + kMoreTimeFraction) * had;
    if (ask > JobLimit()) {
      ask = 0;
      absl::StrAppend(&text, " The partition ends jobs after ", DurationWords(JobLimit()),
                      ": submit the script once more, to go on from its last checkpoint.");
    } else if (!known) {
      absl::StrAppend(&text,
                      " Nothing says how much was missing; this asks for half as much again.");
    }
    Say("TIMED_OUT", text, ask > 0 ? TimeDirective(ask) : "");
  }

  void SayOutOfMemory() {
    std::string text = absl::StrCat(Who(), " ran out of host memory ", AfterWords());
    if (last_ != nullptr && last_->max_rss_bytes.has_value()) {
      absl::StrAppend(
          &text, "; its largest task held ",
          absl::StrFormat("%.1f GiB", static_cast<double>(*last_->max_rss_bytes) / kGibibyte));
    }
    Say("OUT_OF_MEMORY",
        absl::StrCat(text,
                     ". This asks for all memory of its nodes. (GPU memory that runs out is "
                     "an exit code of the program's own.)"),
        "#SBATCH --mem=0");
  }

  void SayTimeLimit() {
    if (last_ == nullptr || !last_->time_limit_seconds.has_value()) return;
    const double limit = *last_->time_limit_seconds;
    const std::optional<double> elapsed = ElapsedSeconds(*last_);
    if (IsOpen(run_.state) && planned_.has_value() && run_.jobs.size() == 1 &&
        limit < std::min(planned_->wall_seconds, JobLimit()) * (1 - kWorthSayingFraction)) {
      Say("TIME_LIMIT_BELOW_PLAN",
          absl::StrCat("The time limit of job ", last_->job_id, ", ", DurationWords(limit),
                       ", is below the planned ", DurationWords(planned_->wall_seconds),
                       ": it will be ended before, unless a job that goes on with it follows."),
          TimeDirective(std::min(*PlannedHigh(), JobLimit())));
    } else if (run_.state == JobState::kSucceeded && run_.jobs.size() == 1 && elapsed.has_value() &&
               // A shorter limit would contradict the plan.
               !RanFarLessThanPlanned() && *elapsed > 0 && limit >= kLongLimitRatio * *elapsed &&
               limit > kLongWaitSeconds) {
      Say("TIME_LIMIT_TOO_LONG",
          absl::StrCat("Job ", last_->job_id, " used ", PercentWords(*elapsed / limit),
                       " of its time limit of ", DurationWords(limit),
                       ". Jobs with shorter limits start sooner."),
          TimeDirective(std::max((1 + kSpareTimeFraction) * *elapsed, 60.0)));
    }
  }

  void SayGpus() {
    if (!planned_.has_value() || last_ == nullptr) return;
    if (!last_->gpu_type.empty() && !planned_->gpu_type.empty() &&
        last_->gpu_type != planned_->gpu_type) {
      Say("OTHER_GPU_TYPE",
          absl::StrCat("Job ", last_->job_id, " has ", last_->gpu_type, ", the plan is of ",
                       planned_->gpu_type, ": its times and memory are not comparable."));
    }
    if (last_->gpu_count == 0 || last_->gpu_count == planned_->gpu_count) return;
    const bool fewer = last_->gpu_count < planned_->gpu_count;
    const int64_t nodes = std::max<int64_t>(1, planned_->node_count);
    Say(fewer ? "FEWER_GPUS" : "MORE_GPUS",
        absl::StrCat("Job ", last_->job_id, " has ", CountWords(last_->gpu_count, "GPU"),
                     ", the plan is of ", planned_->gpu_count, " in ", CountWords(nodes, "node"),
                     "."),
        absl::StrCat("#SBATCH --nodes=", nodes, " --gpus-per-node=", planned_->gpu_count / nodes));
  }

  void SayWait() {
    if (last_ == nullptr || !last_->start_seconds.has_value()) return;
    const double wait = *last_->start_seconds - last_->submit_seconds;
    const double reference = planned_.has_value() ? planned_->wall_seconds : wall_.value_or(0);
    if (wait < kLongWaitSeconds || wait < reference) return;
    Say("LONG_WAIT",
        absl::StrCat("Job ", last_->job_id, " waited ", DurationWords(wait),
                     " in the queue, longer than ",
                     planned_.has_value() ? "the run is planned to take" : "it ran",
                     ". Fewer GPUs, those that are free now, start sooner."),
        run_.cluster.empty() ? "" : absl::StrCat("rhumb plan --cluster ", run_.cluster, " --free"));
  }

  const std::optional<PlannedRun>& planned_;
  const TrackedRun& run_;
  const std::optional<double> wall_;
  const TrackedJob* last_;
  std::vector<RunAdvice> all_;
};

// Why a run used so much less time than planned.
std::string WhyEarly(const ReportedRun& reported, double wall_ratio) {
  if (*reported.done_fraction < kAllDoneFraction) {
    return absl::StrCat("it trained on ", PercentWords(*reported.done_fraction), " of its tokens.");
  }
  if (!reported.step_ratio.has_value() || *reported.step_ratio * kAllDoneFraction <= wall_ratio) {
    return "it trained on all of its tokens, so this machine is faster than the plan's model of "
           "it, "
           "which `rhumb calibrate` fits to measured runs.";
  }
  return absl::StrCat(
      "it trained on all of its tokens in steps that took ", PercentWords(*reported.step_ratio),
      " of their planned time. What it did not need are the overheads that were assumed: start-up "
      "(rhumb plan --startup TIME says how long that takes here), checkpoints and failures.");
}

}  // namespace

std::optional<std::string> WhySilent(const ReportedRun& reported) {
  if (!reported.runs || !reported.interval_seconds.has_value()) return std::nullopt;
  const double longest = std::max(kSilentIntervals * *reported.interval_seconds, kSilentSeconds);
  if (reported.silent_seconds <= longest) return std::nullopt;
  return absl::StrCat("last told ", DurationWords(reported.silent_seconds), " ago");
}

std::vector<RunAdvice> AdviseReported(const ReportedRun& reported, std::vector<RunAdvice> advice) {
  const double wall = reported.wall_seconds.value_or(0);
  const double planned = reported.planned_wall_seconds.value_or(0);
  for (RunAdvice& each : advice) {
    if (each.code == kEndedEarly && reported.done_fraction.has_value() && planned > 0) {
      each.text = absl::StrCat("It ended after ", DurationWords(wall), ", ",
                               PercentWords(wall / planned), " of the planned ",
                               DurationWords(planned), ": ", WhyEarly(reported, wall / planned));
    }
    if (each.code == kFailed && reported.told_seconds >= kAtOnceSeconds) {
      each.text = std::string(absl::StripSuffix(each.text, kLaunchWords));
    }
  }
  const std::optional<std::string> silent = WhySilent(reported);
  if (silent.has_value()) {
    advice.insert(advice.begin(),
                  {"SILENT",
                   absl::StrCat("The run ", *silent, "; it used to tell something every ",
                                DurationWords(*reported.interval_seconds),
                                ". It hangs, has ended without saying so (rhumb run finish), or "
                                "cannot reach the daemon: no end is forecast."),
                   ""});
  }
  return advice;
}

std::vector<RunAdvice> AdviseRun(const std::optional<PlannedRun>& planned, const TrackedRun& run) {
  return Adviser(planned, run).All();
}

}  // namespace rhumb
