// SPDX-License-Identifier: Apache-2.0
#include "client/cli/emit_plan.h"

#include <fstream>
#include <optional>
#include <ostream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/output.h"
#include "client/config/text_file.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

absl::StatusOr<EmitTarget> ReadTarget(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::optional<launch::LaunchKind> kind = launch::FindLaunchKind(name);
  if (!kind.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("--emit: \"", name, "\" is not one of ",
                                                   absl::StrJoin(launch::LaunchKindNames(), ", ")));
  }
  EmitTarget target = {.kind = *kind};
  if (equals == std::string::npos) return target;
  target.path = text.substr(equals + 1);
  if (target.path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--emit: no file behind \"", text, "\""));
  }
  const absl::Status writable = CheckWritable(target.path);
  if (!writable.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--emit: ", writable.message()));
  }
  return target;
}

}  // namespace

Flag EmitFlag() {
  return {.name = "emit",
          .kind = FlagKind::kText,
          .placeholder = "KIND[=FILE]",
          .help = "write what a launcher needs instead of the answer, or into FILE beside it",
          .group = "Output",
          .choices = launch::LaunchKindNames(),
          .repeatable = true};
}

absl::StatusOr<std::vector<EmitTarget>> ReadEmitTargets(const Invocation& invocation) {
  std::vector<EmitTarget> targets;
  const auto given = invocation.flags.find("emit");
  if (given == invocation.flags.end()) return targets;
  std::set<std::string> paths;
  for (const std::string& text : given->second) {
    RHUMB_ASSIGN_OR_RETURN(EmitTarget target, ReadTarget(text));
    if (!paths.insert(target.path).second) {
      return absl::InvalidArgumentError(
          target.path.empty() ? "--emit: only one text can go to stdout; give KIND=FILE"
                              : absl::StrCat("--emit: ", target.path, " is given twice"));
    }
    targets.push_back(std::move(target));
  }
  if (!TakesStdout(targets)) return targets;
  for (const char* form : {"output", "json", "parsable", "noheader", "explain"}) {
    if (!invocation.Has(form)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", form,
                     " is about the answer, in whose place --emit writes; --emit KIND=FILE writes "
                     "beside it"));
  }
  return targets;
}

bool TakesStdout(const std::vector<EmitTarget>& targets) {
  for (const EmitTarget& target : targets) {
    if (target.path.empty()) return true;
  }
  return false;
}

absl::Status EmitPlan(const v1::Plan& plan, const std::vector<EmitTarget>& targets,
                      const launch::LaunchOptions& options, const Invocation& invocation,
                      Context& context) {
  std::vector<launch::LaunchText> texts;
  for (const EmitTarget& target : targets) {
    absl::StatusOr<launch::LaunchText> text = launch::WriteLaunch(plan, target.kind, options);
    if (!text.ok()) {
      return absl::Status(text.status().code(), absl::StrCat("--emit: ", text.status().message()));
    }
    texts.push_back(*std::move(text));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    const std::string& path = targets[i].path;
    if (path.empty()) {
      *context.out << texts[i].text;
    } else {
      std::ofstream file(path);
      file << texts[i].text;
      file.close();
      if (!file) return absl::InvalidArgumentError(absl::StrCat("--emit: cannot write ", path));
    }
    for (const std::string& remark : texts[i].remarks) {
      Remark(invocation, context,
             absl::StrCat(launch::LaunchKindName(targets[i].kind), ": ", remark));
    }
  }
  return absl::OkStatus();
}

}  // namespace rhumb::cli
