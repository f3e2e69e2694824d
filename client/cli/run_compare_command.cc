// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_compare_command.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/output.h"
#include "client/cli/render_parts.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_picture.h"
#include "client/cli/run_report.h"
#include "client/config/human_numbers.h"
#include "client/config/text_file.h"
#include "client/plot/svg.h"
#include "client/plot/terminal_plot.h"
#include "proto/json/json_printer.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {
namespace {

constexpr int kMaxTerminalWidth = 120;
constexpr int kTerminalRows = 18;
constexpr double kDefaultLevel = 0.9;

std::vector<Flag> QuestionFlags() {
  constexpr char kGroup[] = "Comparison";
  return {{.name = "points",
           .field = "point_count",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "points of the loss curve, at most 1000; default 100",
           .group = kGroup},
          {.name = "level",
           .field = "level",
           .kind = FlagKind::kNumber,
           .placeholder = "X",
           .help = "of bands and forecast; default 0.9",
           .group = kGroup}};
}

Table PointsTable(const v1::CompareRunResponse& comparison) {
  Table table;
  table.columns = {{.title = "TOKENS", .number = true},
                   {.title = "PLANNED", .number = true},
                   {.title = "LOW", .number = true},
                   {.title = "HIGH", .number = true},
                   {.title = "ACTUAL", .number = true}};
  const auto cell = [](bool has, double value) {
    return has ? absl::StrFormat("%.6g", value) : std::string();
  };
  for (const v1::LossPoint& point : comparison.loss_curve()) {
    table.rows.push_back({absl::StrCat(point.token_count()),
                          cell(point.has_planned_nats(), point.planned_nats()),
                          cell(point.has_planned_low_nats(), point.planned_low_nats()),
                          cell(point.has_planned_high_nats(), point.planned_high_nats()),
                          cell(point.has_actual_nats(), point.actual_nats())});
  }
  return table;
}

bool HasCurve(const v1::CompareRunResponse& comparison) {
  return std::any_of(comparison.loss_curve().begin(), comparison.loss_curve().end(),
                     [](const v1::LossPoint& point) {
                       return point.has_planned_nats() || point.has_actual_nats();
                     });
}

std::string Render(const v1::CompareRunResponse& comparison, double level, const std::string& plot,
                   const OutputOptions& output, const Context& context) {
  const Terminal& terminal = context.out_terminal;
  std::string text = RenderRun(comparison.run(), output.table.wide, terminal);
  if (!comparison.assumptions().empty()) {
    Report report(terminal);
    AddAssumptions(comparison.assumptions(), output.table.wide, report);
    absl::StrAppend(&text, report.text());
  }
  if (plot == "none") return text;
  if (!HasCurve(comparison)) {
    return absl::StrCat(text, "\nThere is no loss to draw: neither planned nor reported.\n");
  }
  plot::TerminalOptions options;
  options.width = std::min(terminal.width, kMaxTerminalWidth);
  options.height = kTerminalRows;
  options.charset = plot == "braille" ? plot::Charset::kBraille : plot::Charset::kAscii;
  options.color = terminal.color;
  absl::StrAppend(&text, "\n", plot::RenderTerminal(LossCurveFigure(comparison, level), options));
  return text;
}

absl::Status WriteSvg(const v1::CompareRunResponse& comparison, double level,
                      const std::string& path) {
  if (!HasCurve(comparison)) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no loss to draw in ", path, ": neither planned nor reported"));
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << plot::RenderSvg(LossCurveFigure(comparison, level), plot::SvgOptions());
  file.close();
  return file ? absl::OkStatus()
              : absl::FailedPreconditionError(absl::StrCat("cannot write ", path));
}

int RunCompare(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::CompareRunRequest request;
  const absl::Status read =
      SetFieldsFromFlags(QuestionFlags(), invocation, context.now_unix_seconds, request);
  if (!read.ok()) return FailUsage(context, read);
  const bool is_report =
      (output->format == OutputFormat::kTable || output->format == OutputFormat::kWide) &&
      !output->table.parsable;
  if (invocation.Has("plot") && invocation.Value("plot") != "none" && !is_report) {
    return FailUsage(
        context, absl::InvalidArgumentError(
                     "--plot draws under a table; with another output write a file with --svg"));
  }
  const std::string svg = invocation.Value("svg");
  if (invocation.Has("svg")) {
    const absl::Status writable = CheckWritable(svg);
    if (!writable.ok()) {
      return FailUsage(context,
                       absl::InvalidArgumentError(absl::StrCat("--svg: ", writable.message())));
    }
  }
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::CompareRunResponse> answer = home->client->CompareRun(request);
  if (!answer.ok()) return Fail(context, answer.status());
  const double level = request.has_level() ? request.level() : kDefaultLevel;
  const std::string plot =
      invocation.Value("plot", context.out_terminal.utf8 ? "braille" : "ascii");
  const auto table = [&] {
    return is_report ? Render(*answer, level, plot, *output, context)
                     : RenderTable(PointsTable(*answer), output->table, context.out_terminal);
  };
  v1::CompareRunResponse written = *answer;
  // A row a point: what else there is would be columns of every row.
  if (output->format == OutputFormat::kCsv) {
    written.clear_run();
    written.clear_assumptions();
  }
  absl::Status status = WriteMessage(written, *output, table, {answer->run().name()}, context);
  if (status.ok() && invocation.Has("svg")) status = WriteSvg(*answer, level, svg);
  return status.ok() ? kExitOk : Fail(context, status);
}

}  // namespace

Command RunCompareCommand() {
  constexpr char kPicture[] = "Picture";
  std::vector<Flag> flags = QuestionFlags();
  flags.push_back({.name = "plot",
                   .kind = FlagKind::kChoice,
                   .placeholder = "HOW",
                   .help = "how the loss curve is drawn under the answer",
                   .group = kPicture,
                   .choices = {"braille", "ascii", "none"}});
  flags.push_back({.name = "svg",
                   .kind = FlagKind::kFile,
                   .placeholder = "FILE",
                   .help = "write the picture to a file",
                   .group = kPicture,
                   .completion = Completion::kFile});
  return {.words = {"run", "compare"},
          .summary = "Compare a run with its plan: numbers, and the curve of the loss.",
          .description =
              "What rhumb run show says, and below it the loss over the tokens: as planned, with "
              "its band, and as reported. -o csv and --parsable are the points of the curve.",
          .arguments = {{.name = "RUN",
                         .help = "name of a run, as runs/r-0123",
                         .completion = Completion::kRun}},
          .flags = std::move(flags),
          .examples = {{"run compare runs/r-0123", "in the terminal"},
                       {"run compare r-0123 --svg loss.svg --plot none", "the curve as a picture"},
                       {"run compare r-0123 -o csv > curve.csv", "its points, for another plot"}},
          .run = RunCompare};
}

}  // namespace rhumb::cli
