// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_suggest_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/output.h"
#include "client/cli/render_fit.h"
#include "client/cli/request_fields.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> SuggestFlags() {
  constexpr char kQuestion[] = "Question";
  return {{.name = "budget-flops",
           .field = "budget_flops",
           .kind = FlagKind::kCount,
           .placeholder = "FLOP",
           .help = "for all suggested runs together",
           .group = kQuestion,
           .aliases = {"budget"}},
          {.name = "target-compute",
           .field = "target_compute_flops",
           .kind = FlagKind::kCount,
           .placeholder = "FLOP",
           .help = "compute of the run that is planned",
           .group = kQuestion,
           .aliases = {"target-compute-flops"}},
          {.name = "count",
           .field = "count",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "most runs; default 12",
           .group = kQuestion},
          {.name = "goal",
           .field = "goal",
           .kind = FlagKind::kChoice,
           .placeholder = "WHAT",
           .help = "what to know better of the planned run: ln of its loss (default) or size",
           .group = kQuestion,
           .choices = EnumChoices(*v1::SuggestExperimentsRequest::Goal_descriptor())},
          {.name = "min-params",
           .field = "min_param_count",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "smallest model to train",
           .group = kQuestion,
           .aliases = {"min-param-count"}},
          {.name = "max-params",
           .field = "max_param_count",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "largest model to train",
           .group = kQuestion,
           .aliases = {"max-param-count"}}};
}

int RunSuggest(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: suggestions have no name"));
  }
  v1::SuggestExperimentsRequest request;
  const absl::Status read =
      SetFieldsFromFlags(SuggestFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  for (const char* flag : {"budget-flops", "target-compute"}) {
    if (!invocation.Has(flag)) {
      return FailUsage(context,
                       absl::InvalidArgumentError(std::string("--") + flag + " must be given"));
    }
  }
  request.set_law(invocation.arguments[0]);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::SuggestExperimentsResponse> answer =
      home->client->SuggestExperiments(request);
  if (!answer.ok()) return Fail(context, answer.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(ExperimentsTable(*answer), output->table, context.out_terminal)
               : RenderSuggestion(*answer, output->table.wide, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*answer, *output, table, {}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command LawSuggestCommand() {
  return {.words = {"law", "suggest"},
          .summary = "Which small runs would narrow a law's answer most?",
          .arguments = {{.name = "LAW",
                         .help = "a law with a covariance, as mine",
                         .completion = Completion::kLaw}},
          .flags = SuggestFlags(),
          .examples = {{"law suggest mine --budget-flops 1e20 --target-compute 1e23",
                        "for the loss of a run of 1e23 FLOP"},
                       {"law suggest mine --budget-flops 1e20 --target-compute 1e23 --goal params "
                        "--count 4",
                        "for its best size, with four runs"}},
          .run = RunSuggest};
}

}  // namespace rhumb::cli
