// SPDX-License-Identifier: Apache-2.0
#include "client/cli/observation_import.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/format.h"
#include "client/cli/output.h"
#include "planner/status_macros.h"
#include "proto/convert/observation_message.h"

namespace rhumb::cli {
namespace {

// Rows of one message: some hundred kilobytes, far below any limit.
constexpr int kRowsPerMessage = 5000;
// Beyond the time that a call may take: nobody fits for so long without saying so by --timeout.
constexpr double kLeastLifetimeSeconds = 3600;
constexpr double kMostLifetimeSeconds = 365 * 86400.0;

// Every line of `text` behind the file's name.
absl::Status OfFile(const std::string& file, absl::string_view text) {
  const std::string prefix = absl::StrCat(file, ": ");
  return absl::InvalidArgumentError(
      absl::StrCat(prefix, absl::StrReplaceAll(text, {{"\n", absl::StrCat("\n", prefix)}})));
}

}  // namespace

absl::StatusOr<ObservationRows> ReadRows(const std::string& path, const TableQuestion& question,
                                         std::optional<double> timeout_seconds,
                                         ProgressBar& progress) {
  ObservationRows rows;
  rows.file = path == "-" ? "stdin" : path;
  absl::StatusOr<std::string> text = ReadObservationText(path, timeout_seconds);
  if (absl::IsDeadlineExceeded(text.status())) return text.status();
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
    v1::Observation& row = *rows.observations.Add();
    row = convert::ToProto(table->observations[i]);
    row.set_line(table->lines[i]);
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
                                                  std::optional<double> timeout_seconds,
                                                  ProgressBar& progress) {
  std::vector<v1::ImportObservationsRequest> messages(1, header);
  v1::ObservationSet& first = *messages[0].mutable_observation_set();
  if (first.source().empty()) {
    // The folder is the person's business, the name is what tells tables apart.
    first.set_source(rows.file.substr(rows.file.rfind('/') + 1));
  }
  messages[0].set_lifetime_seconds(
      std::min(kLeastLifetimeSeconds + timeout_seconds.value_or(0), kMostLifetimeSeconds));
  for (const v1::Observation& row : rows.observations) {
    if (messages.back().observations_size() == kRowsPerMessage) messages.emplace_back();
    *messages.back().add_observations() = row;
  }
  progress.Show(0, "importing");
  RHUMB_ASSIGN_OR_RETURN(v1::ObservationSet set, client.ImportObservations(messages));
  progress.Clear();
  return TemporarySet(client, std::move(set));
}

TemporarySet::~TemporarySet() {
  if (!owned_) return;
  v1::DeleteObservationsRequest request;
  request.set_name(set_.name());
  // Not deleted outright: another command may work on the same rows, or a law rest on them.
  request.set_release(true);
  client_->DeleteObservations(request).IgnoreError();
}

}  // namespace rhumb::cli
