// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/csv_log.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/ingest/log_text.h"
#include "client/observations/csv_file.h"
#include "client/observations/number_cell.h"

namespace rhumb::ingest {
namespace {

using google::protobuf::FieldDescriptor;

// Besides the names of fields themselves.
std::string FieldOfTitle(const std::string& title) {
  static const auto& aliases =
      *new std::map<std::string, std::string>{{"tokens", "token_count"},
                                              {"loss", "loss_nats"},
                                              {"val_loss", "validation_loss_nats"},
                                              {"lr", "learning_rate"},
                                              {"grad_norm", "gradient_norm"},
                                              {"time", "sample_time"}};
  const std::string name = absl::AsciiStrToLower(title);
  const auto found = aliases.find(name);
  if (found != aliases.end()) return found->second;
  const FieldDescriptor* field = v1::RunSample::descriptor()->FindFieldByName(name);
  // Where a sample was stored before says nothing of where it goes now.
  const bool is_elsewhere = name == "sequence" || name == "attempt" || name == "sample_count";
  return field == nullptr || is_elsewhere ? "" : name;
}

bool IsNotFinite(const std::string& cell) {
  std::string text = absl::AsciiStrToLower(cell);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.erase(0, 1);
  return text == "nan" || text == "inf" || text == "infinity";
}

// Puts `cell` into the field called `name`; answers what is wrong, empty if nothing is.
std::string SetCell(const std::string& name, const std::string& cell, v1::RunSample& sample) {
  if (name == "sample_time") {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, cell, &time, &error)) {
      const std::optional<absl::Time> local = TimeIn(cell, absl::LocalTimeZone());
      if (!local.has_value()) {
        return absl::StrCat("must be a time as 2027-03-01T12:00:00Z, got ", ShownCell(cell));
      }
      time = *local;
    }
    SetTime(time, sample);
    return "";
  }
  if (name == "loss_not_finite") {
    const std::string text = absl::AsciiStrToLower(cell);
    if (text != "true" && text != "false") {
      return absl::StrCat("must be true or false, got ", ShownCell(cell));
    }
    if (text == "true") sample.set_loss_not_finite(true);
    return "";
  }
  if (name == "loss_nats" && IsNotFinite(cell)) {
    sample.set_loss_not_finite(true);
    return "";
  }
  const bool is_positive = name == "step_seconds" || name == "tokens_per_second" ||
                           name == "noise_scale_tokens" || name == "peak_memory_bytes";
  const absl::StatusOr<double> value = ReadNumberCell(
      cell, is_positive ? NumberRange::kPositive : NumberRange::kNotNegative, /*suffixes=*/true);
  if (!value.ok()) return std::string(value.status().message());
  const FieldDescriptor* field = v1::RunSample::descriptor()->FindFieldByName(name);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    const std::optional<int64_t> count = AsCount(*value);
    if (!count.has_value()) return absl::StrCat("must be a whole number, got ", ShownCell(cell));
    sample.GetReflection()->SetInt64(&sample, field, *count);
  } else {
    sample.GetReflection()->SetDouble(&sample, field, *value);
  }
  return "";
}

}  // namespace

absl::StatusOr<LineReading> CsvLog::ReadHeader(const std::vector<std::string>& titles) {
  for (const std::string& title : titles) {
    const std::string field = FieldOfTitle(title);
    if (!field.empty() && std::count(columns_.begin(), columns_.end(), field) > 0) {
      return absl::InvalidArgumentError(absl::StrCat("two columns are ", field));
    }
    columns_.push_back(field);
  }
  const auto has = [&](const char* field) {
    return std::count(columns_.begin(), columns_.end(), field) > 0;
  };
  if (!has("token_count") && !has("step")) {
    return absl::InvalidArgumentError(
        "the first line must name columns, among them token_count (tokens), or step together with "
        "--batch-tokens");
  }
  if (!has("token_count") && !facts_.global_batch_tokens.has_value()) {
    return absl::InvalidArgumentError(
        "--batch-tokens must be given: the table has steps and no token_count");
  }
  has_header_ = true;
  return LineReading();
}

absl::StatusOr<LineReading> CsvLog::ReadRow(const std::vector<std::string>& cells) const {
  LineReading reading;
  if (cells.size() != columns_.size()) {
    return Unreadable(
        absl::StrCat("has ", cells.size(), " cells, the first line has ", columns_.size()));
  }
  bool has_tokens = false, has_step = false;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (columns_[i].empty() || cells[i].empty()) continue;
    const std::string wrong = SetCell(columns_[i], cells[i], reading.sample);
    if (!wrong.empty()) return Unreadable(absl::StrCat("column ", columns_[i], ": ", wrong));
    has_tokens = has_tokens || columns_[i] == "token_count";
    has_step = has_step || columns_[i] == "step";
  }
  v1::RunSample& sample = reading.sample;
  const std::optional<int64_t>& batch = facts_.global_batch_tokens;
  if (!has_tokens) {
    if (!has_step || !batch.has_value()) return Unreadable("has no token_count");
    if (sample.step() > INT64_MAX / *batch) return Unreadable("more tokens than can be counted");
    sample.set_token_count(sample.step() * *batch);
  }
  if (!has_step) {
    // Steps are what attempts are told apart by; without them tokens do.
    sample.set_step(batch.has_value() ? sample.token_count() / *batch : 0);
  }
  if (batch.has_value() && sample.has_step_seconds() && !sample.has_tokens_per_second() &&
      sample.step_seconds() > 0) {
    sample.set_tokens_per_second(static_cast<double>(*batch) / sample.step_seconds());
  }
  const bool is_validation =
      sample.has_validation_loss_nats() && !sample.has_loss_nats() && !sample.loss_not_finite();
  reading.kind = is_validation ? LineKind::kValidation : LineKind::kTraining;
  return reading;
}

absl::StatusOr<LineReading> CsvLog::Read(absl::string_view line) {
  if (!line.empty() && line[0] == '#') return LineReading();
  if (!has_header_ && absl::StartsWith(line, "\xEF\xBB\xBF")) line.remove_prefix(3);
  std::vector<CsvRow> rows;
  const absl::Status read = ReadCsv(line, {}, [&](const CsvRow& row, size_t) {
    rows.push_back(row);
    return true;
  });
  if (!read.ok()) return Unreadable(std::string(read.message()));
  if (rows.empty()) return LineReading();
  if (!rows[0].fault.empty()) return Unreadable(rows[0].fault);
  return has_header_ ? ReadRow(rows[0].cells) : ReadHeader(rows[0].cells);
}

}  // namespace rhumb::ingest
