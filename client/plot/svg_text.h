// SPDX-License-Identifier: Apache-2.0
// Text and numbers for SVG: escaping, an upper bound of widths, cutting and wrapping.
#ifndef RHUMB_CLIENT_PLOT_SVG_TEXT_H_
#define RHUMB_CLIENT_PLOT_SVG_TEXT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::plot {

// `text` for element content and for attributes in double quotes. What XML 1.0 cannot hold (control
// characters, broken UTF-8) becomes U+FFFD.
std::string EscapeXml(absl::string_view text);

// A coordinate with two decimals at most: 12, 12.5, 0.01.
std::string Coordinate(double value);

// Pixels that `text` takes at most in any of the fonts the SVG asks for; without a font at hand an
// upper bound is what keeps labels from touching.
double TextWidth(absl::string_view text, double font_size);

// `text`, or as much of it as fits into `width` pixels with an ellipsis.
std::string FittedText(absl::string_view text, double font_size, double width);

// Lines of at most `width` pixels, broken at blanks; words longer than a line are cut, and so is
// the last of `max_lines`.
std::vector<std::string> WrappedText(absl::string_view text, double font_size, double width,
                                     int max_lines);

// `text` escaped, its numbers such as 3e19 as powers of ten with a raised exponent; and the width
// of that or of the text as it is, whichever is more.
std::string PowerMarkup(absl::string_view text, double font_size);
double PowerWidth(absl::string_view text, double font_size);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_SVG_TEXT_H_
