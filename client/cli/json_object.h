// SPDX-License-Identifier: Apache-2.0
// JSON of answers that are no message, a member at a time: the same keys, numbers and absence as
// PrintJson.
#ifndef RHUMB_CLIENT_CLI_JSON_OBJECT_H_
#define RHUMB_CLIENT_CLI_JSON_OBJECT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::cli {

class JsonObject {
 public:
  JsonObject& Text(absl::string_view key, const std::string& value);
  JsonObject& Number(absl::string_view key, double value);
  // Absent where there is no value.
  JsonObject& Number(absl::string_view key, const std::optional<double>& value);
  JsonObject& Integer(absl::string_view key, int64_t value);
  JsonObject& Bool(absl::string_view key, bool value);
  // `json` as it stands: an object or a list.
  JsonObject& Json(absl::string_view key, absl::string_view json);

  // "{...}" on one line.
  std::string str() const;

 private:
  std::string members_;
};

// `object`, which is a JSON object over several lines, with one member more.
std::string WithMember(absl::string_view object, absl::string_view key, absl::string_view json);

// "[...]", one item a line.
std::string JsonList(const std::vector<std::string>& items);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_JSON_OBJECT_H_
