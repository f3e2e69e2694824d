// SPDX-License-Identifier: Apache-2.0
#include "client/cli/predict_command.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/output.h"
#include "client/cli/question_flags.h"
#include "client/cli/render_check.h"
#include "client/cli/request_fields.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

int RunPredict(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: a prediction has no name"));
  }
  v1::PredictLossRequest request;
  const absl::Status read =
      SetFieldsFromFlags(PredictFieldFlags(), invocation, context.now_unix_seconds, request);
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
          .flags = PredictFieldFlags(),
          .examples =
              {{"predict --params 7B --tokens 2T", "by the default law"},
               {"predict --law muennighoff2023-c4 --params 3B --tokens 200B --unique-tokens 25B",
                "with repeated data"}},
          .run = RunPredict};
}

}  // namespace rhumb::cli
