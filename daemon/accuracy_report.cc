// SPDX-License-Identifier: Apache-2.0
#include "daemon/accuracy_report.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/expected_run.h"
#include "daemon/job_news.h"
#include "daemon/run_answer.h"
#include "daemon/run_progress.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"
#include "planner/track/accuracy.h"

namespace rhumb::daemon {
namespace {

constexpr int kPage = 200;
// A run that stopped short of this share of its tokens has not come to its end.
constexpr double kDoneFraction = 0.99;

AccuracyKey FromProto(v1::AccuracyGrouping grouping) {
  switch (grouping) {
    case v1::ACCURACY_GROUPING_GPU_TYPE:
      return AccuracyKey::kGpuType;
    case v1::ACCURACY_GROUPING_LAYOUT:
      return AccuracyKey::kLayout;
    case v1::ACCURACY_GROUPING_FRAMEWORK:
      return AccuracyKey::kFramework;
    case v1::ACCURACY_GROUPING_CLUSTER:
      return AccuracyKey::kCluster;
    default:
      return AccuracyKey::kAll;
  }
}

std::string LayoutWords(const v1::Layout& layout) {
  std::string words = absl::StrCat("TP", layout.tensor_parallel_size());
  const auto add = [&words](absl::string_view name, int64_t degree) {
    if (degree > 1) absl::StrAppend(&words, " ", name, degree);
  };
  add("PP", layout.pipeline_parallel_size());
  add("CP", layout.context_parallel_size());
  add("EP", layout.expert_parallel_size());
  add("DP", layout.data_parallel_size());
  if (layout.zero_stage() > 0) absl::StrAppend(&words, " ZeRO", layout.zero_stage());
  return words;
}

// Which of a run's numbers can be judged.
enum class Part { kRates, kTotals };

const std::map<std::string, Part>& JudgedQuantities() {
  static const auto* const parts = new std::map<std::string, Part>{
      {"step_seconds", Part::kRates},  {"tokens_per_second", Part::kRates},
      {"mfu", Part::kRates},           {"peak_memory_bytes", Part::kRates},
      {"wall_seconds", Part::kTotals}, {"gpu_hours", Part::kTotals},
      {"total_usd", Part::kTotals},    {"final_loss_nats", Part::kTotals}};
  return *parts;
}

std::optional<PlannedInterval> IntervalOf(const std::string& quantity, const v1::Plan& plan,
                                          const std::optional<RunProgress>& progress) {
  if (quantity == "wall_seconds" && plan.time().has_wall_low_seconds()) {
    const double level = plan.loss().has_level() ? plan.loss().level() : kDefaultLevel;
    return PlannedInterval{plan.time().wall_low_seconds(), plan.time().wall_high_seconds(), level};
  }
  if (quantity == "final_loss_nats" && progress.has_value() &&
      progress->expected.loss.has_value() && progress->expected.loss->interval.has_value()) {
    const LossInterval& interval = *progress->expected.loss->interval;
    return PlannedInterval{interval.low_nats, interval.high_nats, interval.level};
  }
  return std::nullopt;
}

bool CameToItsEnd(const StoredRun& stored, const std::optional<RunProgress>& progress) {
  if (stored.state != JobState::kSucceeded) return false;
  // Of a run without jobs nobody but its samples says that it trained anything.
  if (!progress.has_value()) return stored.job_count > 0;
  if (!progress->expected.target_token_count.has_value()) return true;
  return static_cast<double>(progress->measured.token_count) >=
         kDoneFraction * *progress->expected.target_token_count;
}

bool RanOnOtherGpus(const v1::Run& run, const v1::RunSettings& settings, const v1::Plan& plan) {
  const int64_t planned = plan.allocation().gpu_count();
  if (planned == 0) return false;
  if (settings.has_gpu_count() && settings.gpu_count() != planned) return true;
  return std::any_of(run.jobs().begin(), run.jobs().end(), [&](const v1::Job& job) {
    return job.gpu_count() > 0 && job.gpu_count() != planned;
  });
}

// Gathers the rows of runs, and why others have none.
class Gatherer {
 public:
  Gatherer(Store& store, int64_t now_ns) : store_(store), answers_(store, now_ns) {}

  absl::Status Add(const StoredRun& stored) {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan,
                           FindPlanMessage(stored.plan, store_));
    if (!plan.has_value()) {
      LeaveOut("NO_PLAN", "no plan, or one that is gone");
      return absl::OkStatus();
    }
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans,
                           store_.samples().Replans(stored.name));
    if (!replans.empty()) {
      LeaveOut("REPLANNED", "was planned anew on its way: its numbers are of two plans");
      return absl::OkStatus();
    }
    RHUMB_ASSIGN_OR_RETURN(const std::optional<RunProgress> progress,
                           ReadProgress(stored, plan, kDefaultLevel, store_));
    RHUMB_ASSIGN_OR_RETURN(const v1::Run run, answers_.FullWith(stored, progress));
    RHUMB_ASSIGN_OR_RETURN(const v1::RunSettings settings, SettingsOf(stored));
    if (RanOnOtherGpus(run, settings, *plan)) {
      LeaveOut("OTHER_GPUS", "ran on another number of GPUs than its plan has");
      return absl::OkStatus();
    }
    const bool to_the_end = CameToItsEnd(stored, progress);
    PlannedActual row;
    row.run = stored.name;
    row.gpu_type = plan->allocation().gpu_type();
    row.layout = plan->has_layout() ? LayoutWords(plan->layout()) : "";
    row.framework = plan->layout().framework();
    row.cluster = std::string(absl::StripPrefix(stored.cluster, "clusters/"));
    bool any = false;
    for (const v1::RunComparison& each : run.comparisons()) {
      const auto part = JudgedQuantities().find(each.quantity());
      if (part == JudgedQuantities().end()) continue;
      if (part->second == Part::kTotals && !to_the_end) continue;
      if (!(each.planned() > 0) || !(each.actual() > 0)) continue;
      any = true;
      row.quantity = each.quantity() == "final_loss_nats" ? "loss_nats" : each.quantity();
      row.planned = each.planned();
      row.actual = each.actual();
      row.interval = IntervalOf(each.quantity(), *plan, progress);
      rows_.push_back(row);
    }
    if (any) {
      ++run_count_;
    } else if (!to_the_end) {
      LeaveOut("NOT_TO_THE_END", "ended before its end, and reported nothing");
    } else {
      LeaveOut("NOTHING_MEASURED", "reported nothing that its plan speaks of");
    }
    return absl::OkStatus();
  }

  const std::vector<PlannedActual>& rows() const { return rows_; }
  int64_t run_count() const { return run_count_; }
  void AddLeftOut(v1::AccuracyReport& report) const {
    for (const auto& [code, why] : left_out_) {
      v1::Advice& advice = *report.add_left_out();
      advice.set_code(code);
      advice.set_text(absl::StrCat(why.second, why.second == 1 ? " run: " : " runs: ", why.first));
    }
  }

 private:
  void LeaveOut(const std::string& code, const std::string& why) {
    auto& entry = left_out_[code];
    entry.first = why;
    ++entry.second;
  }

  Store& store_;
  RunAnswers answers_;
  std::vector<PlannedActual> rows_;
  int64_t run_count_ = 0;
  std::map<std::string, std::pair<std::string, int64_t>> left_out_;
};

void AddGroup(const AccuracyGroup& group, v1::AccuracyReport& report) {
  v1::AccuracyGroup& message = *report.add_groups();
  message.set_key(group.key);
  message.set_quantity(group.quantity);
  message.set_run_count(group.run_count);
  message.set_median_ratio(group.median_ratio);
  if (group.low_ratio.has_value()) message.set_low_ratio(*group.low_ratio);
  if (group.high_ratio.has_value()) message.set_high_ratio(*group.high_ratio);
  message.set_median_error_fraction(group.median_abs_error);
  message.set_few(group.few_runs);
  // Plans of several levels: the one that most runs were promised.
  const IntervalCoverage* most = nullptr;
  for (const IntervalCoverage& each : group.coverages) {
    if (most == nullptr || each.run_count > most->run_count) most = &each;
  }
  if (most == nullptr) return;
  message.set_coverage_fraction(most->fraction);
  message.set_coverage_low_fraction(most->fraction_low);
  message.set_coverage_high_fraction(most->fraction_high);
  message.set_level(most->level);
  message.set_interval_count(most->run_count);
}

}  // namespace

absl::StatusOr<v1::AccuracyReport> ReportAccuracy(const v1::GetAccuracyReportRequest& request,
                                                  int64_t now_ns, Store& store) {
  FieldViolations violations;
  ValidateValues(request, violations);
  RunFilter filter;
  if (!request.cluster().empty()) {
    filter.cluster = ResourceName("clusters", request.cluster(), "cluster", violations);
  }
  const int64_t since_ns =
      request.has_since_time() ? NanosecondsOf(request.since_time(), "since_time", violations) : 0;
  if (!violations.empty()) return violations.ToStatus();
  Gatherer gatherer(store, now_ns);
  std::optional<ListPosition> after;
  while (true) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredRun> page,
                           store.runs().List(filter, after, kPage));
    for (const StoredRun& stored : page) {
      if (IsOpen(stored.state) || stored.end_time_ns < since_ns) continue;
      RHUMB_RETURN_IF_ERROR(gatherer.Add(stored));
    }
    if (page.size() < kPage) break;
    after = ListPosition{page.back().update_time_ns, page.back().name};
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<AccuracyGroup> groups,
                         SummarizeAccuracy(gatherer.rows(), FromProto(request.grouping())));
  v1::AccuracyReport report;
  for (const AccuracyGroup& each : groups) AddGroup(each, report);
  report.set_run_count(gatherer.run_count());
  gatherer.AddLeftOut(report);
  return report;
}

}  // namespace rhumb::daemon
