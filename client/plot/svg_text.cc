// SPDX-License-Identifier: Apache-2.0
#include "client/plot/svg_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace rhumb::plot {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD
constexpr char kEllipsis[] = "\xE2\x80\xA6";
constexpr double kBlank = 0.318;         // of the font
constexpr double kExponentSize = 0.72;   // of the font
constexpr double kExponentRaise = 0.42;  // of the font

// Advance widths of U+0020 to U+007E in thousandths of the font size. Source: DejaVu Sans 2.37, the
// widest of the fonts named in the SVG (Helvetica and Arial are about a tenth narrower).
constexpr std::array<int, 95> kWidths = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};

struct CodePoint {
  uint32_t value = 0;
  size_t length = 0;  // bytes; 0 for broken UTF-8
};

CodePoint Decode(absl::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {};
  uint32_t value = first & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(at + i) & 0x3F);
  }
  const bool is_overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (is_overlong || is_surrogate || value > 0x10FFFF) return {};
  return {value, length};
}

double WidthOf(uint32_t code_point) {
  if (code_point >= 0x20 && code_point <= 0x7E) return kWidths[code_point - 0x20] / 1000.0;
  return code_point >= 0x1100 ? 1.0 : 0.85;  // East Asian characters are square
}

// A number such as 3e-19 inside a text.
struct Power {
  size_t start = 0;
  size_t end = 0;
  std::string mantissa;
  std::string exponent;
};

bool IsDigit(absl::string_view text, size_t i) {
  return i < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[i]));
}

// The first such number at or after `from`; a word that merely holds one (run1e3x) is none.
std::optional<Power> FindPower(absl::string_view text, size_t from) {
  const auto is_word = [&](size_t i) {
    return i < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[i])) ||
                               text[i] == '.' || text[i] == '_');
  };
  for (size_t e = text.find('e', from); e != absl::string_view::npos; e = text.find('e', e + 1)) {
    size_t start = e;
    while (start > from && (IsDigit(text, start - 1) || text[start - 1] == '.')) --start;
    size_t end = e + 1;
    if (end < text.size() && text[end] == '-') ++end;
    const size_t first_digit = end;
    while (IsDigit(text, end)) ++end;
    if (!IsDigit(text, start) || end == first_digit || is_word(end)) continue;
    if (start > 0 && is_word(start - 1)) continue;
    return Power{start, end, std::string(text.substr(start, e - start)),
                 std::string(text.substr(e + 1, end - e - 1))};
  }
  return std::nullopt;
}

std::string PowerBase(const std::string& mantissa) {
  if (mantissa == "1") return "10";
  return absl::StrCat(mantissa, "\xC3\x97", "10");
}

}  // namespace

std::string EscapeXml(absl::string_view text) {
  std::string escaped;
  for (size_t i = 0; i < text.size();) {
    const CodePoint code_point = Decode(text, i);
    const bool is_control = code_point.value < 0x20 && code_point.value != '\t' &&
                            code_point.value != '\n' && code_point.value != '\r';
    if (code_point.length == 0 || is_control || code_point.value == 0xFFFE ||
        code_point.value == 0xFFFF) {
      escaped += kReplacement;
      i += code_point.length == 0 ? 1 : code_point.length;
      continue;
    }
    switch (code_point.value) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        absl::StrAppend(&escaped, text.substr(i, code_point.length));
    }
    i += code_point.length;
  }
  return escaped;
}

std::string Coordinate(double value) {
  std::string text = absl::StrFormat("%.2f", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

double TextWidth(absl::string_view text, double font_size) {
  double width = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint code_point = Decode(text, i);
    width += code_point.length == 0 ? 1.0 : WidthOf(code_point.value);
    i += code_point.length == 0 ? 1 : code_point.length;
  }
  return width * font_size;
}

std::string FittedText(absl::string_view text, double font_size, double width) {
  if (PowerWidth(text, font_size) <= width) return std::string(text);
  const double room = width - TextWidth(kEllipsis, font_size);
  size_t end = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint code_point = Decode(text, i);
    i += code_point.length == 0 ? 1 : code_point.length;
    if (TextWidth(text.substr(0, i), font_size) > room) break;
    end = i;
  }
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(text.substr(0, end)), kEllipsis);
}

std::vector<std::string> WrappedText(absl::string_view text, double font_size, double width,
                                     int max_lines) {
  std::vector<std::string> lines;
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \n\t"), absl::SkipEmpty())) {
    const std::string longer = lines.empty() ? "" : absl::StrCat(lines.back(), " ", word);
    const bool is_last = static_cast<int>(lines.size()) == max_lines;
    if (!lines.empty() && (is_last || TextWidth(longer, font_size) <= width)) {
      lines.back() = longer;
    } else {
      lines.push_back(std::string(word));
    }
  }
  for (std::string& line : lines) line = FittedText(line, font_size, width);
  return lines;
}

std::string PowerMarkup(absl::string_view text, double font_size) {
  std::string markup;
  bool lowers = false;  // whether the next text must end the raise of an exponent before it
  size_t from = 0;
  const std::string raise = Coordinate(kExponentRaise * font_size);
  const auto add_plain = [&](absl::string_view plain) {
    if (plain.empty()) return;
    if (lowers) {
      // Some renderers drop a blank at the beginning of an element, so it is made of distance.
      const bool has_blank = plain.front() == ' ';
      absl::StrAppend(&markup, "<tspan dx=\"", Coordinate(has_blank ? kBlank * font_size : 0),
                      "\" dy=\"", raise, "\">", EscapeXml(plain.substr(has_blank ? 1 : 0)),
                      "</tspan>");
    } else {
      markup += EscapeXml(plain);
    }
    lowers = false;
  };
  for (std::optional<Power> power = FindPower(text, 0); power.has_value();
       power = FindPower(text, from)) {
    add_plain(absl::StrCat(text.substr(from, power->start - from), PowerBase(power->mantissa)));
    absl::StrAppend(&markup, "<tspan dy=\"-", raise, "\" font-size=\"",
                    Coordinate(kExponentSize * font_size), "\">", power->exponent, "</tspan>");
    lowers = true;
    from = power->end;
  }
  add_plain(text.substr(from));
  return markup;
}

double PowerWidth(absl::string_view text, double font_size) {
  double width = 0;
  size_t from = 0;
  for (std::optional<Power> power = FindPower(text, 0); power.has_value();
       power = FindPower(text, from)) {
    width += TextWidth(text.substr(from, power->start - from), font_size) +
             TextWidth(PowerBase(power->mantissa), font_size) +
             TextWidth(power->exponent, kExponentSize * font_size);
    from = power->end;
  }
  width += TextWidth(text.substr(from), font_size);
  return std::max(width, TextWidth(text, font_size));
}

}  // namespace rhumb::plot
