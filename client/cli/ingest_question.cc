// SPDX-License-Identifier: Apache-2.0
#include "client/cli/ingest_question.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_settings_flags.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

using ingest::LogFacts;
using ingest::LogFormat;

std::vector<Flag> FormatFlags() {
  constexpr char kGroup[] = "Format";
  const auto flag = [&](LogFormat format, const char* help) {
    return Flag{.name = ingest::FormatName(format),
                .kind = FlagKind::kSwitch,
                .help = help,
                .group = kGroup};
  };
  return {flag(LogFormat::kMegatron, "what Megatron-LM, or a fork of it, prints"),
          flag(LogFormat::kNanoGpt, "what nanoGPT prints"),
          flag(LogFormat::kTorchtitan, "what torchtitan logs"),
          flag(LogFormat::kCsv, "a table: token_count (or step), loss_nats, step_seconds, ...")};
}

std::vector<Flag> NewRunFlags() {
  constexpr char kGroup[] = "Run";
  return {{.name = "plan",
           .field = "run.plan",
           .kind = FlagKind::kText,
           .placeholder = "PLAN",
           .help = "of a new run: the plan that it carries out",
           .group = kGroup,
           .completion = Completion::kPlan},
          {.name = "title",
           .field = "run.title",
           .kind = FlagKind::kText,
           .placeholder = "TEXT",
           .help = "of a new run: what you call it",
           .group = kGroup}};
}

template <typename... Lists>
std::vector<Flag> Joined(std::vector<Flag> flags, const Lists&... more) {
  (flags.insert(flags.end(), more.begin(), more.end()), ...);
  return flags;
}

absl::StatusOr<LogFormat> ReadFormat(const Invocation& invocation) {
  std::optional<LogFormat> format;
  for (const LogFormat each :
       {LogFormat::kMegatron, LogFormat::kNanoGpt, LogFormat::kTorchtitan, LogFormat::kCsv}) {
    if (!invocation.Has(ingest::FormatName(each))) continue;
    if (format.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("--", ingest::FormatName(*format),
                                                     " contradicts --", ingest::FormatName(each)));
    }
    format = each;
  }
  if (format.has_value()) return *format;
  return absl::InvalidArgumentError(
      "say the format of the log: --megatron, --nanogpt, --torchtitan or --csv");
}

}  // namespace

std::vector<Flag> IngestFlags() {
  constexpr char kGroup[] = "Run";
  constexpr char kLog[] = "Log";
  return Joined(
      FormatFlags(),
      std::vector<Flag>{
          {.name = "follow",
           .kind = FlagKind::kSwitch,
           .help = "go on with what is written from now on",
           .group = kLog,
           .short_name = 'f'},
          {.name = "sequence-length",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "tokens of a sequence, where the log counts sequences and does not say it",
           .group = kLog},
          {.name = "run",
           .kind = FlagKind::kText,
           .placeholder = "RUN",
           .help = "the run that it is of; default: a new one",
           .group = kGroup,
           .completion = Completion::kRun}},
      NewRunFlags(), RunSettingsFlags());
}

absl::StatusOr<IngestQuestion> ReadIngestQuestion(const Invocation& invocation, double now) {
  IngestQuestion question;
  RHUMB_ASSIGN_OR_RETURN(question.format, ReadFormat(invocation));
  const std::vector<Flag> fields = Joined(NewRunFlags(), RunSettingsFlags());
  RHUMB_RETURN_IF_ERROR(SetFieldsFromFlags(fields, invocation, now, question.create));
  question.path = invocation.arguments[0];
  question.follow = invocation.Has("follow");
  question.run = invocation.Value("run");
  const v1::RunSettings& settings = question.create.run().settings();
  if (settings.has_global_batch_tokens()) {
    question.given.global_batch_tokens = settings.global_batch_tokens();
  }
  if (settings.has_gpu_count()) question.given.gpu_count = settings.gpu_count();
  if (settings.has_target_token_count()) {
    question.given.target_token_count = settings.target_token_count();
  }
  if (invocation.Has("sequence-length")) {
    v1::RunSample count;  // any field of whole numbers
    const absl::Status read =
        SetField(count, "step", FlagKind::kCount, invocation.Value("sequence-length"), now);
    if (!read.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--sequence-length: ", read.message()));
    }
    question.given.sequence_length = count.step();
  }
  for (const auto& [name, value] : {std::pair("sequence-length", question.given.sequence_length),
                                    std::pair("batch-tokens", question.given.global_batch_tokens),
                                    std::pair("gpu-count", question.given.gpu_count)}) {
    if (value.has_value() && *value < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, " must be positive, got ", *value));
    }
  }
  if (question.run.empty()) return question;
  for (const Flag& flag : fields) {
    const bool is_of_the_log = flag.name == "batch-tokens" || flag.name == "gpu-count";
    if (invocation.Has(flag.name) && !is_of_the_log) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", flag.name, " is for a new run: --run names one that is there already"));
    }
  }
  return question;
}

absl::StatusOr<LogFacts> AssumedFacts(const IngestQuestion& question, client::Client& client) {
  LogFacts facts;
  std::string plan_name = question.create.run().plan();
  if (!question.run.empty()) {
    v1::GetRunRequest request;
    request.set_name(question.run);
    RHUMB_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(request));
    plan_name = run.plan();
    const v1::RunSettings& settings = run.settings();
    if (settings.has_global_batch_tokens()) {
      facts.global_batch_tokens = settings.global_batch_tokens();
    }
    if (settings.has_gpu_count()) facts.gpu_count = settings.gpu_count();
  }
  if (plan_name.empty()) return facts;
  v1::GetPlanRequest request;
  request.set_name(plan_name);
  const absl::StatusOr<v1::Plan> plan = client.GetPlan(request);
  // A plan that was deleted says nothing; of a new run it must be there.
  if (!plan.ok() && absl::IsNotFound(plan.status()) && !question.run.empty()) return facts;
  if (!plan.ok()) return plan.status();
  if (plan->model().sequence_length() > 0) facts.sequence_length = plan->model().sequence_length();
  if (!facts.global_batch_tokens.has_value() && plan->batch().global_batch_tokens() > 0) {
    facts.global_batch_tokens = plan->batch().global_batch_tokens();
  }
  if (!facts.gpu_count.has_value() && plan->allocation().gpu_count() > 0) {
    facts.gpu_count = plan->allocation().gpu_count();
  }
  return facts;
}

}  // namespace rhumb::cli
