// SPDX-License-Identifier: Apache-2.0
#include "client/config/document.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

constexpr size_t kMaxShownText = 60;

}  // namespace

const DocumentValue* DocumentValue::Find(absl::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

std::string DocumentValue::Shown() const {
  switch (kind) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kBool:
      return boolean ? "true" : "false";
    case ValueKind::kInteger:
      return absl::StrCat(integer);
    case ValueKind::kNumber:
      return absl::StrCat(number);
    case ValueKind::kList:
      return "a list";
    case ValueKind::kTable:
      return "a table";
    case ValueKind::kText:
      break;
  }
  // Whatever the file holds ends on a terminal: control bytes are escaped, long text is cut.
  const bool is_long = text.size() > kMaxShownText;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxShownText)),
                      is_long ? "...\"" : "\"");
}

}  // namespace rhumb
