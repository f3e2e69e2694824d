// SPDX-License-Identifier: Apache-2.0
#include "client/launch/flat_yaml.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rhumb::launch {
namespace {

bool IsKeyByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

// `text` behind "key:": false if it is no plain or quoted scalar.
bool ReadScalar(absl::string_view text, std::string& scalar) {
  text = absl::StripAsciiWhitespace(text);
  if (!text.empty() && (text[0] == '"' || text[0] == '\'')) {
    const size_t end = text.find(text[0], 1);
    if (end == absl::string_view::npos) return false;
    const absl::string_view rest = absl::StripAsciiWhitespace(text.substr(end + 1));
    scalar = std::string(text.substr(1, end - 1));
    return (rest.empty() || rest[0] == '#') && !absl::StrContains(scalar, '\\');
  }
  if (const size_t comment = text.find(" #"); comment != absl::string_view::npos) {
    text = absl::StripAsciiWhitespace(text.substr(0, comment));
  }
  if (!text.empty() && text[0] == '#') text = "";
  scalar = std::string(text);
  // An empty list or map says nothing that is read here.
  return text.empty() || text == "[]" || text == "{}" ||
         !absl::StrContains("[{&*!|>%@`", absl::string_view(text.data(), 1));
}

}  // namespace

FlatYaml ReadFlatYaml(absl::string_view text) {
  FlatYaml yaml;
  std::vector<std::pair<size_t, std::string>> parents;  // indentation, path with a dot behind
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    line = absl::StripTrailingAsciiWhitespace(line);
    const absl::string_view content = absl::StripLeadingAsciiWhitespace(line);
    if (content.empty() || content[0] == '#' || content == "---") continue;
    const size_t indentation = line.size() - content.size();
    const auto refuse = [&](absl::string_view reason) {
      yaml.not_read.push_back({line_number, std::string(content), std::string(reason)});
    };
    size_t end = 0;
    while (end < content.size() && IsKeyByte(content[end])) ++end;
    const bool key = end > 0 && end < content.size() && content[end] == ':' &&
                     (end + 1 == content.size() || content[end + 1] == ' ');
    if (!key || absl::StrContains(line.substr(0, indentation), '\t')) {
      refuse("is no \"key: value\"");
      continue;
    }
    while (!parents.empty() && parents.back().first >= indentation) parents.pop_back();
    const std::string path =
        absl::StrCat(parents.empty() ? "" : parents.back().second, content.substr(0, end));
    std::string scalar;
    if (!ReadScalar(content.substr(end + 1), scalar)) {
      refuse("its value is in a form of YAML that is not read");
      continue;
    }
    if (scalar.empty()) parents.emplace_back(indentation, absl::StrCat(path, "."));
    yaml.scalars[path] = {scalar, line_number};
  }
  return yaml;
}

}  // namespace rhumb::launch
