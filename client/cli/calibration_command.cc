// SPDX-License-Identifier: Apache-2.0
#include "client/cli/calibration_command.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/argument_text.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/render_calibration.h"
#include "client/cli/resources.h"
#include "client/config/human_numbers.h"
#include "planner/status_macros.h"
#include "proto/json/json_reader.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const Listing<v1::ListCalibrationsResponse, v1::Calibration> listing = {
      .ask = AllCalibrations,
      .items = &v1::ListCalibrationsResponse::calibrations,
      .table = CalibrationsTable};
  return RunListing(listing, *output, invocation, context);
}

// A calibration as `ask` answers it.
Showing<v1::Calibration> ShowingOf(
    std::function<absl::StatusOr<v1::Calibration>(client::Client&)> ask, const Context& context) {
  return {.ask = std::move(ask),
          .table = [](const std::vector<v1::Calibration>& all) { return ConstantsTable(all[0]); },
          .render =
              [&context](const v1::Calibration& calibration) {
                return RenderCalibration(calibration, context.out_terminal);
              }};
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetCalibrationRequest request;
  request.set_name(invocation.arguments[0]);
  return RunShowing(
      ShowingOf([&](client::Client& client) { return client.GetCalibration(request); }, context),
      *output, invocation, context);
}

absl::StatusOr<v1::Calibration> ReadCalibrationFile(const Invocation& invocation) {
  const std::string& path = invocation.arguments[0];
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadArgumentText(path, invocation));
  v1::Calibration calibration;
  const absl::Status read = ReadJson(text, &calibration);
  if (!read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(ShownPath(path), ": ", read.message()));
  }
  if (invocation.Has("name")) calibration.set_name(invocation.Value("name"));
  if (calibration.name().empty()) {
    return absl::InvalidArgumentError(
        "the file names no calibration; say what to store it as with --name");
  }
  return calibration;
}

int RunApply(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<v1::Calibration> calibration = ReadCalibrationFile(invocation);
  if (!calibration.ok()) return FailUsage(context, calibration.status());
  v1::ApplyCalibrationRequest request;
  *request.mutable_calibration() = *calibration;
  return RunApplication(request, &client::Client::ApplyCalibration, ShowingOf({}, context), *output,
                        invocation, context);
}

std::vector<Flag> CalibrationApplyFlags() {
  std::vector<Flag> flags = ApplyFlags();
  flags.insert(flags.begin(), {.name = "name",
                               .field = "calibration.name",
                               .kind = FlagKind::kText,
                               .placeholder = "NAME",
                               .help = "store it under this name instead of the file's",
                               .group = "Apply"});
  return flags;
}

// The newest version's content as that of an older one: a version more, none less.
int RunRevert(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const std::string name = invocation.arguments[0];
  if (absl::StrContains(name, '@')) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "NAME is without a version: --version says which to go back to"));
  }
  int64_t version = 0;
  if (invocation.Has("version")) {
    const absl::StatusOr<int64_t> given = ParseIntegerCount(invocation.Value("version"));
    if (!given.ok() || *given < 1) {
      return FailUsage(context, absl::InvalidArgumentError(
                                    absl::StrCat("--version must be a whole number from 1, got \"",
                                                 invocation.Value("version"), "\"")));
    }
    version = *given;
  }
  const auto revert = [&](client::Client& client) -> absl::StatusOr<v1::Calibration> {
    v1::GetCalibrationRequest get;
    get.set_name(name);
    if (version == 0) {
      RHUMB_ASSIGN_OR_RETURN(const v1::Calibration newest, client.GetCalibration(get));
      if (newest.version() <= 1) {
        return absl::FailedPreconditionError(
            absl::StrCat(newest.name(), " has one version: there is nothing to go back to"));
      }
      version = newest.version() - 1;
    }
    get.set_name(absl::StrCat(name, "@", version));
    v1::ApplyCalibrationRequest apply;
    RHUMB_ASSIGN_OR_RETURN(*apply.mutable_calibration(), client.GetCalibration(get));
    apply.mutable_calibration()->set_name(name);
    apply.set_validate_only(invocation.Has("dry-run"));
    apply.set_request_id(invocation.Value("request-id"));
    return client.ApplyCalibration(apply);
  };
  const int code = RunShowing(ShowingOf(revert, context), *output, invocation, context);
  if (code == kExitOk) {
    Remark(invocation, context,
           invocation.Has("dry-run")
               ? absl::StrCat("nothing was changed, as --dry-run says; it would be as version ",
                              version)
               : absl::StrCat("is as version ", version, " was"));
  }
  return code;
}

int RunDelete(const Invocation& invocation, Context& context) {
  return RunDeletion(&client::Client::DeleteCalibration, invocation, context);
}

}  // namespace

Command CalibrationListCommand() {
  return {.words = {"calibration", "list"},
          .summary = "List the stored calibrations, each in its newest version.",
          .examples = {{"calibration list -o wide", "with owners and sources"}},
          .run = RunList};
}

Command CalibrationShowCommand() {
  return {.words = {"calibration", "show"},
          .summary = "Show a calibration: constants with the defaults beside them, errors, source.",
          .arguments = {{.name = "NAME",
                         .help = "name of a calibration, or a version of it, as mine@2"}},
          .examples = {{"calibration show mine", "the newest version"},
                       {"calibration show mine@1 --json",
                        "an older one, as a file for rhumb calibration apply"}},
          .run = RunShow};
}

Command CalibrationApplyCommand() {
  return {
      .words = {"calibration", "apply"},
      .summary = "Store a calibration from a file as the next version of its name.",
      .description =
          "The file is JSON as `calibration show NAME --json` and `calibrate --dry-run --json` "
          "print it; - reads\nstdin. Of each family family, run_count, table_count and at least "
          "one of constants must be there; constants\nthat are not are as without a "
          "calibration.",
      .arguments = {{.name = "FILE",
                     .help = "JSON of a calibration",
                     .completion = Completion::kFile}},
      .flags = CalibrationApplyFlags(),
      .examples = {{"calibration apply mine.json --name cluster-a", "store it"},
                   {"calibration apply mine.json --dry-run", "check the file"}},
      .run = RunApply};
}

Command CalibrationRevertCommand() {
  std::vector<Flag> flags = ApplyFlags();
  for (Flag& flag : flags) flag.group = "Revert";
  flags.insert(flags.begin(), {.name = "version",
                               .kind = FlagKind::kCount,
                               .placeholder = "V",
                               .help = "to go back to; default the one before the newest",
                               .group = "Revert"});
  return {.words = {"calibration", "revert"},
          .summary = "Make an older version of a calibration its newest again.",
          .description =
              "Versions never change: what version V said is stored once more, as the next one. "
              "Plans made with the\nversions in between stay as they are.",
          .arguments = {{.name = "NAME", .help = "name of a calibration"}},
          .flags = std::move(flags),
          .examples = {{"calibration revert mine", "the version before the newest"},
                       {"calibration revert mine --version 2 --dry-run", "what would it be?"}},
          .run = RunRevert};
}

Command CalibrationDeleteCommand() {
  return {.words = {"calibration", "delete"},
          .summary = "Delete a calibration with all its versions; plans made with it stay.",
          .arguments = {{.name = "NAME", .help = "name of a calibration"}},
          .flags = {{.name = "dry-run",
                     .kind = FlagKind::kSwitch,
                     .help = "only say whether it could be deleted",
                     .group = "Delete"}},
          .examples = {{"calibration delete mine --dry-run", "would it go?"}},
          .run = RunDelete};
}

}  // namespace rhumb::cli
