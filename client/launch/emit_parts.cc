// SPDX-License-Identifier: Apache-2.0
#include "client/launch/emit_parts.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/config/human_numbers.h"

namespace rhumb::launch {
namespace {

std::string LowerWithoutPrefix(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StartsWith(name, prefix) ? name.substr(prefix.size()) : name);
}

// Profiles that are releases or relatives of one framework.
bool Starts(absl::string_view framework, absl::string_view profile) {
  if (framework == "megatron") {
    return absl::StartsWith(profile, "megatron") || profile == "nemo";
  }
  return profile == framework;
}

}  // namespace

std::string ShellQuote(absl::string_view text) {
  bool safe = !text.empty();
  for (const char c : text) {
    safe = safe && (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                    absl::StrContains("_@%+=:,./-", absl::string_view(&c, 1)));
  }
  if (safe) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return line;
}

std::vector<std::string> DescribePlan(const v1::Plan& plan) {
  std::vector<std::string> lines;
  lines.push_back(absl::StrCat("Rhumb ", plan.name().empty() ? "plan, not stored" : plan.name(),
                               plan.planner_version().empty() ? "" : ", planner ",
                               plan.planner_version()));
  if (plan.has_law()) {
    std::string law = absl::StrCat("Law ", plan.law().name());
    if (plan.has_loss()) {
      absl::StrAppend(
          &law, absl::StrFormat(": expected loss %.4f nats a token", plan.loss().mean_nats()));
    }
    if (!plan.law().dataset().empty()) absl::StrAppend(&law, " on ", plan.law().dataset());
    lines.push_back(law);
  }
  std::string model =
      absl::StrCat("Model ", plan.model().name(), ": ",
                   FormatCount(static_cast<double>(plan.model().param_count())), " parameters");
  if (plan.has_token_count()) {
    absl::StrAppend(&model, ", ", FormatCount(static_cast<double>(plan.token_count())), " tokens");
  }
  lines.push_back(model);
  if (plan.has_allocation()) {
    lines.push_back(absl::StrCat("GPUs ", plan.allocation().gpu_count(), " x ",
                                 plan.allocation().gpu_type(), " in ",
                                 plan.allocation().node_count(), " nodes"));
  }
  if (plan.has_time() && plan.time().step_seconds() > 0) {
    std::string time = absl::StrFormat("Predicted: %.4g s a step, MFU %.1f%%",
                                       plan.time().step_seconds(), 100 * plan.time().mfu());
    if (plan.time().wall_seconds() > 0) {
      absl::StrAppend(&time, ", wall time ", FormatDuration(plan.time().wall_seconds()));
    }
    if (plan.time().has_wall_high_seconds()) {
      absl::StrAppend(&time, " (up to ", FormatDuration(plan.time().wall_high_seconds()), ")");
    }
    if (plan.has_memory()) {
      absl::StrAppend(&time, ", peak memory ", FormatBytes(plan.memory().peak_bytes()));
    }
    lines.push_back(time);
  }
  for (std::string& line : lines) line = OneLine(line);
  return lines;
}

std::string HashComments(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    absl::StrAppend(&text, line.empty() ? "#" : "# ", OneLine(line), "\n");
  }
  return text;
}

std::string ShellHeader(const v1::Plan& plan, const std::vector<std::string>& more,
                        const std::vector<std::string>& remarks) {
  std::vector<std::string> lines = DescribePlan(plan);
  if (plan.has_learning_rate()) {
    lines.push_back(absl::StrCat("Learning rate: a suggestion, ", plan.learning_rate().schedule()));
  }
  lines.insert(lines.end(), more.begin(), more.end());
  for (const std::string& remark : remarks) lines.push_back(absl::StrCat("Note: ", remark));
  return HashComments(lines);
}

std::string Export(absl::string_view name, absl::string_view value) {
  return absl::StrCat("export ", name, "=", ShellQuote(value), "\n");
}

double JobSeconds(const v1::TimePlan& time) {
  const double upper = std::max(time.wall_seconds(), time.wall_high_seconds());
  if (!time.has_job_limit_seconds()) return upper;
  constexpr double kMinute = 60;
  return std::min(upper, std::max(1.0, std::floor(time.job_limit_seconds() / kMinute)) * kMinute);
}

absl::StatusOr<int64_t> RanksPerNode(const v1::Plan& plan) {
  const v1::Plan::Allocation& allocation = plan.allocation();
  if (allocation.node_count() < 1 || allocation.gpu_count() % allocation.node_count() != 0) {
    return CannotExpress("allocation.gpu_count", absl::StrCat(allocation.gpu_count()),
                         absl::StrCat("launchers start as many ranks on each of the ",
                                      allocation.node_count(), " nodes"));
  }
  return allocation.gpu_count() / allocation.node_count();
}

std::string RecomputeName(v1::Recompute recompute) {
  return LowerWithoutPrefix(v1::Recompute_Name(recompute), "RECOMPUTE_");
}

std::string PrecisionName(v1::Precision precision) {
  return LowerWithoutPrefix(v1::Precision_Name(precision), "PRECISION_");
}

absl::Status CannotExpress(absl::string_view field, absl::string_view value,
                           absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, ": ", reason));
}

std::string FrameworkRemark(const v1::Plan& plan, LaunchKind kind) {
  const std::string framework = LaunchKindFramework(kind);
  if (framework.empty() || Starts(framework, plan.layout().framework())) return "";
  return absl::StrCat("time and memory were predicted for ", plan.layout().framework(),
                      ", not for what this starts: plan with --framework ", framework);
}

std::string LearningRateText(const v1::Plan& plan) {
  return absl::StrFormat("%.4g", plan.learning_rate().peak());
}

}  // namespace rhumb::launch
