// SPDX-License-Identifier: Apache-2.0
// Merging samples as they age. Each level goes through the rows of an attempt in order of their
// sequences and merges neighbours that lie in one bucket; no sample is dropped, so that counts and
// means over any stretch stay what they were.
#include <array>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/store/sample_rows.h"
#include "daemon/store/sample_store.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// Of means of the first and the second level.
constexpr std::array<int64_t, 2> kBucketNs = {10 * kSecondNs, 300 * kSecondNs};
constexpr size_t kSummary = 2;
constexpr int64_t kAtOnce = std::numeric_limits<int64_t>::min();
constexpr int64_t kMaxSequence = std::numeric_limits<int64_t>::max();

absl::Status CheckPolicy(const RollUpPolicy& policy) {
  if (policy.raw_seconds <= 0 || policy.ten_second_seconds <= policy.raw_seconds ||
      policy.five_minute_seconds <= policy.ten_second_seconds) {
    return absl::InvalidArgumentError(
        absl::StrCat("ages of samples must be positive and grow, got raw_seconds ",
                     policy.raw_seconds, ", ten_second_seconds ", policy.ten_second_seconds,
                     ", five_minute_seconds ", policy.five_minute_seconds));
  }
  if (policy.summary_point_count < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("summary_point_count must be at least 1, got ", policy.summary_point_count));
  }
  if (policy.max_rows < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_rows must be at least 2, got ", policy.max_rows));
  }
  return absl::OkStatus();
}

// Whole buckets alone are merged.
int64_t Aligned(int64_t time_ns, int64_t bucket_ns) { return time_ns - time_ns % bucket_ns; }

// One transaction's worth of merging.
class RollUpPass {
 public:
  RollUpPass(SampleRows& rows, const RollUpPolicy& policy, int64_t now_ns)
      : rows_(rows),
        policy_(policy),
        // No clock is ahead by so much: such a time says nothing, and does not keep a row.
        horizon_ns_(now_ns + policy.raw_seconds * kSecondNs),
        cutoffs_ns_{Aligned(now_ns - policy.raw_seconds * kSecondNs, kBucketNs[0]),
                    Aligned(now_ns - policy.ten_second_seconds * kSecondNs, kBucketNs[1]),
                    Aligned(now_ns - policy.five_minute_seconds * kSecondNs, kBucketNs[1])},
        budget_(policy.max_rows) {}

  // False: nothing is left to do.
  bool Run() {
    while (true) {
      std::vector<AttemptRow> due = rows_.DueAttempts(cutoffs_ns_);
      if (due.empty()) return false;
      for (AttemptRow& attempt : due) {
        for (size_t level = 0; level < kLevelCount; ++level) {
          if (budget_ < 2) {
            // What the level before has made is not known to this one yet.
            if (level > 0) attempt.levels[level].time_ns = kAtOnce;
            rows_.PutAttempt(attempt);
            return true;
          }
          Advance(attempt, level);
          rows_.PutAttempt(attempt);
        }
      }
    }
  }

  int64_t removed_count() const { return removed_count_; }

 private:
  // The level's bucket of a row of the attempt.
  int64_t BucketOf(size_t level, const SampleRow& row) const {
    return level == kSummary ? row.stored.sample.token_count / summary_tokens_
                             : row.time_ns / kBucketNs[level];
  }

  // A power of two, so that buckets of a run that has grown are unions of those before.
  void SetSummaryTokens(const std::string& run) {
    const int64_t span = rows_.TokenSpan(run);
    summary_tokens_ = 1;
    while (span / summary_tokens_ >= policy_.summary_point_count) summary_tokens_ *= 2;
  }

  void Advance(AttemptRow& attempt, size_t level) {
    RollUpLevel& at = attempt.levels[level];
    const std::optional<SampleRows::Place> stop =
        rows_.FirstSince(attempt.key, at.sequence, cutoffs_ns_[level], horizon_ns_);
    if (level == kSummary) SetSummaryTokens(attempt.run);
    // Neighbours in one bucket.
    std::vector<SampleMean> groups;
    int64_t bucket = 0, read_count = 0, last_sequence = 0;
    const int64_t limit = budget_;
    rows_.ForEachSample(attempt.key, at.sequence,
                        stop.has_value() ? stop->sequence - 1 : kMaxSequence, limit,
                        [&](const SampleRow& row) {
                          const int64_t its = BucketOf(level, row);
                          if (groups.empty() || its != bucket) groups.emplace_back();
                          groups.back().Add(row);
                          bucket = its;
                          last_sequence = row.stored.sequence;
                          ++read_count;
                        });
    budget_ -= read_count;
    for (const SampleMean& group : groups) Replace(attempt.key, group);
    // The last bucket may go on: it is read again.
    if (read_count > 0) at.sequence = last_sequence - 1;
    if (read_count == limit) {
      at.time_ns = kAtOnce;  // there may be more
      return;
    }
    at.time_ns = stop.has_value() ? stop->time_ns : kNever;
    // Wider buckets later merge the summary from its start.
    if (level == kSummary) at.sequence = 0;
  }

  void Replace(int64_t attempt_key, const SampleMean& group) {
    if (group.row_count() < 2) return;
    const SampleRow mean = group.Get();
    rows_.DeleteSamples(attempt_key, mean.first_sequence, mean.stored.sequence);
    rows_.InsertSample(attempt_key, mean);
    removed_count_ += group.row_count() - 1;
  }

  SampleRows& rows_;
  const RollUpPolicy& policy_;
  const int64_t horizon_ns_;
  const std::array<int64_t, kLevelCount> cutoffs_ns_;
  int64_t budget_;
  int64_t summary_tokens_ = 1;
  int64_t removed_count_ = 0;
};

}  // namespace

absl::StatusOr<RollUpAnswer> SampleStore::RollUp(const RollUpPolicy& policy, int64_t now_ns,
                                                 const std::function<bool()>& should_stop) {
  RHUMB_RETURN_IF_ERROR(CheckPolicy(policy));
  RollUpAnswer answer;
  bool more = true;
  while (more && !(should_stop != nullptr && should_stop())) {
    RHUMB_RETURN_IF_ERROR(WriteRows([&](SampleRows& rows) {
      RollUpPass pass(rows, policy, now_ns);
      more = pass.Run();
      answer.removed_count += pass.removed_count();
      return absl::OkStatus();
    }));
    ++answer.transaction_count;
  }
  return answer;
}

}  // namespace rhumb::daemon
