// SPDX-License-Identifier: Apache-2.0
#include "client/cli/observation_import.h"

#include <csignal>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/format.h"
#include "client/cli/output.h"
#include "google/protobuf/util/time_util.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// Rows of one message: some hundred kilobytes, far below any limit.
constexpr int kRowsPerMessage = 5000;

v1::Observation Message(const Observation& row, int64_t line) {
  v1::Observation message;
  message.set_param_count(row.param_count);
  message.set_token_count(row.token_count);
  message.set_loss_nats(row.loss_nats);
  if (row.training_flops.has_value()) message.set_training_flops(*row.training_flops);
  if (row.unique_token_count.has_value()) message.set_unique_token_count(*row.unique_token_count);
  if (row.global_batch_tokens.has_value()) {
    message.set_global_batch_tokens(*row.global_batch_tokens);
  }
  if (row.learning_rate.has_value()) message.set_learning_rate(*row.learning_rate);
  if (row.step_count.has_value()) message.set_step_count(*row.step_count);
  if (row.schedule_fraction.has_value()) message.set_schedule_fraction(*row.schedule_fraction);
  if (row.weight != 1) message.set_weight(row.weight);
  message.set_run(row.run);
  message.set_line(line);
  return message;
}

// Every line of `text` behind the file's name.
absl::Status OfFile(const std::string& file, absl::string_view text) {
  const std::string prefix = absl::StrCat(file, ": ");
  return absl::InvalidArgumentError(
      absl::StrCat(prefix, absl::StrReplaceAll(text, {{"\n", absl::StrCat("\n", prefix)}})));
}

volatile std::sig_atomic_t g_interrupted = 0;

void OnInterrupt(int) {
  g_interrupted = 1;
  // Who presses twice does not want to wait.
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

absl::StatusOr<ObservationRows> ReadRows(const std::string& path, const TableQuestion& question,
                                         ProgressBar& progress) {
  ObservationRows rows;
  rows.file = path == "-" ? "stdin" : path;
  absl::StatusOr<std::string> text = ReadObservationText(path);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  ObservationFileOptions options = question.file;
  options.progress = [&](double fraction) { progress.Show(fraction, "reading"); };
  absl::StatusOr<ObservationTable> table = ParseObservations(*text, options);
  progress.Clear();
  if (!table.ok()) return OfFile(rows.file, table.status().message());
  if (table->bad_row_count > 0 && !question.skip_bad_rows) {
    return OfFile(
        rows.file,
        absl::StrCat(DescribeBadRows(*table), "\n", Counted(table->bad_row_count, "bad row"),
                     "; --skip-bad-rows leaves them out, --where chooses rows"));
  }
  if (table->observations.empty()) {
    return OfFile(rows.file, absl::StrCat(DescribeBadRows(*table), "\nno row is sound"));
  }
  rows.skipped_count = table->bad_row_count;
  rows.filtered_count = table->filtered_row_count;
  rows.observations.Reserve(static_cast<int>(table->observations.size()));
  for (size_t i = 0; i < table->observations.size(); ++i) {
    *rows.observations.Add() = Message(table->observations[i], table->lines[i]);
  }
  return rows;
}

void RemarkOnRows(const ObservationRows& rows, const Invocation& invocation, Context& context) {
  if (rows.skipped_count > 0) {
    Remark(invocation, context,
           absl::StrCat(rows.file, ": skipped ", Counted(rows.skipped_count, "bad row"), " of ",
                        rows.skipped_count + rows.observations.size() + rows.filtered_count));
  }
  if (rows.filtered_count > 0) {
    Remark(invocation, context,
           absl::StrCat(rows.file, ": --where leaves out ", Counted(rows.filtered_count, "row"),
                        ", ", rows.observations.size(), " are used"));
  }
}

absl::StatusOr<TemporarySet> TemporarySet::Import(client::Client& client,
                                                  const ObservationRows& rows,
                                                  const v1::ImportObservationsRequest& header,
                                                  double now_unix_seconds, ProgressBar& progress) {
  std::vector<v1::ImportObservationsRequest> messages(1, header);
  v1::ObservationSet& first = *messages[0].mutable_observation_set();
  if (first.source().empty()) {
    // The folder is the person's business, the name is what tells tables apart.
    first.set_source(rows.file.substr(rows.file.rfind('/') + 1));
  }
  for (const v1::Observation& row : rows.observations) {
    if (messages.back().observations_size() == kRowsPerMessage) messages.emplace_back();
    *messages.back().add_observations() = row;
  }
  progress.Show(0, "importing");
  RHUMB_ASSIGN_OR_RETURN(v1::ObservationSet set, client.ImportObservations(messages));
  progress.Clear();
  // The same content may have been there before; then it is not ours to delete. A clock that
  // differs from the daemon's by more than a moment makes this err on the side of keeping.
  const double created =
      google::protobuf::util::TimeUtil::TimestampToMicroseconds(set.create_time()) / 1e6;
  return TemporarySet(client, std::move(set), created >= now_unix_seconds);
}

TemporarySet::~TemporarySet() {
  if (!owned_) return;
  v1::DeleteObservationsRequest request;
  request.set_name(set_.name());
  // Without force: a law that meanwhile rests on the set keeps it.
  client_->DeleteObservations(request).IgnoreError();
}

InterruptWatch::InterruptWatch() {
  g_interrupted = 0;
  previous_ = std::signal(SIGINT, OnInterrupt);
}

InterruptWatch::~InterruptWatch() { std::signal(SIGINT, previous_); }

bool InterruptWatch::interrupted() { return g_interrupted != 0; }

}  // namespace rhumb::cli
