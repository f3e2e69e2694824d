// SPDX-License-Identifier: Apache-2.0
#include "client/observations/table_text.h"

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/config/utf8.h"

namespace rhumb {
namespace {

struct Signature {
  absl::string_view bytes, what;
};

// First bytes of what people save in place of a table.
constexpr Signature kSignatures[] = {
    {"PK\x03\x04", "a spreadsheet or zip archive; save it as CSV"},
    {"\xD0\xCF\x11\xE0", "a spreadsheet of an old format; save it as CSV"},
    {"\x1F\x8B", "compressed with gzip; unpack it first"},
    {"BZh", "compressed with bzip2; unpack it first"},
    {"\xFD"
     "7zXZ",
     "compressed with xz; unpack it first"},
    {"\x28\xB5\x2F\xFD", "compressed with zstd; unpack it first"},
    {"PAR1", "a Parquet file; write it as CSV"},
    {"SQLite format 3", "a database; export the table as CSV"},
};

absl::Status NotATable(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the file is ", what));
}

// UTF-16 without a mark: every other byte of text in Latin letters is NUL.
bool LooksUtf16(absl::string_view text) {
  const absl::string_view head = text.substr(0, 64);
  size_t even = 0, odd = 0;
  for (size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\0') ++(i % 2 == 0 ? even : odd);
  }
  return head.size() >= 8 && std::max(even, odd) * 3 >= head.size() && std::min(even, odd) == 0;
}

char Delimiter(absl::string_view header) {
  constexpr std::array<char, 3> kDelimiters = {',', ';', '\t'};
  std::array<size_t, 3> counts = {};
  bool quoted = false;
  for (const char c : header) {
    if (c == '"') quoted = !quoted;
    for (size_t i = 0; i < kDelimiters.size(); ++i) {
      if (c == kDelimiters[i] && !quoted) ++counts[i];
    }
  }
  return kDelimiters[std::max_element(counts.begin(), counts.end()) - counts.begin()];
}

}  // namespace

absl::StatusOr<TableText> FindTable(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) return NotATable("empty");
  for (const Signature& signature : kSignatures) {
    if (absl::StartsWith(text, signature.bytes)) return NotATable(signature.what);
  }
  if (absl::StartsWith(text, "\xFF\xFE") || absl::StartsWith(text, "\xFE\xFF") ||
      LooksUtf16(text)) {
    return NotATable("UTF-16; save it as UTF-8");
  }
  TableText table;
  if (absl::StartsWith(text, "\xEF\xBB\xBF")) table.offset = 3;
  const size_t nul = text.find('\0');
  if (nul != absl::string_view::npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + nul, '\n');
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": a NUL byte: this is no text"));
  }
  while (true) {
    const absl::string_view rest = text.substr(table.offset);
    if (rest.empty()) return NotATable("nothing but comments");
    const size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    const absl::string_view content = absl::StripAsciiWhitespace(rest.substr(0, end));
    if (!content.empty() && content[0] != '#') {
      if (content[0] == '{' || content[0] == '[') return NotATable("JSON, not a table");
      if (!IsUtf8(content)) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", table.line, ": the column names are not UTF-8"));
      }
      table.delimiter = Delimiter(rest.substr(0, end));
      return table;
    }
    table.offset += end;
    if (end < rest.size()) table.offset += absl::StartsWith(rest.substr(end), "\r\n") ? 2 : 1;
    ++table.line;
  }
}

}  // namespace rhumb
