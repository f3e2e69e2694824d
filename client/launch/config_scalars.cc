// SPDX-License-Identifier: Apache-2.0
#include "client/launch/config_scalars.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/config/document.h"

namespace rhumb::launch {
namespace {

// nullopt of null, tables, and lists of anything but scalars.
std::optional<std::string> ScalarText(const DocumentValue& value) {
  switch (value.kind) {
    case ValueKind::kText:
      return value.text;
    case ValueKind::kBool:
      return value.boolean ? "true" : "false";
    case ValueKind::kInteger:
      return absl::StrCat(value.integer);
    case ValueKind::kNumber:
      return absl::StrCat(value.number);
    case ValueKind::kList: {
      std::vector<std::string> items;
      for (const DocumentValue& item : value.items) {
        std::optional<std::string> text =
            item.kind == ValueKind::kList ? std::nullopt : ScalarText(item);
        if (!text.has_value()) return std::nullopt;
        items.push_back(*std::move(text));
      }
      return absl::StrJoin(items, ",");
    }
    case ValueKind::kNull:
    case ValueKind::kTable:
      return std::nullopt;
  }
  return std::nullopt;
}

// The scalars of a tree by path.
void Flatten(const DocumentValue& value, const std::string& prefix, ConfigScalars& scalars) {
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const DocumentValue& item = value.items[i];
    const std::string path = absl::StrCat(prefix, value.keys[i]);
    if (item.kind == ValueKind::kTable) {
      Flatten(item, absl::StrCat(path, "."), scalars);
    } else if (std::optional<std::string> text = ScalarText(item)) {
      scalars[path] = {*std::move(text), static_cast<int>(item.line)};
    }
  }
}

absl::StatusOr<ConfigScalars> ScalarsOf(const absl::StatusOr<DocumentValue>& document) {
  if (!document.ok()) return document.status();
  ConfigScalars scalars;
  Flatten(*document, "", scalars);
  return scalars;
}

}  // namespace

absl::StatusOr<ConfigScalars> JsonScalars(absl::string_view text) {
  return ScalarsOf(ParseJson(text));
}

absl::StatusOr<ConfigScalars> TomlScalars(absl::string_view text) {
  return ScalarsOf(ParseToml(text));
}

ScalarReader::ScalarReader(const ConfigScalars& scalars, const std::string& path, JobFacts& facts)
    : facts_(facts) {
  for (const auto& [key, scalar] : scalars) {
    const std::string place = scalar.line > 0 ? absl::StrCat(":", scalar.line) : "";
    facts_by_key_[key] = {scalar.text, 0, absl::StrCat(path, place, ": ", key, ": ", scalar.text)};
  }
}

std::optional<Fact<std::string>> ScalarReader::Text(const std::string& key) const {
  read_.insert(key);
  const auto found = facts_by_key_.find(key);
  if (found == facts_by_key_.end()) return std::nullopt;
  const std::string& text = found->second.value;
  if (text.empty() || text == "null" || text == "auto") return std::nullopt;
  return found->second;
}

std::optional<Fact<int64_t>> ScalarReader::Integer(const std::string& key, int64_t minimum,
                                                   const std::vector<Remedy>& instead) const {
  const std::optional<Fact<std::string>> text = Text(key);
  if (!text.has_value()) return std::nullopt;
  int64_t value = 0;
  if (absl::SimpleAtoi(text->value, &value) && value >= minimum) {
    return Fact<int64_t>{value, 0, text->text};
  }
  facts_.not_read.push_back(
      {0, text->text, absl::StrCat("must be a whole number of at least ", minimum), instead});
  return std::nullopt;
}

bool ScalarReader::IsTrue(const std::string& key) const {
  const std::optional<Fact<std::string>> text = Text(key);
  if (!text.has_value()) return false;
  const std::string lower = absl::AsciiStrToLower(text->value);
  return lower == "true" || lower == "yes" || lower == "on" || lower == "1";
}

std::map<std::string, Fact<std::string>> ScalarReader::Unread() const {
  std::map<std::string, Fact<std::string>> unread;
  for (const auto& [key, fact] : facts_by_key_) {
    if (read_.count(key) == 0) unread.emplace(key, fact);
  }
  return unread;
}

void ScalarReader::RefuseAboveOne(const std::string& key, absl::string_view reason) const {
  const std::optional<Fact<int64_t>> value = Integer(key, 0, {});
  if (value.has_value() && value->value > 1) {
    facts_.not_read.push_back({value->line, value->text, std::string(reason)});
  }
}

}  // namespace rhumb::launch
