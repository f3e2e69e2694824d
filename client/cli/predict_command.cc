// SPDX-License-Identifier: Apache-2.0
#include "client/cli/predict_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/output.h"
#include "client/cli/question_flags.h"
#include "client/cli/render_check.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> PredictFlags() {
  std::vector<Flag> flags = PredictFieldFlags();
  flags.push_back({.name = "compute",
                   .field = "training_flops",
                   .kind = FlagKind::kCount,
                   .placeholder = "FLOP",
                   .help = "training FLOP, for laws of compute",
                   .group = "Question",
                   .aliases = {"training-flops"}});
  // Not set by its field: a map, whose keys only the daemon knows.
  flags.push_back({.name = "input",
                   .field = "inputs",
                   .kind = FlagKind::kText,
                   .placeholder = "NAME=VALUE",
                   .help = "another variable of the law, as law show lists them",
                   .group = "Question",
                   .repeatable = true});
  return flags;
}

absl::Status ReadInputs(const Invocation& invocation, v1::PredictLossRequest& request) {
  const auto given = invocation.flags.find("input");
  if (given == invocation.flags.end()) return absl::OkStatus();
  for (const std::string& text : given->second) {
    const std::pair<std::string, std::string> sides = absl::StrSplit(text, absl::MaxSplits('=', 1));
    // 7B as well as -0.5: counts and plain numbers are variables alike.
    absl::StatusOr<double> value = ParseNumber(sides.second);
    if (!value.ok()) value = ParseCount(sides.second);
    if (sides.first.empty() || !value.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--input (inputs): expected NAME=VALUE, as depth=24, got \"", text, "\""));
    }
    if (!request.mutable_inputs()->insert({sides.first, *value}).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("--input (inputs): ", sides.first, " is given twice"));
    }
  }
  return absl::OkStatus();
}

int RunPredict(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: a prediction has no name"));
  }
  v1::PredictLossRequest request;
  std::vector<Flag> flags = PredictFlags();
  flags.pop_back();  // --input
  absl::Status read = SetFieldsFromFlags(flags, invocation, context.now_unix_seconds, request);
  if (read.ok()) read = ReadInputs(invocation, request);
  if (!read.ok()) return FailUsage(context, read);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::PredictLossResponse> answer = home->client->PredictLoss(request);
  if (!answer.ok()) return Fail(context, answer.status());
  const auto table = [&] {
    if (output->table.parsable)
      return RenderTable(PredictionTable(*answer), output->table, context.out_terminal);
    return RenderPrediction(*answer, output->table.wide, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*answer, *output, table, {}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command PredictCommand() {
  return {.words = {"predict"},
          .summary = "Predict the loss of a given model on given tokens.",
          .flags = PredictFlags(),
          .examples =
              {{"predict --params 7B --tokens 2T", "by the default law"},
               {"predict --law muennighoff2023-c4 --params 3B --tokens 200B --unique-tokens 25B",
                "with repeated data"},
               {"predict --law kaplan2020-n --params 1.5B", "a law of one variable"},
               {"predict --law kaplan2020-cmin --compute 1e21", "a law of compute"}},
          .run = RunPredict};
}

}  // namespace rhumb::cli
