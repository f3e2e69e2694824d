// SPDX-License-Identifier: Apache-2.0
#include "client/config/field_reader.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/config/human_numbers.h"

namespace rhumb {

FieldReader::FieldReader(const DocumentValue& table, absl::string_view prefix,
                         QuotedNumbers quoted_numbers)
    : table_(table), prefix_(prefix), quoted_numbers_(quoted_numbers) {}

FieldReader::Found FieldReader::Find(Names names) const {
  for (const absl::string_view name : names) {
    if (const DocumentValue* value = table_.Find(name); value != nullptr) return {name, value};
  }
  return {*names.begin(), nullptr};
}

FieldReader::Found FieldReader::FindUnlessNull(Names names) const {
  for (const absl::string_view name : names) {
    const DocumentValue* value = table_.Find(name);
    if (value != nullptr && value->kind != ValueKind::kNull) return {name, value};
  }
  return {*names.begin(), nullptr};
}

void FieldReader::FailAt(const DocumentValue* where, absl::string_view message) {
  if (!status_.ok()) return;
  const bool has_position = where != nullptr && where->line > 0;
  status_ = absl::InvalidArgumentError(absl::StrCat(
      has_position ? absl::StrCat("line ", where->line, ", column ", where->column, ": ") : "",
      message));
}

void FieldReader::FailField(const DocumentValue* where, absl::string_view message) {
  FailAt(where, absl::StrCat(prefix_, message));
}

void FieldReader::Fail(absl::string_view name, absl::string_view message) {
  const DocumentValue* value = table_.Find(name);
  FailField(value != nullptr ? value : &table_, absl::StrCat(name, " ", message));
}

int64_t FieldReader::ReadInteger(const Found& found, int64_t min, int64_t max) {
  const DocumentValue& value = *found.value;
  std::optional<int64_t> integer;
  if (value.kind == ValueKind::kInteger) {
    integer = value.integer;
  } else if (value.kind == ValueKind::kNumber && value.number == std::floor(value.number) &&
             std::abs(value.number) < 9e18) {
    integer = static_cast<int64_t>(value.number);  // 4096.0 and 4.096e3 are integers, too
  } else if (value.kind == ValueKind::kText && quoted_numbers_ == QuotedNumbers::kPlain) {
    int64_t parsed = 0;
    if (absl::SimpleAtoi(value.text, &parsed)) integer = parsed;
  } else if (value.kind == ValueKind::kText && quoted_numbers_ == QuotedNumbers::kHuman) {
    if (const absl::StatusOr<int64_t> parsed = ParseIntegerCount(value.text); parsed.ok())
      integer = *parsed;
  }
  if (!integer.has_value() || *integer < min || *integer > max) {
    FailField(&value, absl::StrCat(found.name, " must be an integer from ", min, " to ", max,
                                   ", got ", value.Shown()));
    return min;
  }
  return *integer;
}

int64_t FieldReader::Integer(Names names, int64_t min) {
  const Found found = Find(names);
  if (found.value == nullptr) {
    FailField(&table_, absl::StrCat(found.name, " is missing"));
    return min;
  }
  return ReadInteger(found, min, kMaxInteger);
}

int64_t FieldReader::IntegerOr(Names names, int64_t min, int64_t default_value) {
  return OptionalInteger(names, min).value_or(default_value);
}

std::optional<int64_t> FieldReader::OptionalInteger(Names names, int64_t min, int64_t max) {
  const Found found = FindUnlessNull(names);
  if (found.value == nullptr) return std::nullopt;
  return ReadInteger(found, min, max);
}

std::optional<double> FieldReader::OptionalNumber(Names names) {
  const Found found = FindUnlessNull(names);
  if (found.value == nullptr) return std::nullopt;
  const DocumentValue& value = *found.value;
  const bool is_number = value.kind == ValueKind::kInteger || value.kind == ValueKind::kNumber;
  if (is_number && std::isfinite(value.number) && value.number >= 0) return value.number;
  FailField(&value, absl::StrCat(found.name, " must be a finite number at or above 0, got ",
                                 value.Shown()));
  return std::nullopt;
}

std::optional<double> FieldReader::OptionalUsd(Names names) {
  const Found found = FindUnlessNull(names);
  if (found.value == nullptr || found.value->kind != ValueKind::kText ||
      quoted_numbers_ != QuotedNumbers::kHuman) {
    return OptionalNumber(names);
  }
  const absl::StatusOr<double> usd = ParseUsd(found.value->text);
  if (usd.ok()) return *usd;
  FailField(found.value, absl::StrCat(found.name, ": ", usd.status().message()));
  return std::nullopt;
}

std::optional<double> FieldReader::OptionalDuration(Names names) {
  const Found found = FindUnlessNull(names);
  if (found.value == nullptr) return std::nullopt;
  const DocumentValue& value = *found.value;
  if (value.kind == ValueKind::kText) {
    const absl::StatusOr<double> seconds = ParseDuration(value.text, std::nullopt);
    if (seconds.ok()) return *seconds;
    FailField(&value, absl::StrCat(found.name, ": ", seconds.status().message()));
    return std::nullopt;
  }
  const bool is_number = value.kind == ValueKind::kInteger || value.kind == ValueKind::kNumber;
  if (is_number && std::isfinite(value.number) && value.number > 0) return value.number;
  FailField(&value,
            absl::StrCat(found.name,
                         " must be a positive number of seconds or a text such as \"24h\", got ",
                         value.Shown()));
  return std::nullopt;
}

bool FieldReader::FlagOr(Names names, bool default_value) {
  const Found found = FindUnlessNull(names);
  if (found.value == nullptr) return default_value;
  if (found.value->kind == ValueKind::kBool) return found.value->boolean;
  FailField(found.value,
            absl::StrCat(found.name, " must be true or false, got ", found.value->Shown()));
  return default_value;
}

std::string FieldReader::Text(Names names) {
  const Found found = Find(names);
  if (found.value == nullptr) {
    FailField(&table_, absl::StrCat(found.name, " is missing"));
    return "";
  }
  if (found.value->kind != ValueKind::kText || found.value->text.empty()) {
    FailField(found.value, absl::StrCat(found.name, " must be a text that is not empty, got ",
                                        found.value->Shown()));
    return "";
  }
  return found.value->text;
}

std::optional<std::string> FieldReader::OptionalText(Names names) {
  if (FindUnlessNull(names).value == nullptr) return std::nullopt;
  return Text(names);
}

const DocumentValue* FieldReader::OptionalList(absl::string_view name) {
  const Found found = FindUnlessNull({name});
  if (found.value == nullptr || found.value->kind == ValueKind::kList) return found.value;
  FailField(found.value, absl::StrCat(name, " must be a list, got ", found.value->Shown()));
  return nullptr;
}

void FieldReader::RefuseUnknownKeys(const std::vector<absl::string_view>& allowed) {
  for (size_t i = 0; i < table_.keys.size(); ++i) {
    const std::string& key = table_.keys[i];
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    FailAt(&table_.items[i], absl::StrCat("unknown key \"", prefix_, absl::CHexEscape(key),
                                          "\"; allowed are ", absl::StrJoin(allowed, ", ")));
  }
}

}  // namespace rhumb
