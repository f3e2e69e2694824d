// SPDX-License-Identifier: Apache-2.0
// JSON text as a tree of values, and how values and their places are named in errors. Knows no
// message: json_reader.h puts the values into fields.
#ifndef RHUMB_PROTO_JSON_JSON_TREE_H_
#define RHUMB_PROTO_JSON_JSON_TREE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

// A JSON value with numbers still as written, so that nothing is lost before the field's type is
// known.
struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool flag = false;
  std::string text = {};  // of a number as written, of a string decoded
  std::vector<JsonValue> items = {};
  std::vector<std::pair<std::string, JsonValue>> members = {};
};

// The value that `text` states. INVALID_ARGUMENT with line and column for what is no JSON, and with
// the path of the field for a key given twice, a number beyond a double, or nesting too deep.
absl::StatusOr<JsonValue> ParseJsonTree(absl::string_view text);

// "gpu_pools[0].count" of "gpu_pools[0]" and "count".
std::string JoinJsonPath(absl::string_view path, absl::string_view key);

// What is wrong with one field of a text; the path is empty where it is the whole text.
struct JsonRefusal {
  std::string path, problem;
};

// INVALID_ARGUMENT: "PATH PROBLEM". Path and problem ride along: see RefusalsOf.
absl::Status RefuseJson(absl::string_view path, absl::string_view problem);

// `refusals`, each a refusal of this library, as one: "PATH PROBLEM; PATH PROBLEM". OK if empty.
absl::Status JoinRefusals(const std::vector<absl::Status>& refusals);

// What a refusal of this library is about, field by field; empty for any other status.
std::vector<JsonRefusal> RefusalsOf(const absl::Status& status);

// Input quoted in an error, cut to a readable length at a character border.
std::string ExcerptOfJson(absl::string_view text);

// "12", "\"text\"", "an array": what was given, cut to a readable length.
std::string DescribeJson(const JsonValue& value);

}  // namespace rhumb

#endif  // RHUMB_PROTO_JSON_JSON_TREE_H_
