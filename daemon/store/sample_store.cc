// SPDX-License-Identifier: Apache-2.0
// Writing samples and reading them back; roll-up, alarms and replans have files of their own.
#include "daemon/store/sample_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/store/rows.h"
#include "daemon/store/sample_rows.h"
#include "daemon/store/soci.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr int64_t kMaxSequence = std::numeric_limits<int64_t>::max();
// Lists of runs are in order of their update times: these may lag this far.
constexpr int64_t kTouchNs = int64_t{60} * 1'000'000'000;

// What `row`, which is stored, says of its attempt.
void Count(const SampleRow& row, int64_t now_ns, AttemptRow& attempt) {
  StoredAttempt& known = attempt.stored;
  const RunSample& sample = row.stored.sample;
  const bool first = known.sample_count == 0;
  known.sample_count += row.stored.sample_count;
  known.first_time_ns = first ? row.time_ns : std::min(known.first_time_ns, row.time_ns);
  known.last_time_ns = first ? row.time_ns : std::max(known.last_time_ns, row.time_ns);
  known.first_step = first ? sample.step : std::min(known.first_step, sample.step);
  known.first_token_count =
      first ? sample.token_count : std::min(known.first_token_count, sample.token_count);
  if (row.stored.sequence > known.last_sequence) {
    known.last_sequence = row.stored.sequence;
    known.last_step = sample.step;
    known.last_token_count = sample.token_count;
  }
  // A clock that is ahead does not keep its samples from growing old.
  const int64_t time_ns = std::min(row.time_ns, now_ns);
  for (size_t i = 0; i < kLevelCount; ++i) {
    RollUpLevel& level = attempt.levels[i];
    if (i > 0 && row.stored.sequence > level.sequence) continue;
    level.sequence = std::min(level.sequence, row.stored.sequence - 1);
    level.time_ns = std::min(level.time_ns, time_ns);
  }
}

absl::StatusOr<AppendAnswer> AppendOne(SampleRows& rows, const AttemptSamples& samples,
                                       int64_t now_ns, const SampleStore::MayChange& may_append) {
  const std::optional<StoredRun> run = rows.FindRun(samples.run);
  if (!run.has_value()) return absl::NotFoundError(absl::StrCat(samples.run, " does not exist"));
  RHUMB_RETURN_IF_ERROR(may_append(*run));
  AppendAnswer answer;
  std::optional<AttemptRow> attempt = rows.FindAttempt(samples.run, samples.attempt_id);
  if (!attempt.has_value() && samples.samples.empty()) return answer;
  const bool fresh = !attempt.has_value();
  if (fresh) attempt = rows.NewAttempt(samples.run, samples.attempt_id);
  const auto levels = attempt->levels;
  for (size_t i = 0; i < samples.samples.size(); ++i) {
    const SampleRow row = RowOf(samples.samples[i]);
    const int64_t sequence = row.stored.sequence;
    if (sequence <= attempt->stored.last_sequence) {
      const std::optional<SampleRows::Range> range = rows.FindRange(attempt->key, sequence);
      if (range.has_value()) {
        ++(range->first == range->last ? answer.duplicate_count : answer.late_count);
        continue;
      }
    }
    rows.InsertSample(attempt->key, row);
    Count(row, now_ns, *attempt);
    answer.stored_indices.push_back(i);
  }
  answer.attempt = attempt->stored.number;
  answer.stored_count = static_cast<int64_t>(answer.stored_indices.size());
  answer.last_sequence = attempt->stored.last_sequence;
  if (answer.stored_count == 0) return answer;
  if (fresh || attempt->levels != levels) {
    rows.PutAttempt(*attempt);
  } else {
    rows.PutAttemptCounts(*attempt);
  }
  if (now_ns - run->update_time_ns >= kTouchNs) rows.TouchRun(samples.run, now_ns);
  return answer;
}

// What a reader needs of an attempt.
struct Part {
  Integer key = 0;
  Integer number = 0, first_time_ns = 0, first_token_count = 0, last_token_count = 0;
};

// Attempts of a run from number `from` on, by number.
std::vector<Part> SelectParts(soci::session& session, const std::string& run, int64_t from) {
  const Integer least = from;
  Part part;
  soci::statement select =
      (session.prepare << "SELECT attempt_key, number, first_time_ns, first_token_count, "
                          "last_token_count FROM run_attempts WHERE run = :run AND "
                          "number >= :number ORDER BY number",
       soci::use(run), soci::use(least), soci::into(part.key), soci::into(part.number),
       soci::into(part.first_time_ns), soci::into(part.first_token_count),
       soci::into(part.last_token_count));
  std::vector<Part> parts;
  select.execute();
  while (select.fetch()) parts.push_back(part);
  return parts;
}

// Reads rows of attempts, one after the other, by one statement.
class SampleReader {
 public:
  // `rest` follows "WHERE attempt_key = :key AND " and has one number each of `arguments`.
  SampleReader(soci::session& session, absl::string_view rest, size_t argument_count)
      : select_(session), arguments_(argument_count + 1) {
    cells_.BindResults(select_);
    for (Integer& argument : arguments_) select_.exchange(soci::use(argument));
    PrepareStatement(select_,
                     absl::StrCat("SELECT ", kSampleColumns,
                                  " FROM run_samples WHERE attempt_key = :key AND ", rest));
  }

  template <typename Visit>
  void ForEach(const Part& part, const std::vector<int64_t>& arguments, const Visit& visit) {
    arguments_[0] = part.key;
    std::copy(arguments.begin(), arguments.end(), arguments_.begin() + 1);
    select_.execute();
    while (select_.fetch()) {
      SampleRow row = cells_.Get();
      row.stored.sample.attempt = part.number;
      visit(row);
    }
  }

 private:
  SampleCells cells_;
  soci::statement select_;
  std::vector<Integer> arguments_;
};

// Parts in the order in which they began, each with the tokens from which on a later one counts.
struct Stretch {
  Part part;
  int64_t end_token_count = kMaxSequence;
};

std::vector<Stretch> Supersede(std::vector<Part> parts) {
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::pair(a.first_time_ns, a.number) < std::pair(b.first_time_ns, b.number);
  });
  std::vector<Stretch> stretches;
  int64_t end = kMaxSequence;
  for (size_t i = parts.size(); i-- > 0;) {
    stretches.push_back({parts[i], end});
    end = std::min<int64_t>(end, parts[i].first_token_count);
  }
  std::reverse(stretches.begin(), stretches.end());
  return stretches;
}

}  // namespace

SampleStore::SampleStore(Database& database) : database_(database) {}
SampleStore::~SampleStore() = default;

absl::Status SampleStore::WriteRows(const std::function<absl::Status(SampleRows&)>& work) {
  return database_.Write([&](soci::session& session) -> absl::Status {
    if (writer_rows_ == nullptr) writer_rows_ = std::make_unique<SampleRows>(session);
    try {
      return work(*writer_rows_);
    } catch (...) {
      writer_rows_.reset();  // a statement that failed may be left on its row
      throw;
    }
  });
}

absl::StatusOr<AppendAnswer> SampleStore::Append(const AttemptSamples& samples, int64_t now_ns,
                                                 const MayChange& may_append) {
  AppendAnswer answer;
  RHUMB_RETURN_IF_ERROR(WriteRows([&](SampleRows& rows) -> absl::Status {
    RHUMB_ASSIGN_OR_RETURN(answer, AppendOne(rows, samples, now_ns, may_append));
    return absl::OkStatus();
  }));
  return answer;
}

absl::StatusOr<std::vector<absl::StatusOr<AppendAnswer>>> SampleStore::AppendMany(
    const std::vector<AttemptSamples>& all, int64_t now_ns, const MayChange& may_append) {
  std::vector<absl::StatusOr<AppendAnswer>> answers;
  RHUMB_RETURN_IF_ERROR(WriteRows([&](SampleRows& rows) {
    // One that is refused has written nothing.
    for (const AttemptSamples& samples : all) {
      answers.push_back(AppendOne(rows, samples, now_ns, may_append));
    }
    return absl::OkStatus();
  }));
  return answers;
}

absl::StatusOr<std::vector<StoredSample>> SampleStore::Read(absl::string_view run,
                                                            const SamplePosition& after,
                                                            int limit) {
  std::vector<StoredSample> samples;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    SampleReader reader(session, "sequence > :after ORDER BY sequence LIMIT :count", 2);
    for (const Part& part : SelectParts(session, std::string(run), after.attempt)) {
      const int64_t rest = limit - static_cast<int64_t>(samples.size());
      if (rest <= 0) break;
      const int64_t from = part.number == after.attempt ? after.sequence : 0;
      reader.ForEach(part, {from, rest},
                     [&](const SampleRow& row) { samples.push_back(row.stored); });
    }
    return absl::OkStatus();
  }));
  return samples;
}

absl::StatusOr<std::vector<StoredSample>> SampleStore::ReadSeries(absl::string_view run,
                                                                  int max_points) {
  std::vector<SampleMean> means(static_cast<size_t>(std::max(max_points, 0)));
  if (means.empty()) return std::vector<StoredSample>();
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    const std::vector<Stretch> stretches = Supersede(SelectParts(session, std::string(run), 0));
    if (stretches.empty()) return absl::OkStatus();
    int64_t first = kMaxSequence, last = 0;
    for (const Stretch& stretch : stretches) {
      first = std::min<int64_t>(first, stretch.part.first_token_count);
      last = std::max<int64_t>(
          last, std::min<int64_t>(stretch.part.last_token_count, stretch.end_token_count));
    }
    const double width = std::max(1.0, static_cast<double>(last - first + 1) / max_points);
    SampleReader reader(session, "token_count < :end ORDER BY sequence", 1);
    for (const Stretch& stretch : stretches) {
      reader.ForEach(stretch.part, {stretch.end_token_count}, [&](const SampleRow& row) {
        const auto tokens = static_cast<double>(row.stored.sample.token_count - first);
        const auto bucket = static_cast<size_t>(std::max(tokens, 0.0) / width);
        means[std::min(bucket, means.size() - 1)].Add(row);
      });
    }
    return absl::OkStatus();
  }));
  std::vector<StoredSample> series;
  for (const SampleMean& mean : means) {
    if (mean.row_count() > 0) series.push_back(mean.Get().stored);
  }
  return series;
}

absl::StatusOr<std::vector<StoredAttempt>> SampleStore::Attempts(absl::string_view run) {
  std::vector<StoredAttempt> attempts;
  const std::string name(run);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    AttemptCells cells;
    soci::statement select(session);
    cells.BindResults(select);
    select.exchange(soci::use(name));
    PrepareStatement(select, absl::StrCat("SELECT ", kAttemptColumns,
                                          " FROM run_attempts WHERE run = :run ORDER BY number"));
    select.execute();
    while (select.fetch()) attempts.push_back(cells.Get().stored);
    return absl::OkStatus();
  }));
  return attempts;
}

absl::StatusOr<std::optional<StoredSample>> SampleStore::LastSample(absl::string_view run) {
  std::optional<StoredSample> last;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    const std::vector<Stretch> stretches = Supersede(SelectParts(session, std::string(run), 0));
    if (stretches.empty()) return absl::OkStatus();
    SampleReader reader(session, "sequence > :after ORDER BY sequence DESC LIMIT 1", 1);
    reader.ForEach(stretches.back().part, {0}, [&](const SampleRow& row) { last = row.stored; });
    return absl::OkStatus();
  }));
  return last;
}

}  // namespace rhumb::daemon
