// SPDX-License-Identifier: Apache-2.0
// Whether a run has left its own healthy course, told while it runs: loss (spike, divergence),
// throughput (slow-down), memory (leak). Each is a sequential test on medians of a few samples
// (block_median.h, evidence.h): no single sample raises an alarm, and the alarms of a healthy run,
// however long, come with a probability of at most `false_alarm_rate` for all tests together. That
// holds where its blocks exceed the thresholds of drift_tests.h no more often than said there;
// docs/accuracy.md has what simulation makes of it.
//
// That a run is slower than planned from its beginning is no drift but a gap of the plan: it is
// told once, by its own code.
#ifndef RHUMB_PLANNER_TRACK_DRIFT_H_
#define RHUMB_PLANNER_TRACK_DRIFT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "planner/track/block_median.h"
#include "planner/track/drift_tests.h"
#include "planner/track/run_sample.h"

namespace rhumb {

struct DriftOptions {
  double false_alarm_rate = 0.01;  // of a healthy run, in (0, 1)
  // Of the plan; absent: nothing is told of a gap.
  std::optional<double> planned_step_seconds;
  // Of the GPU; absent: leaks are told without when it will be full.
  std::optional<double> capacity_bytes;
};

enum class DriftKind { kLoss, kThroughput, kMemory };
absl::string_view NameOf(DriftKind kind);  // "LOSS", ...

struct DriftAlarm {
  DriftKind kind = DriftKind::kLoss;
  // LOSS_ROSE, LOSS_NOT_FINITE, SLOWED_DOWN, SLOWER_THAN_PLANNED, MEMORY_GROWS.
  std::string code;
  std::string text, directive;  // a sentence; what to do
  RunPlace since, raised;
  double magnitude = 0;        // how far the newest block is off
  std::string magnitude_unit;  // "ratio", "nats", "bytes", "samples"
  double statistic = 0, threshold = 0;
};

// An alarm that is raised; or one that lasts and is told anew, since it has become half as large
// again as when it was last told; or one that has ended: as it was last told, with where it ended.
struct DriftEvent {
  DriftAlarm alarm;
  std::optional<RunPlace> cleared;
  bool grown = false;  // told anew: as raised before but for text, directive and magnitude
};

// Plain state: copying it copies the monitor. Less than 4 KiB.
class DriftMonitor {
 public:
  explicit DriftMonitor(const DriftOptions& options) : options_(options) {}

  // The next sample. One that is older than what was seen changes nothing: late news of an attempt
  // that is over, or of steps that are. `sample_count`: how many it is the mean of.
  std::vector<DriftEvent> Observe(const RunSample& sample, int64_t sample_count = 1);

  // An alarm that was raised before and lasts, by a monitor that saw more: this one tells its end,
  // and does not raise it once more. To be called where the change is thought to lie, so that what
  // follows does not become normal.
  void Adopt(const DriftAlarm& alarm);

 private:
  double Threshold() const;
  DriftAlarm AlarmOf(DriftKind kind, const char* code, const DriftTest& test) const;
  enum class News { kNone, kRaised, kGrown };
  // What the newest block, which is off by `size`, makes of the alarm of a test.
  News NewsOf(DriftTest& test, double size) const;
  // Makes `alarm` the one that lasts, and tells it.
  static void Tell(News news, DriftAlarm alarm, DriftAlarm& standing,
                   std::vector<DriftEvent>& events);
  static void Clear(DriftTest& test, DriftAlarm& standing, std::vector<DriftEvent>& events);
  void ObserveNotFinite(const RunSample& sample, std::vector<DriftEvent>& events);
  void ObserveLoss(const RunSample& sample, bool is_mean, std::vector<DriftEvent>& events);
  void ObserveThroughput(const RunSample& sample, bool is_mean, std::vector<DriftEvent>& events);
  void ObserveGap(std::vector<DriftEvent>& events);
  void ObserveMemory(const RunSample& sample, std::vector<DriftEvent>& events);

  DriftOptions options_;
  int64_t attempt_ = 0, step_ = -1;
  int64_t attempt_samples_ = 0;   // of the attempt so far
  double time_seconds_ = 0;       // of the newest
  int fell_back_count_ = 0;       // newer samples of fewer steps, in a row
  int not_finite_count_ = 0;      // in a row
  uint32_t not_finite_bits_ = 0;  // of the last twenty with a loss, the newest lowest
  int finite_count_ = 0;          // in a row, since the alarm
  bool not_finite_alarmed_ = false;
  RunPlace first_not_finite_, first_of_twenty_;
  std::optional<RunPlace> first_;  // that was seen
  bool told_gap_ = false;

  LossTest loss_;
  ThroughputTest throughput_;
  MemoryTest memory_;
  // As they were last told.
  DriftAlarm loss_alarm_, not_finite_alarm_, throughput_alarm_, memory_alarm_;
};

// All samples, one after the other.
std::vector<DriftEvent> FindDrift(const std::vector<RunSample>& samples,
                                  const DriftOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_DRIFT_H_
