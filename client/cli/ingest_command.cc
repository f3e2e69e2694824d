// SPDX-License-Identifier: Apache-2.0
#include "client/cli/ingest_command.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/ingest_question.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/json_object.h"
#include "client/cli/line_source.h"
#include "client/cli/output.h"
#include "client/cli/progress_bar.h"
#include "client/cli/progress_sender.h"
#include "client/cli/run_facts.h"
#include "client/cli/run_home.h"
#include "client/cpp/rpc_error.h"
#include "client/ingest/log_reader.h"
#include "client/ingest/log_text.h"
#include "client/ingest/sample_times.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

using ingest::LogFacts;
using ingest::LogFormat;
using Question = IngestQuestion;

// How long a line may wait until it is told.
constexpr absl::Duration kBetweenSends = absl::Seconds(2);
// How often it is asked whether the run has ended, while no line says anything.
constexpr absl::Duration kBetweenLooks = absl::Seconds(2);
constexpr absl::Duration kPatience = absl::Milliseconds(200);
constexpr int64_t kSamplesPerSend = 10000;
// Pauses while the daemon is away.
constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(10);

// A UUID (version 8 of RFC 9562: of one's own making) that is the same for the same log and
// request.
std::string RequestId(const Question& question, const std::string& fingerprint) {
  const std::string hash = ingest::Fingerprint(
      absl::StrCat(ingest::FormatName(question.format), question.create.SerializeAsString()));
  return absl::StrCat(fingerprint.substr(0, 8), "-", fingerprint.substr(8, 4), "-8",
                      fingerprint.substr(12, 3), "-8", hash.substr(0, 3), "-", hash.substr(4, 12));
}

// The log on its way: read, told, counted.
class Ingestion {
 public:
  Ingestion(Question question, const LogFacts& assumed, client::Client& client,
            const Invocation& invocation, Context& context)
      : question_(std::move(question)),
        reader_(question_.format, question_.given, assumed),
        client_(client),
        invocation_(invocation),
        context_(context),
        progress_(context) {
    if (!question_.run.empty()) sender_.emplace(client_, question_.run);
  }

  absl::Status Run(LineSource source) {
    const InterruptWatch interrupt;
    bool live = !source.is_file();
    absl::Time last_send = absl::Now(), last_look = last_send;
    for (bool ended = false; !ended && !is_over_;) {
      RHUMB_ASSIGN_OR_RETURN(const LineSource::Next next, source.Read(kPatience));
      if (next.state == LineSource::State::kLine) RHUMB_RETURN_IF_ERROR(reader_.Feed(next.line));
      ended = next.state == LineSource::State::kEnd || InterruptWatch::interrupted();
      if (!live) progress_.Show(source.read_fraction(), "reading");
      const bool is_due = live && absl::Now() - last_send > kBetweenSends;
      const bool is_caught_up = next.state != LineSource::State::kLine;
      // What a file holds is told at its end: only there the times of its samples are known.
      if (ended || (is_caught_up && (!live || is_due)) ||
          (live && (is_due || reader_.pending_count() >= kSamplesPerSend))) {
        RHUMB_RETURN_IF_ERROR(Tell(live ? absl::Now() : source.modify_time(), live));
        last_send = absl::Now();
        live = true;
      }
      if (question_.follow && is_caught_up && !ended && absl::Now() - last_look > kBetweenLooks) {
        LookWhetherOver();
        last_look = absl::Now();
      }
    }
    progress_.Clear();
    return absl::OkStatus();
  }

  const ingest::LogReader& reader() const { return reader_; }
  const Question& question() const { return question_; }
  const std::vector<std::string>& attempts() const { return attempts_; }
  SentSamples sent() const { return sender_.has_value() ? sender_->sent() : SentSamples(); }

 private:
  // `end`: when the last sample was taken, where the log does not say.
  absl::Status Tell(absl::Time end, bool live) {
    for (const ingest::AttemptSamples& part : ingest::WithTimes(reader_.Take(), end)) {
      if (!sender_.has_value()) RHUMB_RETURN_IF_ERROR(CreateRun(ingest::BeginOf(part.samples)));
      if (attempts_.empty() || attempts_.back() != part.attempt_id) {
        attempts_.push_back(part.attempt_id);
      }
      RHUMB_RETURN_IF_ERROR(Send(part.attempt_id, part.samples, live));
    }
    return absl::OkStatus();
  }

  absl::Status CreateRun(absl::Time begin) {
    v1::CreateRunRequest& request = question_.create;
    v1::RunSettings& settings = *request.mutable_run()->mutable_settings();
    const LogFacts& facts = reader_.facts();
    // With a plan, what differs from it was given.
    if (request.run().plan().empty()) {
      if (facts.target_token_count.has_value()) {
        settings.set_target_token_count(*facts.target_token_count);
      }
      if (facts.global_batch_tokens.has_value()) {
        settings.set_global_batch_tokens(*facts.global_batch_tokens);
      }
      if (facts.gpu_count.has_value()) settings.set_gpu_count(*facts.gpu_count);
    }
    if (request.run().title().empty() && question_.path != "-") {
      request.mutable_run()->set_title(question_.path.substr(question_.path.rfind('/') + 1));
    }
    request.set_request_id(RequestId(question_, reader_.fingerprint()));
    // Behind the id: the same log may be dated otherwise when it has grown.
    v1::RunSample first;
    ingest::SetTime(std::min(begin, absl::Now()), first);
    *request.mutable_run()->mutable_start_time() = first.sample_time();
    RHUMB_ASSIGN_OR_RETURN(const v1::Run run, client_.CreateRun(request));
    question_.run = run.name();
    sender_.emplace(client_, run.name());
    Remark(invocation_, context_, absl::StrCat("ingesting into ", run.name()));
    return absl::OkStatus();
  }

  absl::Status Send(const std::string& attempt_id, const std::vector<v1::RunSample>& samples,
                    bool live) {
    for (absl::Duration pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
      const absl::Status status =
          sender_->Send(attempt_id, samples, [&](double done) { progress_.Show(done, "sending"); });
      // Of a log that grows, the daemon's absence is waited out: its lines come once. One that
      // stops may end a call with CANCELLED.
      const bool is_gone = absl::IsUnavailable(status) || absl::IsCancelled(status);
      if (!live || !is_gone || InterruptWatch::interrupted()) {
        if (status.ok() && question_.follow) CheckOver();
        return status;
      }
      if (pause == kFirstPause) {
        Remark(invocation_, context_,
               absl::StrCat("the daemon is away, trying again: ", status.message()));
      }
      absl::SleepFor(pause);
    }
  }

  // A run that was ended takes no more.
  void CheckOver() { CheckOver(sender_->sent().state); }
  void CheckOver(v1::RunState state) {
    is_over_ = state != v1::RUN_STATE_UNSPECIFIED && state != v1::RUN_STATE_PENDING &&
               state != v1::RUN_STATE_RUNNING;
  }

  // Asks, where no report is answered for a while. A daemon that is away says nothing.
  void LookWhetherOver() {
    if (question_.run.empty()) return;
    v1::GetRunRequest request;
    request.set_name(question_.run);
    const absl::StatusOr<v1::Run> run = client_.GetRun(request);
    if (run.ok()) CheckOver(run->state());
  }

  Question question_;
  ingest::LogReader reader_;
  client::Client& client_;
  const Invocation& invocation_;
  Context& context_;
  ProgressBar progress_;
  std::optional<ProgressSender> sender_;
  std::vector<std::string> attempts_;
  bool is_over_ = false;
};

std::string ResultJson(const Ingestion& ingestion) {
  const SentSamples sent = ingestion.sent();
  std::vector<std::string> unreadable, attempts, alarms;
  for (const ingest::UnreadableLine& line : ingestion.reader().unreadable()) {
    unreadable.push_back(JsonObject().Integer("line", line.line).Text("reason", line.reason).str());
  }
  for (const std::string& id : ingestion.attempts()) attempts.push_back(QuoteJson(id));
  for (const v1::DriftAlarm& alarm : sent.alarms) alarms.push_back(PrintJson(alarm));
  return JsonObject()
      .Text("run", ingestion.question().run)
      .Text("state", StateName(sent.state))
      .Integer("line_count", ingestion.reader().line_count())
      .Integer("sample_count", ingestion.reader().sample_count())
      .Integer("stored_count", sent.stored_count)
      .Integer("duplicate_count", sent.duplicate_count)
      .Integer("late_count", sent.late_count)
      .Integer("refused_count", sent.refused_count)
      .Integer("unreadable_count", ingestion.reader().unreadable_count())
      .Json("unreadable", JsonList(unreadable))
      .Json("attempt_ids", JsonList(attempts))
      .Json("alarms", JsonList(alarms))
      .str();
}

std::string ResultText(const Ingestion& ingestion) {
  const SentSamples sent = ingestion.sent();
  std::vector<std::string> parts = {absl::StrCat(Counted(sent.stored_count, "sample"), " stored")};
  if (sent.duplicate_count > 0) {
    parts.push_back(absl::StrCat(FormatInteger(sent.duplicate_count), " known before"));
  }
  if (sent.late_count > 0) {
    parts.push_back(absl::StrCat(FormatInteger(sent.late_count), " too late to be stored"));
  }
  if (sent.refused_count > 0) {
    parts.push_back(
        absl::StrCat(FormatInteger(sent.refused_count), " refused (", sent.refusal, ")"));
  }
  const size_t attempts = ingestion.attempts().size();
  if (attempts > 1) parts.push_back(absl::StrCat("in ", attempts, " attempts"));
  std::string text =
      absl::StrCat(ingestion.question().run, ": ", absl::StrJoin(parts, ", "), ".\n");
  for (const v1::DriftAlarm& alarm : sent.alarms) {
    absl::StrAppend(&text, "Alarm: ", DriftName(alarm.kind()), ": ", alarm.text(), "\n");
  }
  return text;
}

void RemarkOnLines(const ingest::LogReader& reader, const std::string& path,
                   const Invocation& invocation, Context& context) {
  for (const ingest::UnreadableLine& line : reader.unreadable()) {
    Remark(invocation, context, absl::StrCat(path, ": line ", line.line, ": ", line.reason));
  }
  const int64_t more = reader.unreadable_count() - static_cast<int64_t>(reader.unreadable().size());
  if (more > 0) {
    Remark(invocation, context, absl::StrCat(path, ": and ", Counted(more, "line"), " more"));
  }
}

int RunIngest(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  absl::StatusOr<Question> question = ReadIngestQuestion(invocation, context.now_unix_seconds);
  if (!question.ok()) return FailUsage(context, question.status());
  const std::string path = question->path == "-" ? "stdin" : question->path;
  absl::StatusOr<LineSource> source = LineSource::Open(question->path, question->follow);
  if (!source.ok()) return FailUsage(context, source.status());
  const absl::StatusOr<Home> home = OpenRunHome(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<LogFacts> assumed = AssumedFacts(*question, *home->client);
  if (!assumed.ok()) return Fail(context, assumed.status());
  const LogFormat format = question->format;
  Ingestion ingestion(*std::move(question), *assumed, *home->client, invocation, context);
  const absl::Status status = ingestion.Run(*std::move(source));
  RemarkOnLines(ingestion.reader(), path, invocation, context);
  if (!status.ok()) {
    const SentSamples sent = ingestion.sent();
    if (sent.stored_count + sent.duplicate_count > 0) {
      Remark(invocation, context,
             absl::StrCat(FormatInteger(sent.stored_count + sent.duplicate_count),
                          " samples are stored; the same command again stores none twice"));
    }
    // Refused fields are named by their flags; there the file is not to blame.
    if (!client::DescribeError(status).field_violations.empty()) return Fail(context, status);
    return Fail(context, absl::Status(status.code(), absl::StrCat(path, ": ", status.message())));
  }
  if (ingestion.reader().sample_count() == 0) {
    return FailUsage(
        context, absl::InvalidArgumentError(absl::StrCat(path, ": no line is a sample as ",
                                                         ingest::FormatName(format), " has them")));
  }
  const absl::Status written = WriteJson(
      ResultJson(ingestion), *output, [&] { return ResultText(ingestion); },
      {ingestion.question().run}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command IngestCommand() {
  return {
      .words = {"ingest"},
      .summary = "Take what a training framework logged as samples of a run.",
      .description =
          "Without --run a run is created, of a plan with --plan, else of what the flags and the "
          "log "
          "say. The same log again stores nothing twice, also one that has grown: name its run. "
          "Where steps fall back a new attempt begins. Lines that cannot be read are named, up to "
          "twenty of them. Times that a log does not tell are counted back from the file's "
          "modification; through a pipe, and with --follow, they are those of arrival. A new run "
          "begins where its log does.",
      .arguments = {{.name = "FILE", .help = "the log, or -", .completion = Completion::kFile}},
      .flags = IngestFlags(),
      .examples = {{"ingest --megatron train.log --plan plans/p-0123", "a new run of this plan"},
                   {"ingest --megatron train.log --run r-0123 --follow",
                    "as Megatron-LM writes it, until Ctrl-C or the run's end"},
                   {"ingest --torchtitan - --run r-0123 --gpu-count 64",
                    "behind a pipe: torchrun ... 2>&1 | tee log | rhumb ingest ..."},
                   {"ingest --csv losses.csv --title ladder-3 --batch-tokens 524288",
                    "a table of steps and losses"}},
      .run = RunIngest};
}

}  // namespace rhumb::cli
