// SPDX-License-Identifier: Apache-2.0
// Rows of samples and attempts, and the statements that write them, which are prepared once. Only
// for this folder.
#ifndef RHUMB_DAEMON_STORE_SAMPLE_ROWS_H_
#define RHUMB_DAEMON_STORE_SAMPLE_ROWS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store/rows.h"
#include "daemon/store/run_rows.h"
#include "daemon/store/sample_mean.h"
#include "daemon/store/sample_store.h"
#include "daemon/store/soci.h"

namespace rhumb::daemon {

// How far a level of the roll-up has come: rows up to `sequence` are done, and time_ns is that of
// the first row beyond; kNever: there is none.
struct RollUpLevel {
  int64_t sequence = 0;
  int64_t time_ns = 0;
  friend bool operator==(const RollUpLevel&, const RollUpLevel&) = default;
};
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// Raw, 10 s, 5 min: what the rows were before the level merged them.
inline constexpr size_t kLevelCount = 3;

// A row of run_attempts.
struct AttemptRow {
  int64_t key = 0;
  std::string run;
  StoredAttempt stored;
  std::array<RollUpLevel, kLevelCount> levels;
};

// The variables of a row of run_samples, in the order of kSampleColumns.
class SampleCells {
 public:
  void BindResults(soci::statement& statement);
  void BindValues(soci::statement& statement);
  SampleRow Get() const;
  void Set(int64_t attempt_key, const SampleRow& row);

 private:
  Integer key_ = 0, sequence_ = 0, first_ = 0, count_ = 0, time_ = 0, step_ = 0, tokens_ = 0;
  std::array<double, kMeanFields.size()> means_ = {};
  std::array<soci::indicator, kMeanFields.size()> has_mean_ = {};
  Integer peak_ = 0, not_finite_ = 0;
  soci::indicator has_peak_ = soci::i_null;
  std::string counts_;
  soci::indicator has_counts_ = soci::i_null;
};
extern const char kSampleColumns[];

// The same of run_attempts.
class AttemptCells {
 public:
  void BindResults(soci::statement& statement);
  void BindValues(soci::statement& statement);
  // What samples change, and then the key.
  void BindCounts(soci::statement& statement);
  AttemptRow Get() const;
  void Set(const AttemptRow& row);

 private:
  static constexpr size_t kTextCount = 2, kNumberCount = 16;
  std::array<std::string, kTextCount> texts_;
  std::array<Integer, kNumberCount> numbers_ = {};
};
extern const char kAttemptColumns[];

// Prepares what has been exchanged with.
void PrepareStatement(soci::statement& statement, const std::string& sql);

// Rows of a session, for any number of its transactions. Not copyable: statements hold addresses of
// the variables.
class SampleRows {
 public:
  explicit SampleRows(soci::session& session);
  SampleRows(const SampleRows&) = delete;
  SampleRows& operator=(const SampleRows&) = delete;

  // Without its jobs.
  std::optional<StoredRun> FindRun(const std::string& name);
  void TouchRun(const std::string& name, int64_t now_ns);

  std::optional<AttemptRow> FindAttempt(const std::string& run, const std::string& attempt_id);
  // With key and number that no other has; not stored.
  AttemptRow NewAttempt(const std::string& run, const std::string& attempt_id);
  void PutAttempt(const AttemptRow& attempt);
  // The same of one that is stored with these levels; spares their indexes.
  void PutAttemptCounts(const AttemptRow& attempt);
  // Some of those whose levels have come to rows older than the cutoffs.
  std::vector<AttemptRow> DueAttempts(const std::array<int64_t, kLevelCount>& cutoffs_ns);
  // Tokens between first and last of each attempt of the run, in all.
  int64_t TokenSpan(const std::string& run);

  void InsertSample(int64_t attempt_key, const SampleRow& row);
  // First sequence and sequence of the row that `sequence` is in, if there is one.
  struct Range {
    int64_t first = 0, last = 0;
  };
  std::optional<Range> FindRange(int64_t attempt_key, int64_t sequence);
  // The first row behind `sequence` of a time in [cutoff_ns, horizon_ns].
  struct Place {
    int64_t sequence = 0, time_ns = 0;
  };
  std::optional<Place> FirstSince(int64_t attempt_key, int64_t sequence, int64_t cutoff_ns,
                                  int64_t horizon_ns);
  // Up to `limit` rows behind sequence `after`, up to `last`.
  void ForEachSample(int64_t attempt_key, int64_t after, int64_t last, int64_t limit,
                     const std::function<void(const SampleRow&)>& visit);
  // Rows of sequence `first` to `last`.
  void DeleteSamples(int64_t attempt_key, int64_t first, int64_t last);

 private:
  RunRow run_;
  AttemptCells attempt_;
  SampleCells sample_;
  std::string name_, id_;
  Integer key_ = 0, first_ = 0, last_ = 0, limit_ = 0;
  std::array<Integer, kLevelCount> cutoffs_ = {};
  soci::statement find_run_, touch_run_, find_attempt_, new_attempt_, put_attempt_, put_counts_,
      due_attempts_, token_span_, insert_sample_, find_range_, first_since_, samples_,
      delete_samples_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_SAMPLE_ROWS_H_
