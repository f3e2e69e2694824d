// SPDX-License-Identifier: Apache-2.0
// Samples from a table with a header.
#ifndef RHUMB_CLIENT_INGEST_CSV_LOG_H_
#define RHUMB_CLIENT_INGEST_CSV_LOG_H_

#include <string>
#include <vector>

#include "client/ingest/log_parser.h"

namespace rhumb::ingest {

// The first line names the columns, in any order: fields of RunSample (run_progress.proto), which
// `rhumb run log -o csv` prints, or tokens, loss, val_loss, lr, grad_norm, time. Others are passed
// over. A row needs a token_count, or a step and global_batch_tokens. Empty cells are not given;
// nan, inf and -inf as a loss are loss_not_finite. Quotes as in RFC 4180, but no line feed in
// cells.
class CsvLog final : public LogParser {
 public:
  using LogParser::LogParser;
  absl::StatusOr<LineReading> Read(absl::string_view line) override;

 private:
  absl::StatusOr<LineReading> ReadHeader(const std::vector<std::string>& titles);
  absl::StatusOr<LineReading> ReadRow(const std::vector<std::string>& cells) const;

  std::vector<std::string> columns_;  // field of each column; empty: passed over
  bool has_header_ = false;
};

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_CSV_LOG_H_
