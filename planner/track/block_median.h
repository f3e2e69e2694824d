// SPDX-License-Identifier: Apache-2.0
// What drift tests look at instead of single samples: medians of a few in a row, which no single
// one moves, and where they lie in the run.
#ifndef RHUMB_PLANNER_TRACK_BLOCK_MEDIAN_H_
#define RHUMB_PLANNER_TRACK_BLOCK_MEDIAN_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "planner/track/run_sample.h"

namespace rhumb {

// Where in a run something lies.
struct RunPlace {
  double time_seconds = 0;
  int64_t step = 0, token_count = 0;
};

inline RunPlace PlaceOf(const RunSample& sample) {
  return {sample.time_seconds, sample.step, sample.token_count};
}

// Of the first `count` of `values`, of which there must be one; reorders them.
template <size_t kSize>
double MedianOf(std::array<double, kSize> values, size_t count) {
  const auto middle = values.begin() + count / 2;
  std::nth_element(values.begin(), middle, values.begin() + count);
  if (count % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Standard deviation of normal values over the median of their distances from their middle.
inline constexpr double kNormalByMedian = 1.4826;

// The last kSize values.
template <size_t kSize>
class Recent {
 public:
  void Add(double value) {
    values_[next_] = value;
    next_ = (next_ + 1) % kSize;
    count_ = std::min(count_ + 1, kSize);
  }
  size_t count() const { return count_; }
  bool full() const { return count_ == kSize; }
  void Clear() { next_ = count_ = 0; }
  // The newest but `age`; 0: the newest. There must be as many.
  double Back(size_t age) const { return values_[(next_ + kSize - 1 - age) % kSize]; }
  double Median() const { return MedianOf(values_, count_); }
  // By the median distance from the median: the standard deviation of normal values.
  double RobustDeviation() const {
    const double middle = Median();
    std::array<double, kSize> distances = values_;
    for (double& each : distances) each = each > middle ? each - middle : middle - each;
    return kNormalByMedian * MedianOf(distances, count_);
  }

 private:
  std::array<double, kSize> values_ = {};
  size_t next_ = 0, count_ = 0;
};

struct Block {
  double median = 0;
  RunPlace first, last;
  bool of_means = false;  // some of its values are means of several samples
};

// Makes blocks of kSize values.
template <size_t kSize>
class BlockMaker {
 public:
  // The block that the value completes.
  std::optional<Block> Add(double value, const RunPlace& place, bool is_mean = false) {
    if (count_ == 0) {
      first_ = place;
      of_means_ = false;
    }
    of_means_ = of_means_ || is_mean;
    values_[count_++] = value;
    if (count_ < kSize) return std::nullopt;
    count_ = 0;
    return Block{MedianOf(values_, kSize), first_, place, of_means_};
  }
  // Drops what is begun.
  void Clear() { count_ = 0; }

 private:
  std::array<double, kSize> values_ = {};
  size_t count_ = 0;
  RunPlace first_;
  bool of_means_ = false;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_BLOCK_MEDIAN_H_
