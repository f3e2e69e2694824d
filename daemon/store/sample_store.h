// SPDX-License-Identifier: Apache-2.0
// What training processes report of their runs, rolled up as it ages so that the disk stays
// bounded; and what was noticed and changed on the way: alarms and replans.
#ifndef RHUMB_DAEMON_STORE_SAMPLE_STORE_H_
#define RHUMB_DAEMON_STORE_SAMPLE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"
#include "daemon/store/run_store.h"
#include "planner/track/run_sample.h"

namespace rhumb::daemon {

struct StoredSample {
  RunSample sample;          // `attempt` is filled by the store
  int64_t sequence = 0;      // from 1, unique in its attempt
  int64_t sample_count = 1;  // samples that it is the mean of; the highest for peak memory
};

// Samples of one process of one run. Their numbers must be finite: SQL knows no NaN.
struct AttemptSamples {
  std::string run;         // runs/...
  std::string attempt_id;  // not empty
  std::vector<StoredSample> samples;
};

struct AppendAnswer {
  int64_t attempt = 0;  // its number
  int64_t stored_count = 0;
  int64_t duplicate_count = 0;  // known before, or twice in the call: the first counts
  int64_t late_count = 0;       // among samples that have been rolled up; known before, or lost
  int64_t last_sequence = 0;    // largest of the attempt that is stored
  std::vector<size_t> stored_indices;  // what was new, in the order given
};

// A place among the samples of a run: that of the last one read.
struct SamplePosition {
  int64_t attempt = 0, sequence = 0;
};

struct StoredAttempt {
  int64_t number = 0;  // 1: the first that reported
  std::string attempt_id;
  int64_t first_time_ns = 0, last_time_ns = 0;
  int64_t sample_count = 0;
  int64_t first_step = 0, last_step = 0;
  int64_t first_token_count = 0, last_token_count = 0;
  int64_t last_sequence = 0;
};

struct StoredAlarm {
  std::string run, kind, code;
  int64_t raise_time_ns = 0;
  int64_t clear_time_ns = 0;  // 0: it lasts
  std::string content;        // message bytes
};

struct StoredReplan {
  std::string run;
  int64_t number = 0;  // 1: the first of the run; filled by the store
  int64_t time_ns = 0;
  std::string from_plan, to_plan;  // plans/...; from_plan may be empty
  int64_t owner_uid = 0;
  std::string content;  // message bytes
};

// Ages that samples reach before they are merged further. Each must exceed the one before.
struct RollUpPolicy {
  int64_t raw_seconds = 3600;                         // then means of 10 s
  int64_t ten_second_seconds = int64_t{2} * 86400;    // then means of 5 min
  int64_t five_minute_seconds = int64_t{90} * 86400;  // then a summary
  int64_t summary_point_count = 200;                  // of a run, spread evenly over its tokens
  int64_t max_rows = 5000;  // of one transaction, so that other writes get their turn
};

struct RollUpAnswer {
  int64_t removed_count = 0;  // rows fewer than before
  int64_t transaction_count = 0;
};

class SampleRows;

// Thread-safe.
class SampleStore {
 public:
  // Judges the run, which comes without its jobs; an error refuses the request.
  using MayChange = std::function<absl::Status(const StoredRun& run)>;

  // `database` must outlive the store.
  explicit SampleStore(Database& database);
  ~SampleStore();

  // Stores what is new of `samples`, in any order; durable on return. The run's update time follows
  // at most once a minute, since lists are in its order. NotFound without such a run; what
  // `may_append` says.
  absl::StatusOr<AppendAnswer> Append(const AttemptSamples& samples, int64_t now_ns,
                                      const MayChange& may_append);

  // The same of many in one transaction; what refuses one keeps out no other. One answer each.
  absl::StatusOr<std::vector<absl::StatusOr<AppendAnswer>>> AppendMany(
      const std::vector<AttemptSamples>& all, int64_t now_ns, const MayChange& may_append);

  // Up to `limit` samples behind `after`, by attempt and sequence. Empty without such a run.
  absl::StatusOr<std::vector<StoredSample>> Read(absl::string_view run, const SamplePosition& after,
                                                 int limit);

  // At most `max_points` means, spread evenly over the tokens of the run, in their order. Where
  // tokens fell back, the attempt that began later counts. Each point has time, step and tokens of
  // its last sample.
  absl::StatusOr<std::vector<StoredSample>> ReadSeries(absl::string_view run, int max_points);

  // By number.
  absl::StatusOr<std::vector<StoredAttempt>> Attempts(absl::string_view run);

  // That of the largest sequence of the attempt that began last.
  absl::StatusOr<std::optional<StoredSample>> LastSample(absl::string_view run);

  // False, and nothing stored, if an alarm of that kind and code lasts, or was raised at that time.
  absl::StatusOr<bool> InsertAlarm(const StoredAlarm& alarm);
  // Ends the alarm of that kind and code that lasts; `content` replaces its bytes. False without
  // one.
  absl::StatusOr<bool> ClearAlarm(absl::string_view run, absl::string_view kind,
                                  absl::string_view code, int64_t clear_time_ns,
                                  absl::string_view content);
  // `content` replaces the bytes of the alarm of that kind and code that lasts, which was raised
  // when it was. False without one.
  absl::StatusOr<bool> ReplaceAlarm(absl::string_view run, absl::string_view kind,
                                    absl::string_view code, absl::string_view content);
  // By raise time.
  absl::StatusOr<std::vector<StoredAlarm>> Alarms(absl::string_view run);

  // Makes `to_plan` the plan of the run and writes that down. For a repeated request what was
  // stored then. NotFound without such a run, Aborted if its plan is not `from_plan`, AlreadyExists
  // as Store::FindByRequestId, or what `may_replan` says.
  absl::StatusOr<StoredReplan> InsertReplan(const StoredReplan& replan, const RequestKey& key,
                                            const MayChange& may_replan);
  // What the request made before; nullopt if it is new.
  absl::StatusOr<std::optional<StoredReplan>> FindReplanByRequest(const RequestKey& key);
  // By number.
  absl::StatusOr<std::vector<StoredReplan>> Replans(absl::string_view run);

  // Merges what `policy` calls old, in transactions of policy.max_rows rows. What has been done is
  // done if it breaks off: the next call goes on there. Stops early when `should_stop` says so.
  // InvalidArgument for a policy whose ages do not grow.
  absl::StatusOr<RollUpAnswer> RollUp(const RollUpPolicy& policy, int64_t now_ns,
                                      const std::function<bool()>& should_stop = nullptr);

 private:
  absl::Status WriteRows(const std::function<absl::Status(SampleRows&)>& work);

  Database& database_;
  // Statements of the one session that writes, kept over transactions: only Write's work uses them.
  std::unique_ptr<SampleRows> writer_rows_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_SAMPLE_STORE_H_
