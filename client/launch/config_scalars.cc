// SPDX-License-Identifier: Apache-2.0
#include "client/launch/config_scalars.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/config/document.h"

namespace rhumb::launch {
namespace {

// The scalars of a tree by path.
void Flatten(const DocumentValue& value, const std::string& prefix, ConfigScalars& scalars) {
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const DocumentValue& item = value.items[i];
    const std::string path = absl::StrCat(prefix, value.keys[i]);
    const int line = static_cast<int>(item.line);
    switch (item.kind) {
      case ValueKind::kTable:
        Flatten(item, absl::StrCat(path, "."), scalars);
        break;
      case ValueKind::kText:
        scalars[path] = {item.text, line};
        break;
      case ValueKind::kBool:
        scalars[path] = {item.boolean ? "true" : "false", line};
        break;
      case ValueKind::kInteger:
        scalars[path] = {absl::StrCat(item.integer), line};
        break;
      case ValueKind::kNumber:
        scalars[path] = {absl::StrCat(item.number), line};
        break;
      case ValueKind::kNull:
      case ValueKind::kList:
        break;
    }
  }
}

}  // namespace

std::optional<ConfigScalars> JsonScalars(absl::string_view text, const std::string& path,
                                         JobFacts& facts) {
  const absl::StatusOr<DocumentValue> document = ParseJson(text);
  if (!document.ok()) {
    facts.not_read.push_back({0, path, std::string(document.status().message()), {kSayZeroStage}});
    return std::nullopt;
  }
  ConfigScalars scalars;
  Flatten(*document, "", scalars);
  return scalars;
}

ScalarReader::ScalarReader(ConfigScalars scalars, std::string path, JobFacts& facts)
    : scalars_(std::move(scalars)), path_(std::move(path)), facts_(facts) {}

std::optional<Fact<std::string>> ScalarReader::Text(const std::string& key) const {
  const auto found = scalars_.find(key);
  if (found == scalars_.end()) return std::nullopt;
  const ConfigScalar& scalar = found->second;
  if (scalar.text.empty() || scalar.text == "null" || scalar.text == "auto") return std::nullopt;
  const std::string place = scalar.line > 0 ? absl::StrCat(":", scalar.line) : "";
  return Fact<std::string>{scalar.text, 0,
                           absl::StrCat(path_, place, ": ", key, ": ", scalar.text)};
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

void ScalarReader::RefuseAboveOne(const std::string& key, absl::string_view reason) const {
  const std::optional<Fact<int64_t>> value = Integer(key, 0, {});
  if (value.has_value() && value->value > 1) {
    facts_.not_read.push_back({0, value->text, std::string(reason)});
  }
}

}  // namespace rhumb::launch
