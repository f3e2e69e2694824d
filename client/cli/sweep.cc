// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sweep.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace rhumb::cli {
namespace {

bool IsThreeDigits(absl::string_view text) {
  return text.size() == 3 && absl::ascii_isdigit(text[0]) && absl::ascii_isdigit(text[1]) &&
         absl::ascii_isdigit(text[2]);
}

// "$25,500" or "1,000,000": after the first, only groups of three digits, and it is money or the
// groups are zeros.
bool HasThousandsSeparators(const std::vector<std::string>& values) {
  bool zeros = true;
  for (size_t i = 1; i < values.size(); ++i) {
    if (!IsThreeDigits(values[i])) return false;
    zeros = zeros && values[i] == "000";
  }
  return zeros || absl::StartsWith(values[0], "$");
}

}  // namespace

absl::StatusOr<Sweep> ReadSweep(const Command& command, const Invocation& invocation) {
  Sweep sweep;
  size_t place = 0;
  for (const auto& [name, given] : invocation.flags) {
    const Flag* flag = FindFlag(command, name);
    if (flag == nullptr || flag->field.empty() || flag->kind == FlagKind::kFile ||
        flag->field == "request_id")
      continue;
    for (size_t i = 0; i < given.size(); ++i) {
      if (!absl::StrContains(given[i], ',')) continue;
      if (!sweep.flag.empty()) {
        return absl::InvalidArgumentError(absl::StrCat("only one list can be swept: --", sweep.flag,
                                                       " and --", name, " both have a comma"));
      }
      sweep.flag = name;
      sweep.values = absl::StrSplit(given[i], ',');
      place = i;
    }
  }
  if (sweep.flag.empty()) {
    sweep.invocations = {invocation};
    return sweep;
  }
  const Flag& flag = *FindFlag(command, sweep.flag);
  for (std::string& value : sweep.values) {
    value = std::string(absl::StripAsciiWhitespace(value));
    if (value.empty())
      return absl::InvalidArgumentError(absl::StrCat(FlagTitle(flag), ": empty value in the list"));
  }
  if (HasThousandsSeparators(sweep.values)) {
    return absl::InvalidArgumentError(absl::StrCat(
        FlagTitle(flag), ": a comma separates values to sweep; write thousands without it"));
  }
  for (const std::string& value : sweep.values) {
    Invocation single = invocation;
    single.flags[sweep.flag][place] = value;
    sweep.invocations.push_back(std::move(single));
  }
  return sweep;
}

}  // namespace rhumb::cli
