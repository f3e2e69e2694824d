// SPDX-License-Identifier: Apache-2.0
#include "client/cli/failure.h"

#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
    Say(context, violation.field.empty()
                     ? violation.description
                     : absl::StrCat(FieldTitle(context.command, violation.field), ": ",
                                    violation.description));
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
  Say(context, std::string(status.message()));
  *context.err << "rhumb: rhumb "
               << (context.command == nullptr ? std::string()
                                              : absl::StrCat(CommandName(*context.command), " "))
               << "--help shows what is allowed\n";
  return kExitUsage;
}

}  // namespace rhumb::cli
