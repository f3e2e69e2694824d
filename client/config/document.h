// SPDX-License-Identifier: Apache-2.0
// A configuration text (TOML or JSON) as a tree of plain values that know where they stood. It
// hides the two parsers, whose headers are slow to compile, and is not a general JSON library:
// dates become text.
#ifndef RHUMB_CLIENT_CONFIG_DOCUMENT_H_
#define RHUMB_CLIENT_CONFIG_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

enum class ValueKind { kNull, kBool, kInteger, kNumber, kText, kList, kTable };

struct DocumentValue {
  ValueKind kind = ValueKind::kNull;
  bool boolean = false;
  int64_t integer = 0;  // kInteger
  double number = 0;    // kNumber; of kInteger, too
  std::string text;     // kText
  std::vector<DocumentValue>
      items;  // of a list, or the members' values of a table in the order of `keys`
  std::vector<std::string> keys;  // of a table, unique
  // From 1; 0 where the parser does not say (JSON). Of a table's member, where its value begins.
  int64_t line = 0;
  int64_t column = 0;

  // The member called `key`, or null.
  const DocumentValue* Find(absl::string_view key) const;
  // "null", "true", "12", "\"text\"", "a list", "a table": how messages show what was given.
  std::string Shown() const;
};

// The table `text` states. INVALID_ARGUMENT with line and column of the first syntax error, a key
// given twice, a number beyond the range of its type, or nesting deeper than 64.
absl::StatusOr<DocumentValue> ParseToml(absl::string_view text);

// As ParseToml, for JSON: `text` must be one object. NaN and infinities are no JSON and are
// refused.
absl::StatusOr<DocumentValue> ParseJson(absl::string_view text);

// At most this deep may tables and lists nest.
inline constexpr int kMaxDocumentDepth = 64;

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_DOCUMENT_H_
