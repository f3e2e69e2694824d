// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/accounting.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/slurm/run_helper.h"
#include "client/slurm/text.h"
#include "client/slurm_agent/clean_text.h"
#include "client/slurm_agent/gres.h"
#include "client/slurm_agent/job_comment.h"
#include "client/slurm_agent/states.h"

namespace rhumb::slurm_agent {
namespace {

enum Field {
  kJobId,
  kState,
  kExitCode,
  kSubmit,
  kStart,
  kEnd,
  kElapsed,
  kTres,
  kNodeCount,
  kNodeList,
  kMaxRss,
  kUid,
  kUser,
  kPartition,
  kTimeLimit,
  kFieldCount
};

// One call's worth: a command line of a few KiB.
constexpr size_t kMaxIdsPerCall = 200;
constexpr size_t kMaxSacctBytes = size_t{8} << 20;
// 9999-12-31, the last second of a Timestamp.
constexpr int64_t kMaxSeconds = 253402300799;
constexpr size_t kMaxNodeListBytes = 1 << 16;
constexpr size_t kMaxUnreadLines = 20;

using Row = std::vector<absl::string_view>;

std::optional<int64_t> ReadWhole(absl::string_view text, int64_t maximum) {
  int64_t value = 0;
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])))
    return std::nullopt;
  if (!absl::SimpleAtoi(text, &value) || value > maximum) return std::nullopt;
  return value;
}

// Seconds since 1970; 0 for what is not known yet. nullopt: no time.
std::optional<int64_t> ReadTime(absl::string_view text) {
  if (text.empty() || text == "Unknown" || text == "None") return 0;
  return ReadWhole(text, kMaxSeconds);
}

// 67420K, 1.5G, 512: bytes. nullopt for anything else.
std::optional<int64_t> ReadBytes(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  double factor = 1;
  const size_t unit = absl::string_view("KMGTP").find(text.back());
  if (unit != absl::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(unit) + 1);
    text.remove_suffix(1);
  }
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !(value >= 0) || value * factor > 1e18) {
    return std::nullopt;
  }
  return static_cast<int64_t>(value * factor);
}

bool ReadExitCode(absl::string_view text, v1::Job& job) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, ':');
  const std::optional<int64_t> code = ReadWhole(parts.first, 255);
  const std::optional<int64_t> signal = ReadWhole(parts.second, 255);
  if (!code.has_value() || !signal.has_value()) return false;
  job.set_exit_code(*code);
  job.set_exit_signal(*signal);
  return true;
}

void ReadGpus(absl::string_view tres, v1::Job& job) {
  const std::vector<GresGpus> gpus = ParseGres(tres);
  job.set_gpu_count(GpuCount(gpus));
  job.set_gpu_type(CleanText(LargestGres(gpus).type));
}

// 120+0 is what everybody else calls 120.
std::string PlainId(absl::string_view id) {
  if (absl::EndsWith(id, "+0")) id.remove_suffix(2);
  return std::string(id);
}

// nullopt: the row does not read.
std::optional<v1::Job> ReadJob(const Row& row) {
  v1::Job job;
  job.set_job_id(PlainId(row[kJobId]));
  // "CANCELLED by 1000".
  const absl::string_view word = row[kState].substr(0, row[kState].find(' '));
  const JobVerdict verdict = ReadJobState({std::string(word)});
  if (verdict.state == v1::RUN_STATE_UNSPECIFIED) return std::nullopt;
  job.set_state(verdict.state);
  job.set_scheduler_state(verdict.word);
  const std::optional<int64_t> submit = ReadTime(row[kSubmit]), start = ReadTime(row[kStart]),
                               end = ReadTime(row[kEnd]),
                               elapsed = ReadWhole(row[kElapsed], kMaxSeconds),
                               nodes = ReadWhole(row[kNodeCount], int64_t{1} << 32),
                               uid = ReadWhole(row[kUid], int64_t{1} << 32);
  if (!submit.has_value() || !start.has_value() || !end.has_value()) return std::nullopt;
  if (!elapsed.has_value() || !nodes.has_value() || !uid.has_value()) return std::nullopt;
  const bool ended = HasEnded(job.state());
  const bool ran = *start > 0 && row[kNodeList] != "None assigned";
  if (*submit > 0) job.mutable_submit_time()->set_seconds(*submit);
  if (ended && *end > 0) job.mutable_end_time()->set_seconds(*end);
  if (ran) {
    job.mutable_start_time()->set_seconds(*start);
    job.set_elapsed_seconds(static_cast<double>(*elapsed));
    job.set_node_list(CleanText(row[kNodeList], kMaxNodeListBytes));
    if (ended && !ReadExitCode(row[kExitCode], job)) return std::nullopt;
  }
  ReadGpus(row[kTres], job);
  job.set_node_count(*nodes);
  job.set_owner_uid(*uid);
  job.set_user_name(CleanText(row[kUser]));
  job.set_partition(CleanText(row[kPartition]));
  // Minutes; UNLIMITED and Partition_Limit are none that is known.
  if (const auto minutes = ReadWhole(row[kTimeLimit], kMaxSeconds / 60)) {
    job.set_time_limit_seconds(static_cast<double>(*minutes) * 60);
  }
  return job;
}

}  // namespace

AccountingAnswer ParseSacct(absl::string_view text) {
  AccountingAnswer answer;
  std::map<std::string, int64_t> largest_rss;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.empty()) continue;
    const Row row = absl::StrSplit(line, '|');
    const bool has_fields = row.size() == kFieldCount;
    const size_t dot = has_fields ? row[kJobId].find('.') : absl::string_view::npos;
    const bool is_job = has_fields && IsJobIdText(row[kJobId].substr(0, dot));
    const std::optional<v1::Job> job =
        is_job && dot == absl::string_view::npos ? ReadJob(row) : std::nullopt;
    if (job.has_value()) {
      answer.jobs[job->job_id()] = *job;
    } else if (is_job && dot != absl::string_view::npos) {
      if (const std::optional<int64_t> rss = ReadBytes(row[kMaxRss])) {
        int64_t& largest = largest_rss[PlainId(row[kJobId].substr(0, dot))];
        largest = std::max(largest, *rss);
      }
    } else if (answer.unread_lines.size() < kMaxUnreadLines) {
      answer.unread_lines.push_back(CleanText(line));
    }
  }
  for (const auto& [id, rss] : largest_rss) {
    const auto job = answer.jobs.find(id);
    if (job != answer.jobs.end() && rss > 0) job->second.set_max_rss_bytes(rss);
  }
  return answer;
}

SacctAccounting::SacctAccounting(std::string program, absl::Duration deadline)
    : program_(std::move(program)), deadline_(deadline) {}

AccountingAnswer SacctAccounting::Ask(const std::vector<std::string>& job_ids) {
  AccountingAnswer all;
  if (program_.empty()) {
    all.outcome = AccountingAnswer::Outcome::kDisabled;
    all.problem = "there is no sacct";
    return all;
  }
  std::vector<std::string> ids;
  std::copy_if(job_ids.begin(), job_ids.end(), std::back_inserter(ids), IsJobIdText);
  for (size_t begin = 0; begin < ids.size(); begin += kMaxIdsPerCall) {
    const size_t end = std::min(ids.size(), begin + kMaxIdsPerCall);
    const std::string list = absl::StrJoin(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                           ids.begin() + static_cast<std::ptrdiff_t>(end), ",");
    const slurm::HelperResult result =
        slurm::RunHelper(program_, {"-n", "-P", "-j", list, "-o", kSacctFields},
                         absl::ToInt64Milliseconds(deadline_), kMaxSacctBytes);
    if (result.end == slurm::HelperResult::End::kExited && result.exit_code == 0) {
      AccountingAnswer some = ParseSacct(result.out);
      all.jobs.merge(some.jobs);
      all.unread_lines.insert(all.unread_lines.end(), some.unread_lines.begin(),
                              some.unread_lines.end());
      continue;
    }
    all.outcome = absl::StrContains(result.err, "accounting storage is disabled")
                      ? AccountingAnswer::Outcome::kDisabled
                      : AccountingAnswer::Outcome::kFailed;
    switch (result.end) {
      case slurm::HelperResult::End::kExited:
        all.problem = slurm::FirstParagraph(result.err);
        break;
      case slurm::HelperResult::End::kTimedOut:
        all.problem = absl::StrCat("no answer within ", absl::FormatDuration(deadline_));
        break;
      case slurm::HelperResult::End::kTooMuch:
        all.problem = "it writes without end";
        break;
      case slurm::HelperResult::End::kFailed:
        all.problem = result.problem;
        break;
    }
    return all;
  }
  return all;
}

}  // namespace rhumb::slurm_agent
