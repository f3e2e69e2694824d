// SPDX-License-Identifier: Apache-2.0
#include "client/cli/why_not.h"

#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/format.h"
#include "client/cli/render_parts.h"
#include "client/cli/request_fields.h"
#include "client/cli/step_causes.h"
#include "client/config/human_numbers.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

constexpr char kForm[] = "parts of a layout, as tensor_parallel_size=4,zero_stage=1";

std::string PartNames() {
  std::vector<std::string> names;
  const Descriptor& type = *v1::LayoutConstraints::descriptor();
  for (int i = 0; i < type.field_count(); ++i) names.emplace_back(type.field(i)->name());
  return absl::StrJoin(names, ", ");
}

// One part, PART=VALUE; dashes are as good as underscores.
absl::Status AddPart(absl::string_view text, v1::LayoutConstraints& parts) {
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::string name =
      absl::StrReplaceAll(absl::StripAsciiWhitespace(sides.first), {{"-", "_"}});
  const absl::string_view value = absl::StripAsciiWhitespace(sides.second);
  if (name.empty() || value.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", kForm, ", got \"", text, "\""));
  }
  const FieldDescriptor* field = v1::LayoutConstraints::descriptor()->FindFieldByName(name);
  if (field == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is no part of a layout; there are ", PartNames()));
  }
  const bool is_choice = field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
  const absl::Status set =
      SetField(parts, name, is_choice ? FlagKind::kChoice : FlagKind::kCount, value, 0);
  if (set.ok()) return set;
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", set.message()));
}

// Where a token's time goes more than in the plan, of the plan's own time per token.
std::string Slower(const v1::Plan& plan, const v1::Plan& with) {
  const double rate = plan.time().tokens_per_second(), other = with.time().tokens_per_second();
  if (!(rate > 0) || !(other > 0)) return "";
  std::string text =
      absl::StrCat(FormatTokensPerSecond(other), " instead of ", FormatTokensPerSecond(rate));
  const double step = plan.time().step_seconds(), with_step = with.time().step_seconds();
  if (!plan.time().has_step_breakdown() || !with.time().has_step_breakdown() || !(step > 0) ||
      !(with_step > 0)) {
    return text;
  }
  const char* cause = nullptr;
  double most = 0.005;  // less is not worth a word
  for (const StepCause& each : kStepCauses) {
    const double before = (plan.time().step_breakdown().*each.seconds)() / step;
    const double after = (with.time().step_breakdown().*each.seconds)() / with_step * rate / other;
    if (after - before <= most) continue;
    most = after - before;
    cause = each.name;
  }
  if (cause == nullptr) return text;
  return absl::StrCat(text, ", of which ", cause, " takes ", FormatFraction(most),
                      " of the plan's time per token more");
}

bool IsSameWork(const v1::Plan& plan, const v1::Plan& with) {
  return plan.model().name() == with.model().name() &&
         plan.allocation().gpu_type() == with.allocation().gpu_type() &&
         plan.allocation().gpu_count() == with.allocation().gpu_count();
}

std::string Difference(const v1::Plan& plan, const v1::Plan& with) {
  std::vector<std::string> texts;
  const double nats = with.loss().mean_nats() - plan.loss().mean_nats();
  if (std::abs(nats) >= 5e-5) texts.push_back(absl::StrFormat("%+.4f nats", nats));
  const auto relative = [&](double before, double after, const char* what) {
    if (!(before > 0) || std::abs(after / before - 1) < 5e-4) return;
    texts.push_back(absl::StrFormat("%+.1f%% %s", 100 * (after / before - 1), what));
  };
  relative(plan.time().wall_seconds(), with.time().wall_seconds(), "wall time");
  relative(plan.cost().gpu_hours(), with.cost().gpu_hours(), "GPU-hours");
  return texts.empty() ? "no worse: a tie, of which the plan is the first" : JoinParts(texts, ", ");
}

}  // namespace

Flag WhyNotFlag() {
  return {.name = "why-not",
          .kind = FlagKind::kText,
          .placeholder = "PARTS",
          .help =
              "the best plan with these parts of a layout, beside the plan, as "
              "tensor_parallel_size=4,zero_stage=1",
          .group = "Output",
          .repeatable = true};
}

absl::StatusOr<std::vector<WhyNot>> ReadWhyNot(const Invocation& invocation) {
  std::vector<WhyNot> all;
  const auto given = invocation.flags.find("why-not");
  if (given == invocation.flags.end()) return all;
  for (const std::string& text : given->second) {
    WhyNot& asked = all.emplace_back(WhyNot{text, {}});
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      const absl::Status added = AddPart(part, asked.parts);
      if (!added.ok()) {
        return absl::InvalidArgumentError(absl::StrCat("--why-not: ", added.message()));
      }
    }
  }
  return all;
}

absl::StatusOr<v1::Plan> AskWithParts(const WhyNot& asked, const v1::CreatePlanRequest& question,
                                      const Home& home) {
  v1::CreatePlanRequest with = question;
  with.mutable_layout()->MergeFrom(asked.parts);
  with.set_validate_only(true);
  with.clear_request_id();
  return home.client->CreatePlan(with);
}

bool HasParts(const v1::Plan& plan, const v1::LayoutConstraints& parts) {
  if (!plan.has_layout()) return false;
  const Reflection& of_parts = *parts.GetReflection();
  std::vector<const FieldDescriptor*> given;
  of_parts.ListFields(parts, &given);
  for (const FieldDescriptor* part : given) {
    const std::string name(part->name());
    const bool is_limit = absl::StartsWith(name, "max_");
    const FieldDescriptor* field =
        v1::Layout::descriptor()->FindFieldByName(std::string(absl::StripPrefix(name, "max_")));
    if (field == nullptr) return false;
    const Reflection& of_layout = *plan.layout().GetReflection();
    if (part->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      if (of_layout.GetEnumValue(plan.layout(), field) != of_parts.GetEnumValue(parts, part)) {
        return false;
      }
      continue;
    }
    const int64_t has = of_layout.GetInt64(plan.layout(), field);
    const int64_t asked = of_parts.GetInt64(parts, part);
    if (is_limit ? has > asked : has != asked) return false;
  }
  return true;
}

void AddWhyNot(const WhyNot& asked, const v1::Plan& plan, const v1::Plan& with, Report& report) {
  constexpr char kLabel[] = "Why not";
  if (with.state() != v1::Plan::STATE_FEASIBLE) {
    report.Row(
        kLabel,
        absl::StrCat(asked.text, ": no plan has it; ",
                     with.infeasibility().conflict().empty()
                         ? "it is outside of the space that is searched"
                         : absl::StrCat("together cannot be met: ",
                                        absl::StrJoin(with.infeasibility().conflict(), ", "))));
    return;
  }
  if (HasParts(plan, asked.parts)) {
    report.Row(kLabel, absl::StrCat(asked.text, ": the plan has it"));
    return;
  }
  report.Row(kLabel,
             absl::StrCat(asked.text, ": the best plan with it is ",
                          FormatCount(with.model().param_count()), " on ",
                          FormatCount(with.token_count()), " tokens with ",
                          DescribeAllocation(with.allocation()), ": ", Difference(plan, with)));
  AddLayout(with.layout(), report);
  if (IsSameWork(plan, with)) report.Row("", Slower(plan, with));
}

}  // namespace rhumb::cli
