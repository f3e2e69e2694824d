// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/sample_rows.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace rhumb::daemon {
namespace {

// Attempts that one look for due ones finds.
constexpr int kDueAttempts = 64;

// To the end: a statement left on its row would keep a snapshot open.
template <typename Read>
void ForEach(soci::statement& statement, const Read& read) {
  statement.execute();
  while (statement.fetch()) read();
}

soci::indicator Has(bool value) { return value ? soci::i_ok : soci::i_null; }

}  // namespace

const char kSampleColumns[] =
    "attempt_key, sequence, first_sequence, sample_count, time_ns, step, token_count, loss_nats, "
    "validation_loss_nats, step_seconds, tokens_per_second, learning_rate, gradient_norm, "
    "noise_scale_tokens, peak_memory_bytes, loss_not_finite, mean_counts";

const char kAttemptColumns[] =
    "run, attempt_id, attempt_key, number, first_time_ns, last_time_ns, sample_count, first_step, "
    "last_step, first_token_count, last_token_count, last_sequence, raw_sequence, raw_time_ns, "
    "ten_second_sequence, ten_second_time_ns, five_minute_sequence, five_minute_time_ns";

void SampleCells::BindResults(soci::statement& statement) {
  for (Integer* number : {&key_, &sequence_, &first_, &count_, &time_, &step_, &tokens_}) {
    statement.exchange(soci::into(*number));
  }
  for (size_t i = 0; i < means_.size(); ++i) {
    statement.exchange(soci::into(means_[i], has_mean_[i]));
  }
  statement.exchange(soci::into(peak_, has_peak_));
  statement.exchange(soci::into(not_finite_));
  statement.exchange(soci::into(counts_, has_counts_));
}

void SampleCells::BindValues(soci::statement& statement) {
  for (Integer* number : {&key_, &sequence_, &first_, &count_, &time_, &step_, &tokens_}) {
    statement.exchange(soci::use(*number));
  }
  for (size_t i = 0; i < means_.size(); ++i) {
    statement.exchange(soci::use(means_[i], has_mean_[i]));
  }
  statement.exchange(soci::use(peak_, has_peak_));
  statement.exchange(soci::use(not_finite_));
  statement.exchange(soci::use(counts_, has_counts_));
}

SampleRow SampleCells::Get() const {
  SampleRow row;
  row.first_sequence = first_;
  row.time_ns = time_;
  row.stored.sequence = sequence_;
  row.stored.sample_count = count_;
  RunSample& sample = row.stored.sample;
  sample.time_seconds = static_cast<double>(time_) / 1e9;
  sample.step = step_;
  sample.token_count = tokens_;
  sample.loss_not_finite = not_finite_ != 0;
  for (size_t i = 0; i < means_.size(); ++i) {
    if (has_mean_[i] != soci::i_ok) continue;
    sample.*kMeanFields[i] = means_[i];
    row.counts[i] = count_;
  }
  if (has_peak_ == soci::i_ok) sample.peak_memory_bytes = peak_;
  if (has_counts_ == soci::i_ok) {
    const std::vector<std::string> counts = absl::StrSplit(counts_, ' ');
    for (size_t i = 0; i < counts.size() && i < row.counts.size(); ++i) {
      (void)absl::SimpleAtoi(counts[i], &row.counts[i]);
    }
  }
  return row;
}

void SampleCells::Set(int64_t attempt_key, const SampleRow& row) {
  const RunSample& sample = row.stored.sample;
  key_ = attempt_key;
  sequence_ = row.stored.sequence;
  first_ = row.first_sequence;
  count_ = row.stored.sample_count;
  time_ = row.time_ns;
  step_ = sample.step;
  tokens_ = sample.token_count;
  not_finite_ = sample.loss_not_finite ? 1 : 0;
  bool partial = false;
  for (size_t i = 0; i < means_.size(); ++i) {
    const std::optional<double>& mean = sample.*kMeanFields[i];
    has_mean_[i] = Has(mean.has_value());
    means_[i] = mean.value_or(0);
    partial = partial || (mean.has_value() && row.counts[i] != count_);
  }
  has_peak_ = Has(sample.peak_memory_bytes.has_value());
  peak_ = sample.peak_memory_bytes.value_or(0);
  has_counts_ = Has(partial);
  if (partial) counts_ = absl::StrJoin(row.counts, " ");
}

void AttemptCells::BindResults(soci::statement& statement) {
  for (std::string& text : texts_) statement.exchange(soci::into(text));
  for (Integer& number : numbers_) statement.exchange(soci::into(number));
}

void AttemptCells::BindValues(soci::statement& statement) {
  for (std::string& text : texts_) statement.exchange(soci::use(text));
  for (Integer& number : numbers_) statement.exchange(soci::use(number));
}

void AttemptCells::BindCounts(soci::statement& statement) {
  for (size_t i = 2; i < 10; ++i) statement.exchange(soci::use(numbers_[i]));
  statement.exchange(soci::use(numbers_[0]));
}

AttemptRow AttemptCells::Get() const {
  const auto& n = numbers_;
  AttemptRow row;
  row.run = texts_[0];
  row.key = n[0];
  row.stored = {.number = n[1],
                .attempt_id = texts_[1],
                .first_time_ns = n[2],
                .last_time_ns = n[3],
                .sample_count = n[4],
                .first_step = n[5],
                .last_step = n[6],
                .first_token_count = n[7],
                .last_token_count = n[8],
                .last_sequence = n[9]};
  for (size_t i = 0; i < kLevelCount; ++i) {
    row.levels[i] = {.sequence = n[10 + 2 * i], .time_ns = n[11 + 2 * i]};
  }
  return row;
}

void AttemptCells::Set(const AttemptRow& row) {
  const StoredAttempt& stored = row.stored;
  texts_ = {row.run, stored.attempt_id};
  numbers_ = {row.key,
              stored.number,
              stored.first_time_ns,
              stored.last_time_ns,
              stored.sample_count,
              stored.first_step,
              stored.last_step,
              stored.first_token_count,
              stored.last_token_count,
              stored.last_sequence};
  for (size_t i = 0; i < kLevelCount; ++i) {
    numbers_[10 + 2 * i] = row.levels[i].sequence;
    numbers_[11 + 2 * i] = row.levels[i].time_ns;
  }
}

void PrepareStatement(soci::statement& statement, const std::string& sql) {
  statement.alloc();
  statement.prepare(sql);
  statement.define_and_bind();
}

SampleRows::SampleRows(soci::session& session)
    : run_(session),
      find_run_(session),
      touch_run_(session),
      find_attempt_(session),
      new_attempt_(session),
      put_attempt_(session),
      put_counts_(session),
      due_attempts_(session),
      token_span_(session),
      insert_sample_(session),
      find_range_(session),
      first_since_(session),
      samples_(session),
      delete_samples_(session) {
  run_.BindResults(find_run_);
  find_run_.exchange(soci::use(name_));
  PrepareStatement(find_run_, absl::StrCat("SELECT ", kRunColumns, " FROM runs WHERE name = :run"));
  touch_run_.exchange(soci::use(last_));
  touch_run_.exchange(soci::use(name_));
  PrepareStatement(touch_run_, "UPDATE runs SET update_time_ns = :now WHERE name = :run");

  attempt_.BindResults(find_attempt_);
  find_attempt_.exchange(soci::use(name_));
  find_attempt_.exchange(soci::use(id_));
  PrepareStatement(find_attempt_,
                   absl::StrCat("SELECT ", kAttemptColumns,
                                " FROM run_attempts WHERE run = :run AND attempt_id = :id"));
  new_attempt_.exchange(soci::into(key_));
  new_attempt_.exchange(soci::into(first_));
  new_attempt_.exchange(soci::use(name_));
  PrepareStatement(new_attempt_,
                   "SELECT (SELECT COALESCE(MAX(attempt_key), 0) + 1 FROM run_attempts), "
                   "(SELECT COALESCE(MAX(number), 0) + 1 FROM run_attempts WHERE run = :run)");
  attempt_.BindValues(put_attempt_);
  PrepareStatement(
      put_attempt_,
      absl::StrCat("INSERT INTO run_attempts (", kAttemptColumns,
                   ") VALUES (:run, :id, :key, :number, :first_time, :last_time, :count, "
                   ":first_step, :last_step, :first_tokens, :last_tokens, :last_sequence, "
                   ":raw_sequence, :raw_time, :ten_sequence, :ten_time, :five_sequence, "
                   ":five_time) ON CONFLICT (attempt_key) DO UPDATE SET "
                   "first_time_ns = excluded.first_time_ns, last_time_ns = excluded.last_time_ns, "
                   "sample_count = excluded.sample_count, first_step = excluded.first_step, "
                   "last_step = excluded.last_step, "
                   "first_token_count = excluded.first_token_count, "
                   "last_token_count = excluded.last_token_count, "
                   "last_sequence = excluded.last_sequence, raw_sequence = excluded.raw_sequence, "
                   "raw_time_ns = excluded.raw_time_ns, "
                   "ten_second_sequence = excluded.ten_second_sequence, "
                   "ten_second_time_ns = excluded.ten_second_time_ns, "
                   "five_minute_sequence = excluded.five_minute_sequence, "
                   "five_minute_time_ns = excluded.five_minute_time_ns"));
  attempt_.BindCounts(put_counts_);
  PrepareStatement(put_counts_,
                   "UPDATE run_attempts SET first_time_ns = :first_time, "
                   "last_time_ns = :last_time, sample_count = :count, first_step = :first_step, "
                   "last_step = :last_step, first_token_count = :first_tokens, "
                   "last_token_count = :last_tokens, last_sequence = :last_sequence "
                   "WHERE attempt_key = :key");
  attempt_.BindResults(due_attempts_);
  for (Integer& cutoff : cutoffs_) due_attempts_.exchange(soci::use(cutoff));
  PrepareStatement(due_attempts_,
                   absl::StrCat("SELECT ", kAttemptColumns,
                                " FROM run_attempts WHERE raw_time_ns < :raw OR "
                                "ten_second_time_ns < :ten OR five_minute_time_ns < :five LIMIT ",
                                kDueAttempts));
  token_span_.exchange(soci::into(last_));
  token_span_.exchange(soci::use(name_));
  PrepareStatement(token_span_,
                   "SELECT COALESCE(SUM(last_token_count - first_token_count), 0) "
                   "FROM run_attempts WHERE run = :run");

  sample_.BindValues(insert_sample_);
  PrepareStatement(insert_sample_,
                   absl::StrCat("INSERT INTO run_samples (", kSampleColumns,
                                ") VALUES (:key, :sequence, :first, :count, :time, :step, :tokens, "
                                ":loss, :validation, :step_seconds, :tokens_per_second, :rate, "
                                ":norm, :noise, :peak, :not_finite, :counts)"));
  find_range_.exchange(soci::into(first_));
  find_range_.exchange(soci::into(last_));
  find_range_.exchange(soci::use(key_));
  find_range_.exchange(soci::use(limit_));
  PrepareStatement(find_range_,
                   "SELECT first_sequence, sequence FROM run_samples WHERE attempt_key = :key AND "
                   "sequence >= :sequence ORDER BY sequence LIMIT 1");
  first_since_.exchange(soci::into(first_));
  first_since_.exchange(soci::into(last_));
  first_since_.exchange(soci::use(key_));
  first_since_.exchange(soci::use(limit_));
  for (size_t i = 0; i < 2; ++i) first_since_.exchange(soci::use(cutoffs_[i]));
  PrepareStatement(first_since_,
                   "SELECT sequence, time_ns FROM run_samples WHERE attempt_key = :key AND "
                   "sequence > :sequence AND time_ns >= :cutoff AND time_ns <= :horizon "
                   "ORDER BY sequence LIMIT 1");
  sample_.BindResults(samples_);
  for (Integer* value : {&key_, &first_, &last_, &limit_}) samples_.exchange(soci::use(*value));
  PrepareStatement(samples_, absl::StrCat("SELECT ", kSampleColumns,
                                          " FROM run_samples WHERE attempt_key = :key AND "
                                          "sequence > :after AND sequence <= :last "
                                          "ORDER BY sequence LIMIT :count"));
  for (Integer* value : {&key_, &first_, &last_}) delete_samples_.exchange(soci::use(*value));
  PrepareStatement(delete_samples_,
                   "DELETE FROM run_samples WHERE attempt_key = :key AND sequence >= :first AND "
                   "sequence <= :last");
}

std::optional<StoredRun> SampleRows::FindRun(const std::string& name) {
  name_ = name;
  std::optional<StoredRun> found;
  ForEach(find_run_, [&] { found = run_.Get(); });
  return found;
}

void SampleRows::TouchRun(const std::string& name, int64_t now_ns) {
  name_ = name;
  last_ = now_ns;
  touch_run_.execute(true);
}

std::optional<AttemptRow> SampleRows::FindAttempt(const std::string& run,
                                                  const std::string& attempt_id) {
  name_ = run;
  id_ = attempt_id;
  std::optional<AttemptRow> found;
  ForEach(find_attempt_, [&] { found = attempt_.Get(); });
  return found;
}

AttemptRow SampleRows::NewAttempt(const std::string& run, const std::string& attempt_id) {
  name_ = run;
  AttemptRow row;
  row.run = run;
  row.stored.attempt_id = attempt_id;
  ForEach(new_attempt_, [&] {
    row.key = key_;
    row.stored.number = first_;
  });
  for (RollUpLevel& level : row.levels) level.time_ns = kNever;
  return row;
}

void SampleRows::PutAttempt(const AttemptRow& attempt) {
  attempt_.Set(attempt);
  put_attempt_.execute(true);
}

void SampleRows::PutAttemptCounts(const AttemptRow& attempt) {
  attempt_.Set(attempt);
  put_counts_.execute(true);
}

std::vector<AttemptRow> SampleRows::DueAttempts(
    const std::array<int64_t, kLevelCount>& cutoffs_ns) {
  for (size_t i = 0; i < kLevelCount; ++i) cutoffs_[i] = cutoffs_ns[i];
  std::vector<AttemptRow> due;
  ForEach(due_attempts_, [&] { due.push_back(attempt_.Get()); });
  return due;
}

int64_t SampleRows::TokenSpan(const std::string& run) {
  name_ = run;
  ForEach(token_span_, [] {});
  return last_;
}

void SampleRows::InsertSample(int64_t attempt_key, const SampleRow& row) {
  sample_.Set(attempt_key, row);
  insert_sample_.execute(true);
}

std::optional<SampleRows::Range> SampleRows::FindRange(int64_t attempt_key, int64_t sequence) {
  key_ = attempt_key;
  limit_ = sequence;
  std::optional<Range> found;
  ForEach(find_range_, [&] {
    if (first_ <= sequence) found = Range{first_, last_};
  });
  return found;
}

std::optional<SampleRows::Place> SampleRows::FirstSince(int64_t attempt_key, int64_t sequence,
                                                        int64_t cutoff_ns, int64_t horizon_ns) {
  key_ = attempt_key;
  limit_ = sequence;
  cutoffs_[0] = cutoff_ns;
  cutoffs_[1] = horizon_ns;
  std::optional<Place> found;
  ForEach(first_since_, [&] { found = Place{first_, last_}; });
  return found;
}

void SampleRows::ForEachSample(int64_t attempt_key, int64_t after, int64_t last, int64_t limit,
                               const std::function<void(const SampleRow&)>& visit) {
  key_ = attempt_key;
  first_ = after;
  last_ = last;
  limit_ = limit;
  ForEach(samples_, [&] { visit(sample_.Get()); });
}

void SampleRows::DeleteSamples(int64_t attempt_key, int64_t first, int64_t last) {
  key_ = attempt_key;
  first_ = first;
  last_ = last;
  delete_samples_.execute(true);
}

}  // namespace rhumb::daemon
