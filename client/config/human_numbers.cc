// SPDX-License-Identifier: Apache-2.0
#include "client/config/human_numbers.h"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "planner/status_macros.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr absl::string_view kCountForms = "a count such as 7e9, 350M, 7B or 1.4T";
constexpr absl::string_view kDurationForms = "a duration such as 21d, 36h, 1h30m or 2w";
constexpr absl::string_view kDateForms = ", or a date such as 2027-03-01";
constexpr absl::string_view kByteForms = "bytes such as 80GiB or 80GB";
constexpr absl::string_view kUsdForms = "US dollars such as $25k, $1.5M or 25000";
constexpr absl::string_view kGpuForms =
    "a count and a GPU type such as 256xH100-SXM5-80GB, with @2.5 for a price";
constexpr int64_t kMaxGpuCount = 10'000'000;

absl::Status Expected(absl::string_view forms, absl::string_view got, absl::string_view why = "") {
  return absl::InvalidArgumentError(absl::StrCat("expected ", forms, ", got \"",
                                                 absl::CHexEscape(got.substr(0, 60)), "\"",
                                                 why.empty() ? "" : ": ", why));
}

// Unsigned decimal at the front of a text, and what follows it.
struct Scanned {
  std::string mantissa;  // "1.4"
  std::string exponent;  // "9" of 1.4e9; empty without
  absl::string_view rest;
};

size_t DigitCount(absl::string_view text) {
  size_t n = 0;
  while (n < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[n]))) ++n;
  return n;
}

// Empty mantissa: no number there.
Scanned ScanDecimal(absl::string_view text) {
  Scanned scanned;
  size_t end = DigitCount(text);
  size_t digits = end;
  if (end < text.size() && text[end] == '.') {
    const size_t fraction = DigitCount(text.substr(end + 1));
    digits += fraction;
    end += 1 + fraction;
  }
  if (digits == 0) return scanned;
  scanned.mantissa = std::string(text.substr(0, end));
  scanned.rest = text.substr(end);
  if (absl::StartsWithIgnoreCase(scanned.rest, "e")) {
    size_t sign = 1;
    if (sign < scanned.rest.size() && (scanned.rest[sign] == '+' || scanned.rest[sign] == '-'))
      ++sign;
    const size_t exponent = DigitCount(scanned.rest.substr(sign));
    if (exponent > 0) {
      scanned.exponent = std::string(scanned.rest.substr(1, sign - 1 + exponent));
      scanned.rest = scanned.rest.substr(sign + exponent);
    }
  }
  return scanned;
}

// mantissa * 10^(exponent + shift), rounded once: 1.3 and shift 9 give 1300000000 exactly.
absl::StatusOr<double> Scaled(const Scanned& scanned, int shift, absl::string_view forms,
                              absl::string_view text) {
  int exponent = 0;
  if (!scanned.exponent.empty() && !absl::SimpleAtoi(scanned.exponent, &exponent))
    exponent = 1'000'000;
  double value = 0;
  if (exponent > 100'000 || exponent < -100'000 ||
      !absl::SimpleAtod(absl::StrCat(scanned.mantissa, "e", exponent + shift), &value) ||
      !std::isfinite(value)) {
    return Expected(forms, text, "out of range");
  }
  return value;
}

// Why a text does not begin with a digit, in words.
absl::string_view NoNumberReason(absl::string_view text) {
  if (text.empty()) return "it is empty";
  if (text[0] == '-') return "it must not be negative";
  return "it does not begin with a digit";
}

std::optional<int> CountShift(absl::string_view suffix) {
  if (suffix.empty()) return 0;
  // Either case: people write 7b as often as 7B, and nothing here is counted in thousandths.
  const std::string upper = absl::AsciiStrToUpper(suffix);
  if (upper == "K") return 3;
  if (upper == "M") return 6;
  if (upper == "B" || upper == "G") return 9;
  if (upper == "T") return 12;
  return std::nullopt;
}

absl::StatusOr<double> ParseSuffixed(absl::string_view text, absl::string_view number,
                                     absl::string_view forms) {
  const Scanned scanned = ScanDecimal(number);
  if (scanned.mantissa.empty()) return Expected(forms, text, NoNumberReason(number));
  const std::optional<int> shift = CountShift(scanned.rest);
  if (!shift.has_value()) return Expected(forms, text, "known suffixes are K, M, B (or G) and T");
  if (*shift != 0 && !scanned.exponent.empty())
    return Expected(forms, text, "give an exponent or a suffix, not both");
  return Scaled(scanned, *shift, forms, text);
}

struct Unit {
  absl::string_view suffix;
  double factor;
};

constexpr Unit kDurationUnits[] = {{"w", 7 * kSecondsPerDay},
                                   {"d", kSecondsPerDay},
                                   {"h", kSecondsPerHour},
                                   {"m", kSecondsPerMinute},
                                   {"s", 1.0}};

constexpr Unit kByteUnits[] = {{"", 1.0},
                               {"B", 1.0},
                               {"kB", 1e3},
                               {"KB", 1e3},
                               {"MB", 1e6},
                               {"GB", 1e9},
                               {"TB", 1e12},
                               {"PB", 1e15},
                               {"KiB", kKibibyte},
                               {"MiB", kMebibyte},
                               {"GiB", kGibibyte},
                               {"TiB", 1024 * kGibibyte},
                               {"PiB", 1024 * 1024 * kGibibyte}};

// Days since 1970-01-01 in the proleptic Gregorian calendar, with years counted from March so that
// the leap day ends them. Source: E. G. Richards, Explanatory Supplement to the Astronomical
// Almanac, 15.11.3.
int64_t DaysSinceEpoch(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t months_since_march = (month + 9) % 12;
  const int64_t day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
  return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

int64_t DaysOfMonth(int64_t year, int64_t month) {
  const int64_t next_year = month == 12 ? year + 1 : year;
  return DaysSinceEpoch(next_year, month % 12 + 1, 1) - DaysSinceEpoch(year, month, 1);
}

// `dddd-dd-dd` at the front; the rest may be a time of day.
bool LooksLikeDate(absl::string_view text) {
  return text.size() >= 10 && DigitCount(text) == 4 && text[4] == '-' &&
         DigitCount(text.substr(5)) == 2 && text[7] == '-' && DigitCount(text.substr(8)) == 2;
}

int64_t TwoDigits(absl::string_view text) { return (text[0] - '0') * 10 + (text[1] - '0'); }

absl::StatusOr<double> SecondsUntilDate(absl::string_view text, double now_seconds,
                                        absl::string_view forms) {
  const int64_t year = TwoDigits(text.substr(0, 2)) * 100 + TwoDigits(text.substr(2, 2));
  const int64_t month = TwoDigits(text.substr(5, 2));
  const int64_t day = TwoDigits(text.substr(8, 2));
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > DaysOfMonth(year, month)) {
    return Expected(forms, text, "there is no such day");
  }
  double instant = static_cast<double>(DaysSinceEpoch(year, month, day)) * kSecondsPerDay;
  absl::string_view time = text.substr(10);
  if (!time.empty()) {
    absl::ConsumeSuffix(&time, "Z");
    if (time.size() != 6 || time[0] != 'T' || DigitCount(time.substr(1)) != 2 || time[3] != ':' ||
        DigitCount(time.substr(4)) != 2 || TwoDigits(time.substr(1)) > 23 ||
        TwoDigits(time.substr(4)) > 59) {
      return Expected(forms, text, "a time of day reads T18:30 (UTC)");
    }
    instant += static_cast<double>(TwoDigits(time.substr(1))) * kSecondsPerHour +
               static_cast<double>(TwoDigits(time.substr(4))) * kSecondsPerMinute;
  }
  if (instant <= now_seconds) return Expected(forms, text, "that date is past");
  return instant - now_seconds;
}

// Three significant digits; value below 1000 after rounding, else empty.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::string text = absl::StrFormat("%.*f", decimals, value);
  return text == "1000" ? "" : text;
}

// As 1.00e21: without the plus sign that printf writes.
std::string Scientific(double value) {
  return absl::StrReplaceAll(absl::StrFormat("%.2e", value), {{"e+", "e"}});
}

constexpr absl::string_view kCountSuffixes[] = {"", "k", "M", "B", "T", "Q"};

// As 7.03B; above the largest suffix, as 1.00e21.
std::string WithCountSuffix(double value) {
  double scaled = value;
  for (const absl::string_view suffix : kCountSuffixes) {
    if (scaled < 1000) {
      if (const std::string text = ThreeDigits(scaled); !text.empty())
        return absl::StrCat(text, suffix);
    }
    scaled /= 1000;
  }
  return Scientific(value);
}

std::string TwoUnits(double large, absl::string_view large_unit, double small,
                     absl::string_view small_unit) {
  if (small == 0) return absl::StrFormat("%.0f %s", large, large_unit);
  return absl::StrFormat("%.0f %s %.0f %s", large, large_unit, small, small_unit);
}

}  // namespace

absl::StatusOr<double> ParseCount(absl::string_view text) {
  return ParseSuffixed(text, text, kCountForms);
}

absl::StatusOr<int64_t> ParseIntegerCount(absl::string_view text) {
  int64_t exact = 0;
  // Digits only: doubles would round above 2^53.
  if (!text.empty() && DigitCount(text) == text.size()) {
    if (absl::SimpleAtoi(text, &exact)) return exact;
    return Expected(kCountForms, text, "out of range");
  }
  RHUMB_ASSIGN_OR_RETURN(const double value, ParseCount(text));
  if (value != std::floor(value)) return Expected(kCountForms, text, "it must be a whole number");
  // 2^63 is the first double beyond int64.
  if (value >= 9223372036854775808.0) return Expected(kCountForms, text, "out of range");
  return static_cast<int64_t>(value);
}

absl::StatusOr<double> ParseNumber(absl::string_view text) {
  constexpr absl::string_view kForms = "a number such as 0.41 or 1e-3";
  absl::string_view unsigned_text = text;
  const bool is_negative = absl::ConsumePrefix(&unsigned_text, "-");
  const Scanned scanned = ScanDecimal(unsigned_text);
  if (scanned.mantissa.empty()) return Expected(kForms, text, text.empty() ? "it is empty" : "");
  if (!scanned.rest.empty()) return Expected(kForms, text, "nothing may follow the number");
  RHUMB_ASSIGN_OR_RETURN(const double value, Scaled(scanned, 0, kForms, text));
  return is_negative ? -value : value;
}

absl::StatusOr<double> ParseDuration(absl::string_view text, std::optional<double> now_seconds) {
  const std::string forms = absl::StrCat(kDurationForms, now_seconds.has_value() ? kDateForms : "");
  if (LooksLikeDate(text)) {
    if (!now_seconds.has_value()) return Expected(forms, text, "a date is not a length of time");
    return SecondsUntilDate(text, *now_seconds, forms);
  }
  if (text.empty()) return Expected(forms, text, NoNumberReason(text));
  double seconds = 0;
  size_t next_unit = 0;
  for (absl::string_view rest = text; !rest.empty();) {
    const Scanned scanned = ScanDecimal(rest);
    if (scanned.mantissa.empty()) return Expected(forms, text, NoNumberReason(rest));
    RHUMB_ASSIGN_OR_RETURN(const double amount, Scaled(scanned, 0, forms, text));
    rest = scanned.rest;
    if (rest.empty()) {
      // A bare number is seconds; after a unit it would be a guess ("1h30").
      if (next_unit != 0) return Expected(forms, text, "the last number has no unit");
      seconds = amount;
      break;
    }
    size_t unit = next_unit;
    while (unit < std::size(kDurationUnits) &&
           !absl::ConsumePrefix(&rest, kDurationUnits[unit].suffix))
      ++unit;
    if (unit == std::size(kDurationUnits)) {
      return Expected(forms, text, "units are w, d, h, m and s, in this order, each once");
    }
    seconds += amount * kDurationUnits[unit].factor;
    next_unit = unit + 1;
  }
  if (!std::isfinite(seconds)) return Expected(forms, text, "out of range");
  if (seconds <= 0) return Expected(forms, text, "it must be longer than nothing");
  return seconds;
}

absl::StatusOr<double> ParseBytes(absl::string_view text) {
  const Scanned scanned = ScanDecimal(text);
  if (scanned.mantissa.empty()) return Expected(kByteForms, text, NoNumberReason(text));
  for (const Unit& unit : kByteUnits) {
    if (scanned.rest != unit.suffix) continue;
    RHUMB_ASSIGN_OR_RETURN(const double amount, Scaled(scanned, 0, kByteForms, text));
    const double bytes = amount * unit.factor;
    if (!std::isfinite(bytes)) return Expected(kByteForms, text, "out of range");
    return bytes;
  }
  return Expected(kByteForms, text,
                  "units are B, KB to PB (powers of 1000) and KiB to PiB (powers of 1024)");
}

absl::StatusOr<double> ParseUsd(absl::string_view text) {
  absl::string_view number = text;
  absl::ConsumePrefix(&number, "$");
  return ParseSuffixed(text, number, kUsdForms);
}

absl::StatusOr<GpuQuantity> ParseGpuQuantity(absl::string_view text) {
  const size_t times = text.find_first_of("xX");
  if (times == absl::string_view::npos)
    return Expected(kGpuForms, text, "there is no x between count and type");
  const absl::StatusOr<int64_t> count = ParseIntegerCount(text.substr(0, times));
  if (!count.ok() || *count < 1 || *count > kMaxGpuCount) {
    return Expected(kGpuForms, text, absl::StrCat("the count must be from 1 to ", kMaxGpuCount));
  }
  GpuQuantity quantity{.gpu_count = *count, .gpu_type = "", .price_usd_per_gpu_hour = std::nullopt};
  absl::string_view type = text.substr(times + 1);
  if (const size_t at = type.find('@'); at != absl::string_view::npos) {
    const absl::StatusOr<double> price = ParseUsd(type.substr(at + 1));
    if (!price.ok()) {
      return Expected(kGpuForms, text,
                      absl::StrCat("the price a GPU-hour: ", price.status().message()));
    }
    quantity.price_usd_per_gpu_hour = *price;
    type = type.substr(0, at);
  }
  const bool is_id = !type.empty() && type.find_first_not_of(
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789-") == absl::string_view::npos;
  if (!is_id) return Expected(kGpuForms, text, "a GPU type has letters, digits and dashes only");
  quantity.gpu_type = std::string(type);
  return quantity;
}

std::string FormatCount(double count) {
  if (!std::isfinite(count)) return absl::StrCat(count);
  if (count < 0) return absl::StrCat("-", FormatCount(-count));
  // Small whole counts (GPUs, layers) are shown as they are.
  if (count < 1000 && count == std::floor(count)) return absl::StrFormat("%.0f", count);
  return WithCountSuffix(count);
}

std::string FormatFlops(double flops) { return absl::StrCat(Scientific(flops), " FLOP"); }

std::string FormatBytes(double bytes) {
  if (!std::isfinite(bytes)) return absl::StrCat(bytes, " B");
  if (bytes < 0) return absl::StrCat("-", FormatBytes(-bytes));
  if (bytes < kKibibyte) return absl::StrFormat("%.0f B", bytes);
  constexpr absl::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  double scaled = bytes;
  for (const absl::string_view unit : kUnits) {
    scaled /= 1024;
    // 1000 to 1023 of a unit has four digits before the point; the next unit would have a leading
    // zero.
    if (scaled < 1023.5 || unit == "PiB") {
      return absl::StrFormat("%.*f %s", scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0, scaled, unit);
    }
  }
  return absl::StrFormat("%.0f B", bytes);
}

std::string FormatDuration(double seconds) {
  if (!std::isfinite(seconds)) return absl::StrCat(seconds, " s");
  if (seconds < 0) return absl::StrCat("-", FormatDuration(-seconds));
  if (seconds < 0.9995) return absl::StrFormat("%.3g ms", seconds * 1e3);
  if (seconds < 59.95) return absl::StrFormat("%.3g s", seconds);
  // Round to the smaller of the two units first, so that 59 min 59.9 s becomes 1 h and not 59 min
  // 60 s.
  if (const double whole = std::round(seconds); whole < kSecondsPerHour) {
    return TwoUnits(std::floor(whole / 60), "min", std::fmod(whole, 60), "s");
  }
  if (const double minutes = std::round(seconds / kSecondsPerMinute); minutes < 24 * 60) {
    return TwoUnits(std::floor(minutes / 60), "h", std::fmod(minutes, 60), "min");
  }
  const double hours = std::round(seconds / kSecondsPerHour);
  return TwoUnits(std::floor(hours / 24), "d", std::fmod(hours, 24), "h");
}

std::string FormatUsd(double usd) {
  if (!std::isfinite(usd)) return absl::StrCat("$", usd);
  if (usd < 0) return absl::StrCat("-", FormatUsd(-usd));
  if (usd < 999.995) return absl::StrFormat("$%.2f", usd);
  return absl::StrCat("$", WithCountSuffix(usd));
}

std::string FormatFlopsPerSecond(double flops_per_second) {
  return flops_per_second >= 1e16 ? absl::StrFormat("%.3g PFLOP/s", flops_per_second / 1e15)
                                  : absl::StrFormat("%.4g TFLOP/s", flops_per_second / 1e12);
}

std::string FormatTokensPerSecond(double tokens_per_second) {
  return absl::StrCat(FormatCount(tokens_per_second), " tokens/s");
}

}  // namespace rhumb
