// SPDX-License-Identifier: Apache-2.0
// What a stream can show: colour, Unicode, width. Draws nothing but the escape codes of a style.
#ifndef RHUMB_CLIENT_CLI_TERMINAL_H_
#define RHUMB_CLIENT_CLI_TERMINAL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace rhumb::cli {

enum class Style { kPlain, kBold, kDim, kGood, kBad, kWarning };

struct Terminal {
  bool color = false;
  bool utf8 = false;
  int width = 80;
};

// `text` in `style`, or as it is where the terminal shows no colour.
std::string Styled(const Terminal& terminal, Style style, absl::string_view text);

// Columns that `text` takes: UTF-8 code points, escape codes not counted. No double-width
// characters are expected.
int DisplayWidth(absl::string_view text);

// `text` with blanks up to `width` columns, on the right or (for numbers) on the left.
std::string PadRight(absl::string_view text, int width);
std::string PadLeft(absl::string_view text, int width);

// What the file descriptor can show. `color` is "auto", "always" or "never"; auto means a terminal,
// $NO_COLOR unset or empty, and $TERM other than "dumb". UTF-8 is read from $LC_ALL, $LC_CTYPE,
// $LANG in this order.
Terminal DetectTerminal(int file_descriptor, absl::string_view color);

// Lines of at most `width` columns, broken at blanks; lines after the first begin with `indent`
// blanks.
std::string Wrapped(absl::string_view text, int width, int indent);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_TERMINAL_H_
