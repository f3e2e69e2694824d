// SPDX-License-Identifier: Apache-2.0
#include "client/cli/format.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/time_util.h"

namespace rhumb::cli {
namespace {

// Three significant digits without an exponent, for values of everyday size.
std::string ThreeDigits(double value) {
  const double size = std::abs(value);
  if (size >= 100 || size == 0) return absl::StrFormat("%.0f", value);
  if (size >= 10) return absl::StrFormat("%.1f", value);
  return absl::StrFormat("%.2f", value);
}

}  // namespace

std::string FormatInteger(int64_t value) {
  std::string digits = absl::StrCat(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

std::string FormatLoss(double nats) { return absl::StrFormat("%.3f", nats); }

std::string FormatFraction(double fraction) { return absl::StrFormat("%.1f%%", 100 * fraction); }

std::string FormatLevel(double level) { return absl::StrFormat("%.4g%%", 100 * level); }

std::string FormatRatio(double ratio) { return ThreeDigits(ratio); }

std::string FormatScientific(double value) {
  return value == 0 ? "0" : ShortExponents(absl::StrFormat("%.1e", value));
}

std::string ShortExponents(absl::string_view text) {
  const auto is_digit = [&](size_t i) {
    return i < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[i]));
  };
  std::string shorter;
  for (size_t i = 0; i < text.size(); ++i) {
    shorter += text[i];
    const bool is_exponent = text[i] == 'e' && i > 0 && is_digit(i - 1) && is_digit(i + 2) &&
                             (text[i + 1] == '+' || text[i + 1] == '-');
    if (!is_exponent) continue;
    ++i;
    if (text[i] == '-') shorter += '-';
    while (text[i + 1] == '0' && is_digit(i + 2)) ++i;
  }
  return shorter;
}

std::string FormatEnergy(double kilowatt_hours) {
  if (kilowatt_hours >= 1e6) return absl::StrCat(ThreeDigits(kilowatt_hours / 1e6), " GWh");
  if (kilowatt_hours >= 1e3) return absl::StrCat(ThreeDigits(kilowatt_hours / 1e3), " MWh");
  return absl::StrCat(ThreeDigits(kilowatt_hours), " kWh");
}

std::string FormatMass(double kilograms) {
  if (kilograms >= 1e3) return absl::StrCat(ThreeDigits(kilograms / 1e3), " t");
  return absl::StrCat(ThreeDigits(kilograms), " kg");
}

std::string FormatPerGpuHour(double usd) { return absl::StrFormat("$%.2f/GPU-h", usd); }

std::string ConventionName(v1::ParamCountConvention convention) {
  switch (convention) {
    case v1::PARAM_COUNT_CONVENTION_TOTAL:
      return "total";
    case v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING:
      return "non-embedding";
    default:
      return "";
  }
}

std::string ConventionName(v1::FlopsConvention convention) {
  switch (convention) {
    case v1::FLOPS_CONVENTION_SIX_ND:
      return "6ND";
    case v1::FLOPS_CONVENTION_EXACT_CAUSAL:
      return "exact, causal attention";
    case v1::FLOPS_CONVENTION_EXACT_FULL:
      return "exact, full attention";
    default:
      return "";
  }
}

std::string FormatLossEstimate(const v1::LossEstimate& loss) {
  std::string text = absl::StrCat(FormatLoss(loss.mean_nats()), " nats per token");
  if (loss.has_low_nats() && loss.has_high_nats()) {
    absl::StrAppend(&text, " (", FormatLevel(loss.level()), ": ", FormatLoss(loss.low_nats()), "-",
                    FormatLoss(loss.high_nats()), ")");
  }
  return text;
}

std::string BareName(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return std::string(slash == absl::string_view::npos ? name : name.substr(slash + 1));
}

std::string FormatInstant(const google::protobuf::Timestamp& time) {
  return google::protobuf::util::TimeUtil::ToString(time).substr(0, 19) + "Z";
}

std::string Counted(int64_t count, absl::string_view noun) {
  return absl::StrCat(FormatInteger(count), " ", noun, count == 1 ? "" : "s");
}

}  // namespace rhumb::cli
