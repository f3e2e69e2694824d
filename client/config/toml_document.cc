// SPDX-License-Identifier: Apache-2.0
// ParseToml. The only file that includes toml++ (seconds to compile).
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

// A failed parse is a value, not an exception.
#define TOML_EXCEPTIONS 0
// 3.3.0 asserts that a key begins with a key character and then handles that it does not: with
// assertions a malformed file would end the program. Tests parse such files under AddressSanitizer.
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/config/document.h"

namespace rhumb {
namespace {

absl::Status ErrorAt(const toml::source_position& where, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", where.line, ", column ", where.column, ": ", message));
}

absl::StatusOr<DocumentValue> ConvertNode(const toml::node& node, int depth) {
  if (depth > kMaxDocumentDepth) {
    return ErrorAt(node.source().begin, absl::StrCat("nested deeper than ", kMaxDocumentDepth));
  }
  DocumentValue value;
  value.line = node.source().begin.line;
  value.column = node.source().begin.column;
  switch (node.type()) {
    case toml::node_type::boolean:
      value.kind = ValueKind::kBool;
      value.boolean = node.as_boolean()->get();
      return value;
    case toml::node_type::integer:
      value.kind = ValueKind::kInteger;
      value.integer = node.as_integer()->get();
      value.number = static_cast<double>(value.integer);
      return value;
    case toml::node_type::floating_point:
      value.kind = ValueKind::kNumber;
      value.number = node.as_floating_point()->get();
      return value;
    case toml::node_type::string:
      value.kind = ValueKind::kText;
      value.text = node.as_string()->get();
      return value;
    case toml::node_type::array:
      value.kind = ValueKind::kList;
      for (const toml::node& item : *node.as_array()) {
        absl::StatusOr<DocumentValue> converted = ConvertNode(item, depth + 1);
        if (!converted.ok()) return converted;
        value.items.push_back(*std::move(converted));
      }
      return value;
    case toml::node_type::table:
      value.kind = ValueKind::kTable;
      for (const auto& [key, member] : *node.as_table()) {
        absl::StatusOr<DocumentValue> converted = ConvertNode(member, depth + 1);
        if (!converted.ok()) return converted;
        value.keys.emplace_back(key.str());
        value.items.push_back(*std::move(converted));
        // The key's position: what "unknown key" and "wrong value" should point at.
        value.items.back().line = key.source().begin.line;
        value.items.back().column = key.source().begin.column;
      }
      return value;
    default: {  // dates and times: no key of ours takes one unquoted, their text makes the message
                // clear
      std::ostringstream text;
      text << toml::node_view<const toml::node>(node);
      value.kind = ValueKind::kText;
      value.text = text.str();
      return value;
    }
  }
}

}  // namespace

absl::StatusOr<DocumentValue> ParseToml(absl::string_view text) {
  const toml::parse_result parsed = toml::parse(std::string_view(text.data(), text.size()));
  if (!parsed) {
    const std::string_view description = parsed.error().description();
    return ErrorAt(parsed.error().source().begin,
                   absl::string_view(description.data(), description.size()));
  }
  return ConvertNode(parsed.table(), 0);
}

}  // namespace rhumb
