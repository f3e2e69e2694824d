// SPDX-License-Identifier: Apache-2.0
#include "client/cli/failure.h"

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cpp/rpc_error.h"

namespace rhumb::cli {
namespace {

// "gpu_pools.count" of "gpu_pools[0].count".
std::string WithoutIndices(absl::string_view field) {
  std::string path;
  bool inside = false;
  for (const char c : field) {
    if (c == '[') inside = true;
    if (!inside) path += c;
    if (c == ']') inside = false;
  }
  return path;
}

const Flag* FlagOfField(const Command& command, std::string path) {
  // From the field up to its outermost message: gpu_pools.count is set by --gpus, which sets
  // gpu_pools.
  while (!path.empty()) {
    for (const Flag& flag : command.flags) {
      if (flag.field == path) return &flag;
    }
    const size_t dot = path.rfind('.');
    path = dot == std::string::npos ? "" : path.substr(0, dot);
  }
  return nullptr;
}

// The flag that messages mean by `word`: a field of the request or the last part of one's path.
const Flag* FlagOfWord(const Command& command, absl::string_view word) {
  const std::string path = WithoutIndices(word);
  if (const Flag* flag = FlagOfField(command, path)) return flag;
  for (const Flag& flag : command.flags) {
    if (absl::EndsWith(flag.field, absl::StrCat(".", path))) return &flag;
  }
  return nullptr;
}

// The flag of `field`, or the field if no flag sets it.
std::string FlagOrField(const Command& command, absl::string_view field) {
  const Flag* flag = FlagOfWord(command, field);
  return flag == nullptr ? std::string(field) : absl::StrCat("--", flag->name);
}

// `text` with fields of the request named by their flags. Only words that cannot be English: a
// "cluster" may be any.
std::string WithFlags(const Command& command, absl::string_view text) {
  std::string named;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[end])) ||
                                 absl::StrContains("_.[]", text[end]))) {
      ++end;
    }
    while (end > i && text[end - 1] == '.') --end;  // of the sentence
    if (end == i) {
      named += text[i++];
      continue;
    }
    const absl::string_view word = text.substr(i, end - i);
    named += absl::StrContains(word, '_') ? FlagOrField(command, word) : std::string(word);
    i = end;
  }
  return named;
}

// "; nearest: 999424 and 1007616" for "must be a multiple of ... 8192, got 1000001"; else empty.
std::string NearestMultiples(absl::string_view text) {
  const size_t got = text.rfind(", got ");
  if (!absl::StrContains(text, "must be a multiple of ") || got == absl::string_view::npos) {
    return "";
  }
  const size_t before = text.substr(0, got).find_last_not_of("0123456789");
  int64_t unit = 0;
  int64_t value = 0;
  if (before == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(before + 1, got - before - 1), &unit) ||
      !absl::SimpleAtoi(text.substr(got + sizeof(", got ") - 1), &value) || unit <= 0 ||
      value <= 0 || value > std::numeric_limits<int64_t>::max() - unit) {
    return "";
  }
  const int64_t below = value / unit * unit;
  return absl::StrCat("; nearest: ", below > 0 ? absl::StrCat(below, " and ") : "", below + unit);
}

// What is wrong in the words of the command line.
std::string DescribeViolation(const Command* command, const client::FieldViolation& violation) {
  absl::string_view text = violation.description;
  if (command == nullptr) {
    return violation.field.empty() ? std::string(text) : absl::StrCat(violation.field, ": ", text);
  }
  const std::string flag = FlagOrField(*command, violation.field);
  // Descriptions that go on from the field's name.
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "or ") && absl::ConsumeSuffix(&rest, " must be given")) {
    return absl::StrCat("give ", flag, " or ", FlagOrField(*command, rest));
  }
  rest = text;
  if (absl::ConsumePrefix(&rest, "and ") && absl::ConsumeSuffix(&rest, " exclude each other")) {
    return absl::StrCat(flag, " and ", FlagOrField(*command, rest), " exclude each other");
  }
  const std::string named = absl::StrCat(WithFlags(*command, text), NearestMultiples(text));
  const std::string title = violation.field.empty() ? "" : FieldTitle(command, violation.field);
  // A message that names the flag itself needs no field that has none, as "layout".
  const bool says_all = !absl::StartsWith(title, "--") && absl::StartsWith(named, "--");
  return title.empty() || says_all ? named : absl::StrCat(title, ": ", named);
}

void Say(Context& context, absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    *context.err << "rhumb: " << Styled(context.err_terminal, Style::kBad, "error:") << " " << line
                 << "\n";
  }
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnavailable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitPermission;
    default:
      return kExitError;
  }
}

std::string FieldTitle(const Command* command, absl::string_view field) {
  const Flag* flag = command == nullptr ? nullptr : FlagOfField(*command, WithoutIndices(field));
  return flag == nullptr ? std::string(field) : absl::StrCat("--", flag->name, " (", field, ")");
}

int Fail(Context& context, const absl::Status& status) {
  const client::RpcError error = client::DescribeError(status);
  for (const client::FieldViolation& violation : error.field_violations) {
    Say(context, DescribeViolation(context.command, violation));
  }
  if (error.field_violations.empty()) {
    switch (error.code) {
      case absl::StatusCode::kDeadlineExceeded:
        Say(context,
            absl::StrCat("no answer in time; --timeout allows more (", error.message, ")"));
        break;
      case absl::StatusCode::kUnavailable:
        Say(context,
            absl::StrCat("daemon unavailable: ", error.message, "; --local answers without one"));
        break;
      default:
        Say(context, error.message.empty() ? absl::StatusCodeToString(error.code) : error.message);
    }
  }
  return ExitCodeOf(status);
}

int FailUsage(Context& context, const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status)) return Fail(context, status);
  Say(context, std::string(status.message()));
  *context.err << "rhumb: rhumb "
               << (context.command == nullptr ? std::string()
                                              : absl::StrCat(CommandName(*context.command), " "))
               << "--help shows what is allowed\n";
  return kExitUsage;
}

}  // namespace rhumb::cli
