// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_report.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_facts.h"
#include "client/cli/run_progress_report.h"
#include "client/cli/sparkline.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

// Differences below are not worth a word.
constexpr double kAsPlannedFraction = 0.005;
// Ratios to the plan beyond which "faster" and "slower" in percent say nothing.
constexpr double kLeastNearPlanRatio = 0.5;
constexpr double kMostNearPlanRatio = 2;
constexpr int kSparklineWidth = 60;

// Of all its jobs together; without a job from its start to its end.
std::optional<double> WallSeconds(const v1::Run& run) {
  std::optional<double> wall;
  for (const v1::Job& job : run.jobs()) {
    if (job.has_elapsed_seconds()) wall = wall.value_or(0) + job.elapsed_seconds();
  }
  const v1::RunComparison* compared = FindComparison(run, "wall_seconds");
  if (compared != nullptr && compared->has_actual()) wall = compared->actual();
  if (!wall.has_value() && run.jobs().empty() && run.has_start_time() && run.has_end_time()) {
    wall = static_cast<double>(run.end_time().seconds() - run.start_time().seconds()) +
           1e-9 * (run.end_time().nanos() - run.start_time().nanos());
  }
  return wall;
}

// The last job that held GPUs, else the last one; null without jobs.
const v1::Job* LastJob(const v1::Run& run) {
  const v1::Job* last = run.jobs().empty() ? nullptr : &run.jobs(run.jobs_size() - 1);
  for (const v1::Job& job : run.jobs()) {
    if (job.has_start_time()) last = &job;
  }
  return last;
}

// "16 H100-SXM5-80GB", "16 GPUs"; empty if nobody counted.
std::string GpusOf(const v1::Job& job) {
  if (job.gpu_count() == 0) return "";
  return job.gpu_type().empty() ? Counted(job.gpu_count(), "GPU")
                                : absl::StrCat(job.gpu_count(), " ", job.gpu_type());
}

// The same as its owner said; its type alone where that is all.
std::string GpusOf(const v1::RunSettings& settings) {
  if (!settings.has_gpu_count()) return settings.gpu_type();
  return settings.gpu_type().empty()
             ? Counted(settings.gpu_count(), "GPU")
             : absl::StrCat(FormatInteger(settings.gpu_count()), " ", settings.gpu_type());
}

// "job 123 on mine", "jobs 123, 124 on mine"; the title of a run without jobs.
std::string Subject(const v1::Run& run) {
  if (run.jobs().empty()) return run.title().empty() ? "the run" : run.title();
  std::vector<std::string> ids;
  for (const v1::Job& job : run.jobs()) ids.push_back(job.job_id());
  const std::string cluster = BareName(run.jobs(0).cluster());
  if (ids.size() > 4) return absl::StrCat(ids.size(), " jobs on ", cluster);
  return absl::StrCat(ids.size() == 1 ? "job " : "jobs ", absl::StrJoin(ids, ", "), " on ",
                      cluster);
}

std::string Verb(const v1::Run& run) {
  const bool several = run.jobs_size() > 1;
  const v1::Job* last = run.jobs().empty() ? nullptr : &run.jobs(run.jobs_size() - 1);
  switch (run.state()) {
    case v1::RUN_STATE_PENDING:
      return several ? "wait" : "waits";
    case v1::RUN_STATE_RUNNING:
      return several ? "run" : "runs";
    case v1::RUN_STATE_SUCCEEDED:
      return "succeeded";
    case v1::RUN_STATE_CANCELLED:
      return several ? "were cancelled" : "was cancelled";
    case v1::RUN_STATE_TIMED_OUT:
      return several ? "were ended at their time limit" : "was ended at its time limit";
    case v1::RUN_STATE_OUT_OF_MEMORY:
      return "ran out of memory";
    case v1::RUN_STATE_INTERRUPTED:
      return several ? "were interrupted" : "was interrupted";
    case v1::RUN_STATE_LOST:
      return several ? "were lost sight of" : "was lost sight of";
    default:
      break;
  }
  if (last != nullptr && last->exit_signal() > 0) {
    return absl::StrCat("failed by signal ", last->exit_signal());
  }
  if (last != nullptr && last->exit_code() > 0) {
    return absl::StrCat("failed with exit code ", last->exit_code());
  }
  return "failed";
}

bool IsFarFromPlan(double ratio) {
  return ratio < kLeastNearPlanRatio || ratio > kMostNearPlanRatio;
}

// " of a planned 1 d", behind the wall time of a run that is through far from its plan.
std::string OfPlannedFarOff(const v1::Run& run) {
  const v1::RunComparison* wall = FindComparison(run, "wall_seconds");
  if (run.state() != v1::RUN_STATE_SUCCEEDED || wall == nullptr || !wall->has_ratio() ||
      !IsFarFromPlan(wall->ratio())) {
    return "";
  }
  return absl::StrCat(" of a planned ", FormatDuration(wall->planned()));
}

// ", 4% faster than planned"; of a run that is not through, ", 33% of the planned 3 h".
std::string BesidePlan(const v1::Run& run) {
  const v1::RunComparison* wall = FindComparison(run, "wall_seconds");
  if (wall == nullptr || !wall->has_ratio() || wall->ratio() <= 0) return "";
  if (run.state() != v1::RUN_STATE_SUCCEEDED) {
    return absl::StrCat(", ", FormatFraction(wall->ratio()), " of the planned ",
                        FormatDuration(wall->planned()));
  }
  if (IsFarFromPlan(wall->ratio())) return "";  // OfPlannedFarOff() says it
  const double difference = wall->ratio() - 1;
  if (std::abs(difference) < kAsPlannedFraction) return ", as planned";
  const double percent = 100 * std::abs(difference);
  return absl::StrCat(
      ", ",
      percent < 9.95 ? absl::StrFormat("%.2g%%", percent) : absl::StrFormat("%.0f%%", percent),
      difference < 0 ? " faster than planned" : " slower than planned");
}

std::string QuantityTitle(absl::string_view quantity) {
  if (quantity == "wall_seconds") return "Wall time";
  if (quantity == "gpu_hours") return "GPU-hours";
  if (quantity == "total_usd") return "Cost";
  if (quantity == "gpu_count") return "GPUs";
  if (quantity == "node_count") return "Nodes";
  if (quantity == "token_count") return "Tokens";
  if (quantity == "loss_nats") return "Loss";
  if (quantity == "final_loss_nats") return "Final loss";
  if (quantity == "step_seconds") return "Step time";
  if (quantity == "tokens_per_second") return "Tokens/s";
  if (quantity == "mfu") return "MFU";
  if (quantity == "peak_memory_bytes") return "Peak memory";
  if (quantity == "noise_scale_tokens") return "Noise scale";
  if (quantity == "expected_wall_seconds") return "Wall at the end";
  if (quantity == "expected_gpu_hours") return "GPU-hours at the end";
  if (quantity == "expected_total_usd") return "Cost at the end";
  return std::string(quantity);
}

std::string QuantityText(absl::string_view quantity, double value) {
  if (quantity == "wall_seconds" || quantity == "expected_wall_seconds") {
    return FormatDuration(value);
  }
  if (quantity == "total_usd" || quantity == "expected_total_usd") return FormatUsd(value);
  if (quantity == "gpu_count" || quantity == "node_count") {
    return FormatInteger(std::llround(value));
  }
  if (quantity == "token_count" || quantity == "tokens_per_second" ||
      quantity == "noise_scale_tokens") {
    return FormatCount(value);
  }
  if (quantity == "loss_nats" || quantity == "final_loss_nats") return FormatLoss(value);
  if (quantity == "step_seconds") return absl::StrFormat("%.4g s", value);
  if (quantity == "mfu") return FormatFraction(value);
  if (quantity == "peak_memory_bytes") return FormatBytes(value);
  return absl::StrFormat("%.4g", value);
}

// GPUs and nodes of a run that no scheduler tells of, as its GPU-hours take them: of its settings,
// else as planned. nullopt where nobody knows.
std::optional<double> AssumedActual(const v1::Run& run, const v1::RunComparison& compared) {
  const bool is_gpus = compared.quantity() == "gpu_count";
  if (!run.jobs().empty() || (!is_gpus && compared.quantity() != "node_count")) {
    return std::nullopt;
  }
  // Without a time nothing was held.
  const v1::RunComparison* hours = FindComparison(run, "gpu_hours");
  if (hours == nullptr || !hours->has_actual() || !compared.has_planned()) return std::nullopt;
  if (!run.settings().has_gpu_count()) return compared.planned();
  if (is_gpus) return static_cast<double>(run.settings().gpu_count());
  const v1::RunComparison* gpus = FindComparison(run, "gpu_count");
  const bool as_planned = gpus != nullptr && gpus->has_planned() &&
                          gpus->planned() == static_cast<double>(run.settings().gpu_count());
  return as_planned ? std::optional<double>(compared.planned()) : std::nullopt;
}

v1::RunComparison WithAssumed(const v1::Run& run, v1::RunComparison compared) {
  if (compared.has_actual()) return compared;
  const std::optional<double> assumed = AssumedActual(run, compared);
  if (!assumed.has_value()) return compared;
  compared.set_actual(*assumed);
  if (compared.planned() > 0) compared.set_ratio(*assumed / compared.planned());
  if (compared.source().empty()) {
    compared.set_source(run.settings().has_gpu_count() ? "the run's settings" : "as planned");
  }
  return compared;
}

Table ComparisonsTable(const v1::Run& run) {
  Table table;
  table.columns = {{.title = "QUANTITY"},
                   {.title = "PLANNED", .number = true},
                   {.title = IsOpen(run) ? "SO FAR" : "ACTUAL", .number = true},
                   {.title = "RATIO", .number = true},
                   {.title = "FROM", .wide_only = true}};
  for (const v1::RunComparison& told : run.comparisons()) {
    const v1::RunComparison each = WithAssumed(run, told);
    table.rows.push_back({QuantityTitle(each.quantity()),
                          each.has_planned() ? QuantityText(each.quantity(), each.planned()) : "",
                          each.has_actual() ? QuantityText(each.quantity(), each.actual()) : "",
                          each.has_ratio() ? absl::StrFormat("%.2f", each.ratio()) : "",
                          each.source()});
  }
  return table;
}

std::string ExitText(const v1::Job& job) {
  if (!job.has_exit_code() && !job.has_exit_signal()) return "";
  if (job.exit_signal() > 0) return absl::StrCat("signal ", job.exit_signal());
  return absl::StrCat(job.exit_code());
}

Table JobsTable(const v1::Run& run) {
  Table table;
  table.columns = {{.title = "JOB"},
                   {.title = "STATE"},
                   {.title = "SUBMITTED"},
                   {.title = "STARTED"},
                   {.title = "RAN", .number = true},
                   {.title = "LIMIT", .number = true},
                   {.title = "GPUS"},
                   {.title = "EXIT", .number = true},
                   {.title = "REASON", .wide_only = true},
                   {.title = "PARTITION", .wide_only = true},
                   {.title = "NODES", .wide_only = true},
                   {.title = "MAX-RSS", .number = true, .wide_only = true}};
  for (const v1::Job& job : run.jobs()) {
    table.rows.push_back(
        {job.job_id(), StateName(job.state()), FormatInstant(job.submit_time()),
         job.has_start_time() ? FormatInstant(job.start_time()) : "",
         job.has_elapsed_seconds() ? FormatDuration(job.elapsed_seconds()) : "",
         job.has_time_limit_seconds() ? FormatDuration(job.time_limit_seconds()) : "", GpusOf(job),
         ExitText(job), job.reason(), job.partition(), job.node_list(),
         job.has_max_rss_bytes() ? FormatBytes(static_cast<double>(job.max_rss_bytes())) : ""});
  }
  return table;
}

Style StyleOf(const v1::Run& run) {
  if (IsOpen(run)) return Style::kPlain;
  return run.state() == v1::RUN_STATE_SUCCEEDED ? Style::kGood : Style::kBad;
}

// "! throughput, loss": the kinds of alarms that last.
std::string AlarmMark(const v1::Run& run) {
  std::vector<std::string> kinds;
  for (const v1::DriftAlarm& alarm : run.alarms()) {
    const std::string kind = DriftName(alarm.kind());
    if (!alarm.has_clear_time() && std::count(kinds.begin(), kinds.end(), kind) == 0) {
      kinds.push_back(kind);
    }
  }
  return kinds.empty() ? "" : absl::StrCat("! ", absl::StrJoin(kinds, ", "));
}

void AddTable(const std::string& label, const std::string& what, const Table& table, bool wide,
              Report& report) {
  if (table.rows.empty()) return;
  report.Line(label, what);
  report.Block(RenderTable(table, {.wide = wide}, report.terminal()));
}

}  // namespace

std::string RunSentence(const v1::Run& run) {
  std::string text = absl::StrCat(run.name(), ": ", Subject(run), " ", Verb(run));
  const std::optional<double> wall = WallSeconds(run);
  const v1::Job* last = LastJob(run);
  const bool waits = run.state() == v1::RUN_STATE_PENDING;
  if (wall.has_value()) {
    const char* word = run.state() == v1::RUN_STATE_RUNNING ? " since " : " after ";
    absl::StrAppend(&text, waits ? " after having run " : word, FormatDuration(*wall),
                    OfPlannedFarOff(run));
  } else if (last != nullptr && !last->has_start_time() && !IsOpen(run)) {
    text += " before it started";
  }
  if (last != nullptr && !GpusOf(*last).empty()) {
    absl::StrAppend(&text, last->has_start_time() ? " on " : " for ", GpusOf(*last));
  }
  return absl::StrCat(text, BesidePlan(run), ".");
}

void AddSettings(const v1::RunSettings& settings, Report& report) {
  const auto count = [](bool has, int64_t value, const char* noun) {
    return has ? absl::StrCat(FormatCount(static_cast<double>(value)), noun) : std::string();
  };
  std::string params = count(settings.has_param_count(), settings.param_count(), " parameters");
  if (!params.empty() &&
      settings.param_count_convention() != v1::PARAM_COUNT_CONVENTION_UNSPECIFIED) {
    absl::StrAppend(&params, " (", ConventionName(settings.param_count_convention()), ")");
  }
  report.Row(
      "Trained",
      JoinParts(
          {params,
           count(settings.has_target_token_count(), settings.target_token_count(), " tokens"),
           count(settings.has_unique_token_count(), settings.unique_token_count(),
                 " distinct tokens"),
           settings.has_global_batch_tokens()
               ? absl::StrCat("batch ", FormatInteger(settings.global_batch_tokens()), " tokens")
               : ""},
          ", "));
  const auto named = [](const char* what, const std::string& name) {
    return name.empty() ? std::string() : absl::StrCat(what, " ", name);
  };
  report.Row("Losses", JoinParts({named("tokenizer", settings.tokenizer()),
                                  named("data set", settings.dataset()),
                                  settings.learn() ? "may be learnt from" : ""},
                                 ", "));
  const v1::LearningRateSchedule& schedule = settings.schedule();
  const auto fraction = [](bool has, double value, const char* what) {
    return has ? absl::StrCat(what, " ", FormatFraction(value)) : std::string();
  };
  const auto* kind = v1::ScheduleKind_descriptor()->FindValueByNumber(schedule.kind());
  const bool has_kind = schedule.kind() != v1::SCHEDULE_KIND_UNSPECIFIED && kind != nullptr;
  report.Row(
      "Learning rate",
      JoinParts({has_kind ? EnumChoice(*kind) : "",
                 fraction(schedule.has_warmup_fraction(), schedule.warmup_fraction(), "warm-up"),
                 fraction(schedule.has_decay_fraction(), schedule.decay_fraction(), "decay"),
                 fraction(schedule.has_floor_fraction(), schedule.floor_fraction(), "floor")},
                ", "));
  report.Row("Runs on", JoinParts({GpusOf(settings),
                                   settings.has_price_usd_per_gpu_hour()
                                       ? FormatPerGpuHour(settings.price_usd_per_gpu_hour())
                                       : "",
                                   settings.framework()},
                                  ", "));
}

std::string RenderRun(const v1::Run& run, bool wide, const Terminal& terminal,
                      const std::vector<double>& losses) {
  Report report(terminal);
  report.Sentence(RunSentence(run), StyleOf(run));
  report.Row("Title", run.title());
  report.Row("Plan", run.plan());
  const std::string user = run.jobs().empty() ? "" : run.jobs(0).user_name();
  report.Row("Owner", user.empty() ? absl::StrCat("uid ", run.owner_uid())
                                   : absl::StrCat(user, ", uid ", run.owner_uid()));
  if (run.jobs().empty()) report.Row("Created", FormatInstant(run.create_time()));
  AddSettings(run.settings(), report);
  AddProgress(run, report);
  const std::string curve = Sparkline(losses, kSparklineWidth, terminal);
  if (!curve.empty()) report.Line("Loss", curve);
  AddTable("Comparison", "what was planned beside what happened", ComparisonsTable(run), wide,
           report);
  AddTable("Attempts",
           run.jobs_size() > 1 ? absl::StrCat(run.jobs_size(), ", one after the other") : "1",
           JobsTable(run), wide, report);
  AddAttempts(run, wide, report);
  const char* label = "Advice";
  for (const v1::Advice& advice : run.advice()) {
    report.Row(label, advice.text());
    // Not wrapped: to be copied.
    if (!advice.directive().empty()) report.Line("", advice.directive());
    label = "";
  }
  return report.text();
}

Table RunsTable(const std::vector<v1::Run>& runs) {
  Table table;
  table.columns = {{.title = "NAME"},
                   {.title = "STATE"},
                   {.title = "JOB"},
                   {.title = "CLUSTER"},
                   {.title = "PLAN"},
                   {.title = "GPUS"},
                   {.title = "STARTED"},
                   {.title = "RAN", .number = true},
                   {.title = "DONE", .number = true},
                   {.title = "LOSS", .number = true},
                   {.title = "PLANNED", .number = true},
                   {.title = "FINISH"},
                   {.title = "ALARM"},
                   {.title = "USER"},
                   {.title = "TITLE", .wide_only = true},
                   {.title = "JOBS", .number = true, .wide_only = true},
                   {.title = "OWNER", .number = true, .wide_only = true}};
  for (const v1::Run& run : runs) {
    const v1::Job* last = LastJob(run);
    const std::optional<double> wall = WallSeconds(run);
    const std::optional<double> done = DoneFraction(run);
    const std::optional<double> planned = PlannedLoss(run);
    std::optional<double> loss;
    // Rather than that of the last sample, which may be a validation, or a spike.
    if (const v1::RunComparison* compared = FindComparison(run, "loss_nats");
        compared != nullptr && compared->has_actual()) {
      loss = compared->actual();
    } else if (run.last_sample().has_loss_nats()) {
      loss = run.last_sample().loss_nats();
    }
    table.rows.push_back(
        {BareName(run.name()), StateName(run.state()), last == nullptr ? "" : last->job_id(),
         last == nullptr ? "" : BareName(last->cluster()), BareName(run.plan()),
         last == nullptr ? GpusOf(run.settings()) : GpusOf(*last),
         run.has_start_time() ? FormatInstant(run.start_time()) : "",
         wall.has_value() ? FormatDuration(*wall) : "",
         done.has_value() ? FormatFraction(*done) : "", loss.has_value() ? FormatLoss(*loss) : "",
         planned.has_value() ? FormatLoss(*planned) : "",
         run.forecast().has_finish_time() ? FormatInstant(run.forecast().finish_time()) : "",
         AlarmMark(run),
         last == nullptr || last->user_name().empty() ? absl::StrCat("uid ", run.owner_uid())
                                                      : last->user_name(),
         run.title(), absl::StrCat(run.jobs_size()), absl::StrCat(run.owner_uid())});
  }
  return table;
}

}  // namespace rhumb::cli
