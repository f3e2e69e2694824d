// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/law_picture.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/render_law.h"
#include "client/cli/request_fields.h"
#include "client/cli/resources.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> ListFlags() {
  return {{.name = "planable",
           .field = "planable",
           .kind = FlagKind::kSwitch,
           .help = "only laws that a plan can be made with",
           .group = "Filter"},
          {.name = "origin",
           .field = "origin",
           .kind = FlagKind::kChoice,
           .placeholder = "WHERE",
           .help = "only laws from there",
           .group = "Filter",
           .choices = EnumChoices(*v1::LawOrigin_descriptor())}};
}

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::ListLawsRequest request;
  const absl::Status read =
      SetFieldsFromFlags(ListFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  const Listing<v1::ListLawsResponse, v1::Law> listing = {
      .ask = [&](client::Client& client) { return AllLaws(client, request); },
      .items = &v1::ListLawsResponse::laws,
      .table = LawsTable};
  return RunListing(listing, *output, invocation, context);
}

// The runs a law was fitted to; none for laws that were not fitted here, or whose set is gone.
absl::StatusOr<google::protobuf::RepeatedPtrField<v1::Observation>> RunsBehind(
    const v1::Law& law, client::Client& client) {
  google::protobuf::RepeatedPtrField<v1::Observation> runs;
  if (law.observations().empty()) return runs;
  v1::GetObservationsRequest request;
  request.set_name(law.observations());
  request.set_page_size(kObservationPageSize);
  do {
    const absl::StatusOr<v1::GetObservationsResponse> page = client.GetObservations(request);
    if (absl::IsNotFound(page.status())) return runs;
    RHUMB_RETURN_IF_ERROR(page.status());
    runs.MergeFrom(page->observations());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return runs;
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<PictureOptions> picture = ReadPictureFlags(invocation);
  if (!picture.ok()) return FailUsage(context, picture.status());
  v1::GetLawRequest request;
  request.set_name(invocation.arguments[0]);
  const Showing<v1::Law> showing = {
      .ask = [&](client::Client& client) { return client.GetLaw(request); },
      .table = LawsTable,
      .render =
          [&](const v1::Law& law) {
            return RenderLaw(law, output->table.wide, context.out_terminal);
          },
      .then = [&](const v1::Law& law, client::Client& client) -> absl::Status {
        if (!picture->braille.has_value() && picture->svg_file.empty()) return absl::OkStatus();
        RHUMB_ASSIGN_OR_RETURN(const auto runs, RunsBehind(law, client));
        return DrawLaw(law, runs, law.fit_options(), *picture, context);
      }};
  return RunShowing(showing, *output, invocation, context);
}

int RunDelete(const Invocation& invocation, Context& context) {
  v1::DeleteLawRequest request;
  request.set_name(invocation.arguments[0]);
  request.set_validate_only(invocation.Has("dry-run"));
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::Status status = home->client->DeleteLaw(request);
  if (!status.ok()) return Fail(context, status);
  Remark(invocation, context,
         std::string(request.validate_only() ? "would delete law " : "deleted law ") +
             BareName(request.name()));
  return kExitOk;
}

}  // namespace

Command LawListCommand() {
  return {.words = {"law", "list"},
          .summary = "List the scaling laws.",
          .flags = ListFlags(),
          .examples = {{"law list", "all laws"},
                       {"law list --origin fitted", "those fitted here"},
                       {"law list --planable -o name", "names for --law, for scripts"}},
          .run = RunList};
}

Command LawShowCommand() {
  return {.words = {"law", "show"},
          .summary = "Show a law: constants, conventions, range, source.",
          .arguments = {{.name = "LAW",
                         .help = "name of a law, as besiroglu2024, or a version, as mine@2",
                         .completion = Completion::kLaw}},
          .flags = PictureFlags(),
          .examples = {{"law show besiroglu2024", "the default law"},
                       {"law show mine --plot braille", "with the runs it was fitted to"},
                       {"law show mine --picture map --svg mine.svg", "loss over N and D"}},
          .run = RunShow};
}

Command LawDeleteCommand() {
  return {.words = {"law", "delete"},
          .summary = "Delete a stored law; plans made with it stay.",
          .arguments = {{.name = "LAW",
                         .help = "name of a stored law (all its versions), or one version, as "
                                 "mine@2",
                         .completion = Completion::kLaw}},
          .flags = {{.name = "dry-run",
                     .kind = FlagKind::kSwitch,
                     .help = "say whether it could be deleted, delete nothing",
                     .group = "Law"}},
          .examples = {{"law delete mine@1", "an old version"}},
          .run = RunDelete};
}

}  // namespace rhumb::cli
