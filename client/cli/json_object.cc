// SPDX-License-Identifier: Apache-2.0
#include "client/cli/json_object.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {

JsonObject& JsonObject::Json(absl::string_view key, absl::string_view json) {
  absl::StrAppend(&members_, members_.empty() ? "" : ", ", QuoteJson(std::string(key)), ": ", json);
  return *this;
}

JsonObject& JsonObject::Text(absl::string_view key, const std::string& value) {
  return Json(key, QuoteJson(value));
}

JsonObject& JsonObject::Number(absl::string_view key, double value) {
  return Json(key, PrintJsonNumber(value));
}

JsonObject& JsonObject::Number(absl::string_view key, const std::optional<double>& value) {
  return value.has_value() ? Number(key, *value) : *this;
}

JsonObject& JsonObject::Integer(absl::string_view key, int64_t value) {
  return Json(key, absl::StrCat(value));
}

JsonObject& JsonObject::Bool(absl::string_view key, bool value) {
  return Json(key, value ? "true" : "false");
}

std::string JsonObject::str() const { return absl::StrCat("{", members_, "}"); }

std::string WithMember(absl::string_view object, absl::string_view key, absl::string_view json) {
  absl::ConsumeSuffix(&object, "}");
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(object), ",\n  ",
                      QuoteJson(std::string(key)), ": ", json, "\n}");
}

std::string JsonList(const std::vector<std::string>& items) {
  if (items.empty()) return "[]";
  return absl::StrCat("[\n    ", absl::StrJoin(items, ",\n    "), "\n  ]");
}

}  // namespace rhumb::cli
