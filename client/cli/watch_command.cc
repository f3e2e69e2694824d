// SPDX-License-Identifier: Apache-2.0
#include "client/cli/watch_command.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cli/run_facts.h"
#include "client/cli/run_watch.h"
#include "client/cli/watch_view.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

// Draws in place on a terminal, a line an update elsewhere.
class WatchPrinter {
 public:
  WatchPrinter(const OutputOptions& output, Context& context)
      : is_json_(output.format == OutputFormat::kJson),
        is_screen_(!is_json_ && IsOnScreen(context)),
        context_(context) {}

  void Print(const v1::WatchRunResponse& message) {
    view_.Update(message);
    if (is_json_) {
      *context_.out << PrintJson(message) << "\n";
    } else if (is_screen_) {
      Clear();
      const std::string lines = view_.Lines(context_.out_terminal);
      *context_.out << lines;
      drawn_ = static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
    } else {
      *context_.out << view_.Line();
    }
    context_.out->flush();
  }

  // What is said on stderr then stands above the next drawing.
  void Clear() {
    if (drawn_ > 0) *context_.out << "\x1b[" << drawn_ << "A\x1b[J" << std::flush;
    drawn_ = 0;
  }

  const WatchView& view() const { return view_; }

 private:
  const bool is_json_;
  const bool is_screen_;
  Context& context_;
  WatchView view_;
  int drawn_ = 0;  // lines on the screen
};

int RunWatchCommand(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format != OutputFormat::kTable && output->format != OutputFormat::kJson) {
    return FailUsage(context, absl::InvalidArgumentError("--output: watch prints table or json"));
  }
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const InterruptWatch interrupt;
  WatchPrinter printer(*output, context);
  WatchOptions options;
  if (timeout->has_value()) options.patience = absl::Seconds(**timeout);
  options.interrupted = [] { return InterruptWatch::interrupted(); };
  options.on_loss = [&](const absl::Status& status) {
    printer.Clear();
    Remark(invocation, context,
           absl::StrCat("the daemon is away, trying again: ", status.message()));
  };
  const absl::Status status = WatchUntilEnd(
      *home->client, invocation.arguments[0], options, [&](const v1::WatchRunResponse& message) {
        printer.Print(message);
        return context.out->good() ? absl::OkStatus()
                                   : absl::CancelledError("nobody reads any more");
      });
  if (absl::IsCancelled(status)) {
    // Whether it ended well is not known yet.
    if (InterruptWatch::interrupted()) {
      Remark(invocation, context, "no longer watched; the run goes on");
    }
    return kExitError;
  }
  if (!status.ok()) return Fail(context, status);
  const v1::Run& run = printer.view().run();
  if (run.state() == v1::RUN_STATE_SUCCEEDED) return kExitOk;
  Remark(invocation, context, absl::StrCat(run.name(), " ended as ", StateName(run.state())));
  return kExitError;
}

}  // namespace

Command WatchCommand() {
  return {
      .words = {"watch"},
      .summary = "Watch a run while it goes on.",
      .description =
          "On a terminal the view is drawn in place: how far it is, loss and throughput beside "
          "the plan, forecast, alarms. Elsewhere a line an update; -o json is a WatchRunResponse "
          "a line. Ends with the run: exit code 0 if it succeeded, else 1. A daemon that "
          "restarts is waited for, with --timeout so long and no longer.",
      .arguments = {{.name = "RUN",
                     .help = "name of a run, as runs/r-0123",
                     .completion = Completion::kRun}},
      .examples = {{"watch runs/r-0123", "until it ends"},
                   {"watch r-0123 > watch.log && sbatch next.sh", "go on only if it succeeded"},
                   {"watch r-0123 -o json", "for another program"}},
      .run = RunWatchCommand};
}

}  // namespace rhumb::cli
