// SPDX-License-Identifier: Apache-2.0
#include "client/observations/number_cell.h"

#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/config/human_numbers.h"

namespace rhumb {
namespace {

constexpr size_t kShownBytes = 40;

bool IsOneOf(absl::string_view text, std::initializer_list<absl::string_view> words) {
  for (const absl::string_view word : words) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  return false;
}

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Decimal digits with at most one point and an exponent, after an optional sign: what SimpleAtod
// takes, without its "nan", "inf" and what other libraries would read as hexadecimal.
bool LooksDecimal(absl::string_view text) {
  size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  size_t digits = 0;
  bool point = false;
  for (; i < text.size() && (IsDigit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
    } else {
      ++digits;
    }
  }
  if (digits == 0) return false;
  if (i == text.size()) return true;
  if (text[i] != 'e' && text[i] != 'E') return false;
  ++i;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const size_t exponent = i;
  while (i < text.size() && IsDigit(text[i])) ++i;
  return i == text.size() && i > exponent;
}

// Why `text` is no number.
std::string Reason(absl::string_view text, bool suffixes) {
  const std::string got = absl::StrCat(", got ", ShownCell(text));
  absl::string_view size = text;
  if (!size.empty() && (size[0] == '-' || size[0] == '+')) size.remove_prefix(1);
  if (IsOneOf(size, {"nan", "#n/a", "n/a", "na", "null", "none", "#value!", "#div/0!"})) {
    return absl::StrCat("must be a number", got);
  }
  if (IsOneOf(size, {"inf", "infinity"})) return absl::StrCat("must be finite", got);
  const bool starts_as_number = !size.empty() && (IsDigit(size[0]) || size[0] == '.');
  if (starts_as_number && absl::StrContains(text, ',')) {
    return absl::StrCat("has a comma; write 3.14 for a decimal comma, 1234567 for thousands", got);
  }
  if (starts_as_number && text.find_first_of(" _'") != absl::string_view::npos) {
    return absl::StrCat("has thousands separators; write 1234567", got);
  }
  // U+00A0, U+202F and U+2009, which spreadsheets put between thousands.
  if (starts_as_number &&
      (absl::StrContains(text, "\xC2\xA0") || absl::StrContains(text, "\xE2\x80"))) {
    return absl::StrCat("has thousands separators; write 1234567", got);
  }
  if (starts_as_number && absl::EndsWith(text, "%")) {
    return absl::StrCat("is a percentage; write a fraction", got);
  }
  return absl::StrCat("must be a number such as ", suffixes ? "7e9, 1.4T or 7B" : "2.31", got);
}

}  // namespace

std::string ShownCell(absl::string_view text) {
  const bool cut = text.size() > kShownBytes;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text.substr(0, kShownBytes)), cut ? "..." : "",
                      "\"");
}

absl::StatusOr<double> ReadNumberCell(absl::string_view cell, NumberRange range, bool suffixes) {
  const absl::string_view text = absl::StripAsciiWhitespace(cell);
  if (text.empty()) return absl::InvalidArgumentError("is empty");
  double value = 0;
  if (LooksDecimal(text)) {
    if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) {
      return absl::InvalidArgumentError(absl::StrCat("is out of range, got ", ShownCell(text)));
    }
  } else {
    const absl::StatusOr<double> count =
        suffixes ? ParseCount(text) : absl::InvalidArgumentError("no suffixes");
    if (!count.ok()) return absl::InvalidArgumentError(Reason(text, suffixes));
    value = *count;
  }
  const char* allowed = nullptr;
  if (range == NumberRange::kPositive && !(value > 0)) allowed = "positive";
  if (range == NumberRange::kNotNegative && !(value >= 0)) allowed = "at least 0";
  if (range == NumberRange::kShare && !(value >= 0 && value <= 1)) allowed = "from 0 to 1";
  if (allowed != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("must be ", allowed, ", got ", ShownCell(text)));
  }
  return value;
}

}  // namespace rhumb
