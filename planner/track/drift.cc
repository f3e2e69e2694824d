// SPDX-License-Identifier: Apache-2.0
#include "planner/track/drift.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/track/not_finite.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// Loss, throughput and memory share the rate; a loss that is no number needs no test of its own.
constexpr int kTestCount = 3;
// So many blocks in a row that exceed nothing end an alarm.
constexpr int kHealthyBlocksToClear = 6;
// Overflows happen to healthy runs now and then, and their step is skipped; not three in a row.
constexpr int kNotFiniteToAlarm = kFewestNotFinite;
// Nor in so many of the last twenty.
constexpr int kNotFiniteOfTwenty = 10;
constexpr uint32_t kLastTwenty = (1u << 20) - 1;
// So many samples in a row that are newer but of fewer steps: one before them was wrong.
constexpr int kFellBackToBelieve = 3;
// As many finite ones end that alarm: a run that has diverged shows some now and then.
constexpr int kFiniteToClear = 20;
// A plan that is off by less is as good as plans are.
constexpr double kLeastLogGap = 0.05;
constexpr double kGapErrors = 4;
// An alarm that lasts is told anew when it has become larger by so much.
constexpr double kToldAnewFactor = 1.5;

std::string MemoryWords(double bytes) {
  if (bytes < kGibibyte) return absl::StrFormat("%.3g MiB", bytes / kMebibyte);
  return absl::StrFormat("%.3g GiB", bytes / kGibibyte);
}

constexpr char kLossRose[] = "LOSS_ROSE", kLossNotFinite[] = "LOSS_NOT_FINITE",
               kSlowedDown[] = "SLOWED_DOWN", kSlowerThanPlanned[] = "SLOWER_THAN_PLANNED",
               kMemoryGrows[] = "MEMORY_GROWS";

}  // namespace

absl::string_view NameOf(DriftKind kind) {
  switch (kind) {
    case DriftKind::kLoss:
      return "LOSS";
    case DriftKind::kThroughput:
      return "THROUGHPUT";
    case DriftKind::kMemory:
      return "MEMORY";
  }
  return "";
}

double DriftMonitor::Threshold() const { return -std::log(options_.false_alarm_rate / kTestCount); }

std::vector<DriftEvent> DriftMonitor::Observe(const RunSample& sample, int64_t sample_count) {
  std::vector<DriftEvent> events;
  if (sample.attempt < attempt_) return events;
  if (sample.attempt == attempt_ && sample.step <= step_) {
    // Old news, unless newer samples go on telling so: then it was the step before that was wrong.
    const bool is_newer = sample.time_seconds > time_seconds_;
    if (!is_newer || ++fell_back_count_ < kFellBackToBelieve) return events;
  }
  fell_back_count_ = 0;
  time_seconds_ = sample.time_seconds;
  if (sample.attempt > attempt_) {
    attempt_ = sample.attempt;
    attempt_samples_ = 0;
    loss_.Resume();
    throughput_.Resume();
    memory_.Resume();
  }
  ++attempt_samples_;
  if (!first_.has_value()) first_ = PlaceOf(sample);
  const bool is_mean = sample_count > 1;
  ObserveLoss(sample, is_mean, events);
  ObserveThroughput(sample, is_mean, events);
  ObserveMemory(sample, events);
  step_ = sample.step;
  return events;
}

void DriftMonitor::Adopt(const DriftAlarm& alarm) {
  const auto adopt = [&](DriftTest& test, double told, DriftAlarm& standing) {
    test.alarmed = true;
    test.healthy_blocks = 0;
    test.told = told;
    test.since = alarm.since;
    standing = alarm;
  };
  if (alarm.code == kLossRose) adopt(loss_, alarm.magnitude, loss_alarm_);
  if (alarm.code == kSlowedDown) adopt(throughput_, std::log(alarm.magnitude), throughput_alarm_);
  if (alarm.code == kMemoryGrows) {
    adopt(memory_, alarm.magnitude, memory_alarm_);
    memory_.Adopt();
  }
  if (alarm.code == kLossNotFinite) {
    not_finite_alarmed_ = true;
    not_finite_alarm_ = alarm;
  }
  if (alarm.code == kSlowerThanPlanned) told_gap_ = true;
}

// What all alarms of a test say alike.
DriftAlarm DriftMonitor::AlarmOf(DriftKind kind, const char* code, const DriftTest& test) const {
  DriftAlarm alarm;
  alarm.kind = kind;
  alarm.code = code;
  alarm.since = test.since;
  alarm.raised = test.block.last;
  alarm.statistic = test.evidence.LogCapital();
  alarm.threshold = Threshold();
  return alarm;
}

DriftMonitor::News DriftMonitor::NewsOf(DriftTest& test, double size) const {
  const bool raises = !test.alarmed && test.evidence.LogCapital() >= Threshold();
  const bool grows = test.alarmed && test.told > 0 && size >= kToldAnewFactor * test.told;
  if (!raises && !grows) return News::kNone;
  test.alarmed = true;
  test.told = size;
  return raises ? News::kRaised : News::kGrown;
}

void DriftMonitor::Tell(News news, DriftAlarm alarm, DriftAlarm& standing,
                        std::vector<DriftEvent>& events) {
  if (news == News::kGrown) alarm.raised = standing.raised;
  standing = std::move(alarm);
  events.push_back({.alarm = standing, .grown = news == News::kGrown});
}

// Ends the alarm of a test that has been healthy long enough.
void DriftMonitor::Clear(DriftTest& test, DriftAlarm& standing, std::vector<DriftEvent>& events) {
  if (!test.alarmed || test.healthy_blocks < kHealthyBlocksToClear) return;
  test.alarmed = false;
  test.evidence.Restart();
  events.push_back({standing, test.block.last});
}

void DriftMonitor::ObserveNotFinite(const RunSample& sample, std::vector<DriftEvent>& events) {
  if (sample.loss_not_finite || sample.loss_nats.has_value()) {
    not_finite_bits_ = (not_finite_bits_ << 1 | (sample.loss_not_finite ? 1 : 0)) & kLastTwenty;
  }
  if (!sample.loss_not_finite) {
    not_finite_count_ = 0;
    if (!sample.loss_nats.has_value() || !not_finite_alarmed_) return;
    if (++finite_count_ < kFiniteToClear) return;
    not_finite_alarmed_ = false;
    events.push_back({not_finite_alarm_, PlaceOf(sample)});
    return;
  }
  finite_count_ = 0;
  const int of_twenty = std::popcount(not_finite_bits_);
  if (not_finite_count_ == 0) first_not_finite_ = PlaceOf(sample);
  if (of_twenty == 1) first_of_twenty_ = PlaceOf(sample);
  ++not_finite_count_;
  const bool in_a_row = not_finite_count_ >= kNotFiniteToAlarm;
  const bool raises = !not_finite_alarmed_ && (in_a_row || of_twenty >= kNotFiniteOfTwenty);
  const bool grows =
      not_finite_alarmed_ && not_finite_count_ >= kToldAnewFactor * not_finite_alarm_.magnitude;
  if (!raises && !grows) return;
  not_finite_alarmed_ = true;
  DriftAlarm alarm;
  alarm.kind = DriftKind::kLoss;
  alarm.code = kLossNotFinite;
  alarm.text = in_a_row ? absl::StrCat("The loss was NaN or infinite in ", not_finite_count_,
                                       " samples in a row: the run has diverged.")
                        : absl::StrCat("The loss was NaN or infinite in ", of_twenty,
                                       " of twenty samples: the run is diverging.");
  alarm.directive = "stop it; go on from a checkpoint before it, with a lower learning rate";
  alarm.since = !raises ? not_finite_alarm_.since : in_a_row ? first_not_finite_ : first_of_twenty_;
  alarm.raised = PlaceOf(sample);
  alarm.magnitude = in_a_row ? not_finite_count_ : of_twenty;
  alarm.statistic = alarm.magnitude;
  alarm.threshold = in_a_row ? kNotFiniteToAlarm : kNotFiniteOfTwenty;
  alarm.magnitude_unit = "samples";
  Tell(raises ? News::kRaised : News::kGrown, std::move(alarm), not_finite_alarm_, events);
}

void DriftMonitor::ObserveLoss(const RunSample& sample, bool is_mean,
                               std::vector<DriftEvent>& events) {
  ObserveNotFinite(sample, events);
  if (!sample.loss_nats.has_value()) return;
  if (!loss_.Add(*sample.loss_nats, PlaceOf(sample), is_mean)) return;
  if (const News news = NewsOf(loss_, loss_.excess); news != News::kNone) {
    DriftAlarm alarm = AlarmOf(DriftKind::kLoss, kLossRose, loss_);
    alarm.magnitude = loss_.excess;
    alarm.magnitude_unit = "nats";
    alarm.text = absl::StrFormat(
        "The loss has risen by %.3g nats over its own recent course, since step %d.", loss_.excess,
        loss_.since.step);
    alarm.directive =
        "if it does not come back by itself, go on from a checkpoint before it and skip the data, "
        "or lower the learning rate";
    Tell(news, std::move(alarm), loss_alarm_, events);
  }
  Clear(loss_, loss_alarm_, events);
}

void DriftMonitor::ObserveThroughput(const RunSample& sample, bool is_mean,
                                     std::vector<DriftEvent>& events) {
  // The first step of a process compiles and warms up.
  if (attempt_samples_ == 1 || !sample.step_seconds.has_value()) return;
  if (!throughput_.Add(*sample.step_seconds, PlaceOf(sample), is_mean)) return;
  ObserveGap(events);
  if (const News news = NewsOf(throughput_, throughput_.excess); news != News::kNone) {
    DriftAlarm alarm = AlarmOf(DriftKind::kThroughput, kSlowedDown, throughput_);
    alarm.magnitude = std::exp(throughput_.excess);
    alarm.magnitude_unit = "ratio";
    alarm.text = absl::StrFormat(
        "A step takes %.3g s, %.0f%% more than the %.3g s it took at first, since step %d.",
        std::exp(throughput_.block.median), 100 * std::expm1(throughput_.excess),
        throughput_.baseline_seconds(), throughput_.since.step);
    alarm.directive =
        "look for a slow node, a throttled GPU, or a data loader or file system that cannot follow";
    Tell(news, std::move(alarm), throughput_alarm_, events);
  }
  Clear(throughput_, throughput_alarm_, events);
}

void DriftMonitor::ObserveGap(std::vector<DriftEvent>& events) {
  if (told_gap_ || !throughput_.has_baseline() || !options_.planned_step_seconds.has_value()) {
    return;
  }
  told_gap_ = true;
  const double gap = std::log(throughput_.baseline_seconds() / *options_.planned_step_seconds);
  const double least = std::max(kLeastLogGap, kGapErrors * throughput_.baseline_log_error());
  if (gap <= least) return;
  DriftAlarm alarm = AlarmOf(DriftKind::kThroughput, kSlowerThanPlanned, throughput_);
  alarm.since = first_.value_or(RunPlace{});
  alarm.magnitude = std::exp(gap);
  alarm.magnitude_unit = "ratio";
  alarm.statistic = gap;
  alarm.threshold = least;
  alarm.text = absl::StrFormat(
      "A step takes %.3g s, %.0f%% more than the %.3g s of the plan, and has from the beginning.",
      throughput_.baseline_seconds(), 100 * std::expm1(gap), *options_.planned_step_seconds);
  alarm.directive = "rhumb run replan: the run will end later than planned as it is";
  events.push_back({alarm, std::nullopt});
}

void DriftMonitor::ObserveMemory(const RunSample& sample, std::vector<DriftEvent>& events) {
  if (!sample.peak_memory_bytes.has_value()) return;
  const double bytes = static_cast<double>(*sample.peak_memory_bytes);
  if (!memory_.Add(bytes, PlaceOf(sample), options_.capacity_bytes)) return;
  if (const News news = NewsOf(memory_, memory_.grown_bytes()); news != News::kNone) {
    DriftAlarm alarm = AlarmOf(DriftKind::kMemory, kMemoryGrows, memory_);
    alarm.magnitude = memory_.grown_bytes();
    alarm.magnitude_unit = "bytes";
    alarm.text = absl::StrFormat("Peak memory has grown by %s since step %d and goes on.",
                                 MemoryWords(memory_.grown_bytes()), memory_.since.step);
    const std::optional<double> growth = memory_.BytesPerToken();
    if (options_.capacity_bytes.has_value() && growth.has_value()) {
      const double left = (*options_.capacity_bytes - memory_.block.median) / *growth;
      absl::StrAppend(&alarm.text, absl::StrFormat(" The GPU is full after %.3g tokens more.",
                                                   std::max(0.0, left)));
    }
    alarm.directive =
        "look for tensors that are kept over steps, as losses that are summed with "
        "their graph; save a checkpoint before it is full";
    Tell(news, std::move(alarm), memory_alarm_, events);
  }
  Clear(memory_, memory_alarm_, events);
}

std::vector<DriftEvent> FindDrift(const std::vector<RunSample>& samples,
                                  const DriftOptions& options) {
  DriftMonitor monitor(options);
  std::vector<DriftEvent> all;
  for (const RunSample& sample : samples) {
    for (DriftEvent& event : monitor.Observe(sample)) all.push_back(std::move(event));
  }
  return all;
}

}  // namespace rhumb
