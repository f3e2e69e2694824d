// SPDX-License-Identifier: Apache-2.0
#include "client/cli/watch_command.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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

// How old the run may be while samples come, and what is drawn while none do.
constexpr absl::Duration kBetweenRuns = absl::Seconds(3);
constexpr absl::Duration kBetweenDrawings = absl::Seconds(1);

// Draws in place on a terminal, a line an update elsewhere.
class WatchPrinter {
 public:
  WatchPrinter(const OutputOptions& output, Context& context)
      : is_json_(output.format == OutputFormat::kJson),
        is_screen_(!is_json_ && IsOnScreen(context)),
        context_(context) {}

  void Print(const v1::WatchRunResponse& message, client::Client& client) {
    view_.Update(message, absl::Now());
    if (is_json_) {
      *context_.out << PrintJson(message) << "\n";
    } else {
      if (view_.lacks_run()) Refresh(client);
      if (is_screen_) {
        Draw();
      } else {
        *context_.out << view_.Line();
      }
    }
    context_.out->flush();
  }

  // Nothing comes; the time goes on.
  void Tick() {
    if (drawn_ > 0 && absl::Now() - draw_time_ > kBetweenDrawings) {
      Draw();
      context_.out->flush();
    }
  }

  // What is said on stderr then stands above the next drawing.
  void Clear() {
    if (drawn_ > 0) *context_.out << "\x1b[" << drawn_ << "A\x1b[J" << std::flush;
    drawn_ = 0;
  }

  const WatchView& view() const { return view_; }

 private:
  // The whole run, which the daemon tells once a minute: how far it is and what was planned so far
  // is of its samples.
  void Refresh(client::Client& client) {
    const absl::Duration since = absl::Now() - std::max(view_.run_time(), ask_time_);
    if (since < kBetweenRuns && (view_.run_had_samples() || ask_time_ > view_.run_time())) return;
    ask_time_ = absl::Now();
    v1::GetRunRequest request;
    request.set_name(view_.run().name());
    const absl::StatusOr<v1::Run> run = client.GetRun(request);
    // Its end is for the watch to tell.
    if (!run.ok() || !IsOpen(*run)) return;
    v1::WatchRunResponse whole;
    *whole.mutable_run() = *run;
    view_.Update(whole, absl::Now());
  }

  void Draw() {
    Clear();
    const std::string lines = view_.Lines(context_.out_terminal, absl::Now());
    *context_.out << lines;
    drawn_ = static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
    draw_time_ = absl::Now();
  }

  const bool is_json_;
  const bool is_screen_;
  Context& context_;
  WatchView view_;
  int drawn_ = 0;  // lines on the screen
  absl::Time draw_time_ = absl::InfinitePast(), ask_time_ = absl::InfinitePast();
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
  options.on_silence = [&] { printer.Tick(); };
  options.on_loss = [&](const absl::Status& status) {
    printer.Clear();
    Remark(invocation, context,
           absl::StrCat("the daemon is away, trying again: ", status.message()));
  };
  const absl::Status status = WatchUntilEnd(
      *home->client, invocation.arguments[0], options, [&](const v1::WatchRunResponse& message) {
        printer.Print(message, *home->client);
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
          "a line. Ends with the run: exit code 0 if it succeeded, else 1. There is no deadline, "
          "of 60s or any other: --timeout is here how long a daemon that went away is waited for, "
          "which without it is for ever.",
      .arguments = {{.name = "RUN",
                     .help = "name of a run, as runs/r-0123",
                     .completion = Completion::kRun}},
      .examples = {{"watch runs/r-0123", "until it ends"},
                   {"watch r-0123 --timeout 1h", "go on only if it succeeded"},
                   {"watch r-0123 -o json", "for another program"}},
      .run = RunWatchCommand};
}

}  // namespace rhumb::cli
