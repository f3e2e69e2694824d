// SPDX-License-Identifier: Apache-2.0
#include "client/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rhumb::cli {
namespace {

constexpr int kPipedWidth = 80;
constexpr int kNarrowest = 40;
constexpr int kWidest = 120;  // longer lines of prose are hard to read

const char* StyleCode(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\033[1m";
    case Style::kDim:
      return "\033[2m";
    case Style::kGood:
      return "\033[1;32m";
    case Style::kBad:
      return "\033[1;31m";
    case Style::kWarning:
      return "\033[33m";
  }
  return "";
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = absl::AsciiStrToLower(Environment(name));
    if (value.empty()) continue;
    return absl::StrContains(value, "utf-8") || absl::StrContains(value, "utf8");
  }
  return false;
}

}  // namespace

std::string Styled(const Terminal& terminal, Style style, absl::string_view text) {
  if (!terminal.color || style == Style::kPlain) return std::string(text);
  return absl::StrCat(StyleCode(style), text, "\033[0m");
}

int DisplayWidth(absl::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    // Continuation bytes of UTF-8 are 10xxxxxx.
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++width;
  }
  return width;
}

std::string PadRight(absl::string_view text, int width) {
  return absl::StrCat(text, std::string(std::max(0, width - DisplayWidth(text)), ' '));
}

std::string PadLeft(absl::string_view text, int width) {
  return absl::StrCat(std::string(std::max(0, width - DisplayWidth(text)), ' '), text);
}

Terminal DetectTerminal(int file_descriptor, absl::string_view color) {
  Terminal terminal;
  const bool is_terminal = isatty(file_descriptor) == 1;
  const std::string kind = Environment("TERM");
  terminal.color = color == "always" || (color == "auto" && is_terminal &&
                                         Environment("NO_COLOR").empty() && kind != "dumb");
  terminal.utf8 = LocaleIsUtf8() && kind != "dumb";
  terminal.width = kPipedWidth;
  winsize size = {};
  if (is_terminal && ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = std::clamp<int>(size.ws_col, kNarrowest, kWidest);
  }
  return terminal;
}

std::string Wrapped(absl::string_view text, int width, int indent) {
  std::string result;
  int column = 0;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const int length = DisplayWidth(word);
    if (column > indent && column + 1 + length > width) {
      absl::StrAppend(&result, "\n", std::string(indent, ' '));
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    } else {
      column = indent;  // the first line is taken to start at `indent` too
    }
    absl::StrAppend(&result, word);
    column += length;
  }
  return result;
}

}  // namespace rhumb::cli
