// SPDX-License-Identifier: Apache-2.0
#include "client/cli/output.h"

#include <unistd.h>

#include <cstddef>
#include <iostream>
#include <map>
#include <ostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/config/document.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

std::string Scalar(const DocumentValue& value) {
  switch (value.kind) {
    case ValueKind::kBool:
      return value.boolean ? "true" : "false";
    case ValueKind::kInteger:
      return absl::StrCat(value.integer);
    case ValueKind::kNumber:
      return PrintJsonNumber(value.number);
    default:
      return "null";
  }
}

bool IsContainer(const DocumentValue& value) {
  return value.kind == ValueKind::kList || value.kind == ValueKind::kTable;
}

// --- YAML 1.2 in block style. Texts are double-quoted, which reads back alike in YAML 1.1 and 1.2.

// Field names need no quotes; keys of maps (symbols of a law) do where YAML 1.1 reads a boolean, as
// in "n".
std::string YamlKey(const std::string& key) {
  for (const char* reserved : {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}) {
    if (absl::EqualsIgnoreCase(key, reserved)) return QuoteJson(key);
  }
  for (const char c : key) {
    if (!absl::ascii_isalnum(c) && c != '_') return QuoteJson(key);
  }
  return key.empty() || absl::ascii_isdigit(key[0]) ? QuoteJson(key) : key;
}

void AppendYaml(const DocumentValue& value, int indent, std::string& text);

// What stands behind "key:" or "-", up to and including the line feed.
void AppendYamlValue(const DocumentValue& value, int indent, std::string& text) {
  if (value.kind == ValueKind::kText) {
    absl::StrAppend(&text, " ", QuoteJson(value.text), "\n");
  } else if (!IsContainer(value)) {
    absl::StrAppend(&text, " ", Scalar(value), "\n");
  } else if (value.items.empty()) {
    absl::StrAppend(&text, value.kind == ValueKind::kList ? " []\n" : " {}\n");
  } else {
    text += '\n';
    AppendYaml(value, indent, text);
  }
}

void AppendYaml(const DocumentValue& value, int indent, std::string& text) {
  const std::string blanks(indent, ' ');
  for (size_t i = 0; i < value.items.size(); ++i) {
    const DocumentValue& item = value.items[i];
    if (value.kind == ValueKind::kTable) {
      absl::StrAppend(&text, blanks, YamlKey(value.keys[i]), ":");
      AppendYamlValue(item, indent + 2, text);
    } else if (item.kind == ValueKind::kTable && !item.items.empty()) {
      std::string block;
      AppendYaml(item, indent + 2, block);
      block[indent] = '-';  // the first key stands on the dash's line
      text += block;
    } else {
      absl::StrAppend(&text, blanks, "-");
      AppendYamlValue(item, indent + 2, text);
    }
  }
}

// --- CSV

std::string CompactJson(const DocumentValue& value) {
  if (value.kind == ValueKind::kText) return QuoteJson(value.text);
  if (!IsContainer(value)) return Scalar(value);
  std::vector<std::string> parts;
  for (size_t i = 0; i < value.items.size(); ++i) {
    const std::string item = CompactJson(value.items[i]);
    parts.push_back(
        value.kind == ValueKind::kTable ? absl::StrCat(QuoteJson(value.keys[i]), ":", item) : item);
  }
  const std::string inside = absl::StrJoin(parts, ",");
  return value.kind == ValueKind::kTable ? absl::StrCat("{", inside, "}")
                                         : absl::StrCat("[", inside, "]");
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

using CsvRow = std::vector<std::pair<std::string, std::string>>;  // column, cell

void Flatten(const DocumentValue& value, const std::string& prefix, CsvRow& row) {
  for (size_t i = 0; i < value.items.size(); ++i) {
    const DocumentValue& item = value.items[i];
    const std::string column =
        prefix.empty() ? value.keys[i] : absl::StrCat(prefix, ".", value.keys[i]);
    if (item.kind == ValueKind::kTable) {
      Flatten(item, column, row);
    } else {
      row.emplace_back(column, item.kind == ValueKind::kText   ? item.text
                               : item.kind == ValueKind::kList ? CompactJson(item)
                                                               : Scalar(item));
    }
  }
}

}  // namespace

std::vector<std::string> OutputFormats() {
  return {"table", "wide", "json", "yaml", "csv", "name"};
}

absl::StatusOr<OutputOptions> ReadOutputOptions(const Invocation& invocation) {
  OutputOptions options;
  const std::string name = invocation.Value("output", invocation.Has("json") ? "json" : "table");
  const std::vector<std::string> formats = OutputFormats();
  size_t index = 0;
  while (index < formats.size() && formats[index] != name) ++index;
  if (index == formats.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output: \"", name, "\" is not one of ", absl::StrJoin(formats, ", ")));
  }
  options.format = static_cast<OutputFormat>(index);
  if (invocation.Has("json") && options.format != OutputFormat::kJson) {
    return absl::InvalidArgumentError(absl::StrCat("--json contradicts --output ", name));
  }
  const bool is_table =
      options.format == OutputFormat::kTable || options.format == OutputFormat::kWide;
  if (invocation.Has("parsable") && !is_table) {
    return absl::InvalidArgumentError(absl::StrCat("--parsable contradicts --output ", name));
  }
  options.table = {.wide = options.format == OutputFormat::kWide,
                   .header = !invocation.Has("noheader"),
                   .parsable = invocation.Has("parsable")};
  return options;
}

absl::StatusOr<std::string> YamlOfJson(absl::string_view json) {
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue tree, ParseJson(json));
  std::string text;
  AppendYaml(tree, 0, text);
  return tree.items.empty() ? "{}\n" : text;
}

absl::StatusOr<std::string> CsvOfJson(absl::string_view json, bool header) {
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue tree, ParseJson(json));
  const bool is_list =
      !tree.items.empty() && tree.items[0].kind == ValueKind::kList &&
      (tree.items[0].items.empty() || tree.items[0].items[0].kind == ValueKind::kTable);
  std::vector<CsvRow> rows;
  if (is_list) {
    for (const DocumentValue& item : tree.items[0].items) Flatten(item, "", rows.emplace_back());
  } else {
    Flatten(tree, "", rows.emplace_back());
  }
  std::vector<std::string> columns;
  std::map<std::string, size_t> index;
  for (const CsvRow& row : rows) {
    for (const auto& [column, cell] : row) {
      if (index.emplace(column, columns.size()).second) columns.push_back(column);
    }
  }
  std::string text;
  if (header && !columns.empty()) {
    std::vector<std::string> titles;
    for (const std::string& column : columns) titles.push_back(CsvCell(column));
    absl::StrAppend(&text, absl::StrJoin(titles, ","), "\n");
  }
  for (const CsvRow& row : rows) {
    std::vector<std::string> cells(columns.size());
    for (const auto& [column, cell] : row) cells[index.at(column)] = CsvCell(cell);
    absl::StrAppend(&text, absl::StrJoin(cells, ","), "\n");
  }
  return text;
}

absl::Status WriteJson(absl::string_view json, const OutputOptions& options,
                       const std::function<std::string()>& table,
                       const std::vector<std::string>& names, Context& context) {
  std::string text;
  switch (options.format) {
    case OutputFormat::kTable:
    case OutputFormat::kWide:
      text = table();
      break;
    case OutputFormat::kJson:
      text = absl::StrCat(json, "\n");
      break;
    case OutputFormat::kYaml: {
      RHUMB_ASSIGN_OR_RETURN(text, YamlOfJson(json));
      break;
    }
    case OutputFormat::kCsv: {
      RHUMB_ASSIGN_OR_RETURN(text, CsvOfJson(json, options.table.header));
      break;
    }
    case OutputFormat::kName:
      for (const std::string& name : names) absl::StrAppend(&text, name, "\n");
      break;
  }
  *context.out << text;
  return absl::OkStatus();
}

absl::Status WriteMessage(const google::protobuf::Message& message, const OutputOptions& options,
                          const std::function<std::string()>& table,
                          const std::vector<std::string>& names, Context& context) {
  const bool is_table =
      options.format == OutputFormat::kTable || options.format == OutputFormat::kWide;
  return WriteJson(is_table ? "" : PrintJson(message, {.indent = 2}), options, table, names,
                   context);
}

bool IsOnScreen(const Context& context) {
  return context.out == &std::cout && isatty(STDOUT_FILENO) == 1;
}

void Remark(const Invocation& invocation, Context& context, absl::string_view text) {
  if (!invocation.Has("quiet")) *context.err << "rhumb: " << text << "\n";
}

}  // namespace rhumb::cli
