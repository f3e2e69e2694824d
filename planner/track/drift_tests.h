// SPDX-License-Identifier: Apache-2.0
// The single tests behind a drift monitor: each makes blocks of one quantity, knows what is normal
// for the run from the run itself, and says how many of three thresholds a block exceeds. Floors of
// the thresholds are what matters at all: no run is called ill for less.
//
// Old samples come as means of several (`is_mean`): they say what is normal, but scatter less than
// samples do, so that deviations are those of blocks of single samples.
#ifndef RHUMB_PLANNER_TRACK_DRIFT_TESTS_H_
#define RHUMB_PLANNER_TRACK_DRIFT_TESTS_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "planner/track/block_median.h"
#include "planner/track/evidence.h"

namespace rhumb {

// What tests have in common: the evidence, and the alarm that lasts.
struct DriftTest {
  Evidence evidence;
  RunPlace since;     // where a change would lie
  Block block;        // the newest
  double excess = 0;  // of the newest block over what is normal, in the test's unit
  bool alarmed = false;
  double told = 0;         // how far off it was when that was last told, in the same unit
  int healthy_blocks = 0;  // in a row, since the alarm

  // The newest block exceeded that many levels.
  void Count(const Block& newest, int exceeded_level_count);
};

// Nats of training loss. Normal is the median of the last ten blocks that exceeded one level at
// most: the loss falls as it goes on, which is in the run's favour. A block exceeds a level if it
// lies above normal by 3, 5 and 7 deviations of what blocks were off, and by 0.5%, 1.5% and 4%.
//
// The deviation is the smaller of two. The robust one of what blocks were off holds for losses that
// wander, but where the loss falls fast it is the fall. That of second differences of neighbouring
// blocks knows no trend and sees too little of what wanders: it counts half as much again, which is
// 3.4 times what white noise would have.
class LossTest : public DriftTest {
 public:
  // True if the value completes a block that could be judged.
  bool Add(double loss_nats, const RunPlace& place, bool is_mean = false);
  // A resumed run goes on where its checkpoint was: with a higher loss than it had reached.
  void Resume();

 private:
  BlockMaker<5> blocks_;
  Recent<10> normal_;
  Recent<64> residuals_;  // of blocks from the median before them
  Recent<64> bends_;      // distances of blocks from the line through the two before them
};

// Seconds of a step, as ln of the ratio to normal: the median of the run's first twenty blocks,
// which stays, over restarts too. Levels: 3%, 8% and 25%, and 3, 5 and 7 robust deviations of
// those blocks (of the first twenty of single samples, where the first are of means).
class ThroughputTest : public DriftTest {
 public:
  static constexpr int kBaselineBlocks = 20;

  bool Add(double step_seconds, const RunPlace& place, bool is_mean = false);
  void Resume() { blocks_.Clear(); }

  // Once all of the first blocks are in; then their standard error in ln.
  bool has_baseline() const { return baseline_.full(); }
  double baseline_seconds() const;
  double baseline_log_error() const;

 private:
  BlockMaker<5> blocks_;
  Recent<kBaselineBlocks> baseline_;  // ln of seconds
  Recent<kBaselineBlocks> scatter_;   // the same of single samples, whose deviation counts
};

// Bytes of peak memory: a block of twenty exceeds a level if it passes every block before it by a
// margin, 0.05%, 0.2% and 1% of the capacity (of the memory in use where no capacity is known). The
// first three blocks of an attempt are its warm-up: allocators grow.
class MemoryTest : public DriftTest {
 public:
  bool Add(double peak_bytes, const RunPlace& place, const std::optional<double>& capacity_bytes);
  void Resume();

  // Above what was reached before the change.
  double grown_bytes() const { return block.median - bytes_at_since_; }
  // Here begins what an alarm tells of.
  void Adopt() { bytes_at_since_ = highest_; }
  // Growth a token, from where the change is thought to lie; nullopt while nothing grew.
  std::optional<double> BytesPerToken() const;

 private:
  BlockMaker<20> blocks_;
  int warm_up_ = 0;
  double highest_ = 0;
  double bytes_at_since_ = 0;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_DRIFT_TESTS_H_
