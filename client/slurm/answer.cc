// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/answer.h"

#include <optional>

#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

constexpr std::string_view kExport = "export ";
constexpr std::string_view kPrefix = "RHUMB_";
constexpr size_t kMaxVariables = 1000;

bool IsName(std::string_view name) {
  return name.size() > kPrefix.size() && name.substr(0, kPrefix.size()) == kPrefix &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
}

// One word of a shell: plain, in single quotes, or with a backslash before a byte; nullopt for
// what a shell would expand, or go on reading.
std::optional<std::string> Unquote(std::string_view word) {
  std::string value;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (c == '\'') {
      const size_t end = word.find('\'', i + 1);
      if (end == std::string_view::npos) return std::nullopt;
      value += word.substr(i + 1, end - i - 1);
      i = end;
    } else if (c == '\\') {
      if (++i == word.size()) return std::nullopt;
      value += word[i];
    } else if (static_cast<unsigned char>(c) <= ' ' ||
               std::string_view("\"$`;&|<>()*?[]#~!{}").find(c) != std::string_view::npos) {
      return std::nullopt;
    } else {
      value += c;
    }
  }
  if (value.find('\0') != std::string::npos) return std::nullopt;
  return value;
}

}  // namespace

Outcome<Variables> ReadVariables(std::string_view text) {
  Variables variables;
  if (!text.empty() && text.back() != '\n') return Problem<Variables>("its end is missing");
  int line = 0;
  for (const std::string_view row : Split(text, '\n')) {
    ++line;
    if (row.empty() || row.front() == '#') continue;
    const std::string place = "line " + std::to_string(line) + " is no \"export RHUMB_NAME=VALUE\"";
    if (row.substr(0, kExport.size()) != kExport) return Problem<Variables>(place);
    const std::string_view assignment = row.substr(kExport.size());
    const size_t equals = assignment.find('=');
    if (equals == std::string_view::npos || !IsName(assignment.substr(0, equals))) {
      return Problem<Variables>(place);
    }
    std::optional<std::string> value = Unquote(assignment.substr(equals + 1));
    if (!value.has_value()) return Problem<Variables>(place);
    variables[std::string(assignment.substr(0, equals))] = *std::move(value);
    if (variables.size() > kMaxVariables) return Problem<Variables>("it has no end");
  }
  return Good(std::move(variables));
}

}  // namespace rhumb::slurm
