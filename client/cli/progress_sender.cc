// SPDX-License-Identifier: Apache-2.0
#include "client/cli/progress_sender.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "client/cpp/rpc_error.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// Some hundred kilobytes.
constexpr size_t kSamplesPerMessage = 1000;
// Of one call, which is durable as a whole: large enough to cost one write, small enough to be
// repeated.
constexpr size_t kSamplesPerCall = 10000;
// Refusals of single samples beyond this say that something else is wrong.
constexpr int64_t kMaxRefusals = 100;

// Whether no sample is at fault: under another name of the run they would be taken.
bool IsOfTheRun(const absl::Status& status) {
  const std::vector<client::FieldViolation> violations =
      client::DescribeError(status).field_violations;
  return !violations.empty() &&
         std::none_of(violations.begin(), violations.end(), [](const client::FieldViolation& each) {
           return absl::StartsWith(each.field, "samples");
         });
}

// Whether a sample lies in the future by the daemon's clock.
bool IsEarly(const absl::Status& status) {
  const std::vector<client::FieldViolation> violations =
      client::DescribeError(status).field_violations;
  return std::any_of(violations.begin(), violations.end(), [](const client::FieldViolation& each) {
    return absl::EndsWith(each.field, "sample_time") &&
           absl::StrContains(each.description, "future");
  });
}

}  // namespace

absl::Status ProgressSender::Send(const std::string& attempt_id,
                                  const std::vector<v1::RunSample>& samples,
                                  const std::function<void(double)>& progress) {
  early_ = absl::OkStatus();
  early_count_ = 0;
  for (size_t begin = 0; begin < samples.size(); begin += kSamplesPerCall) {
    const size_t end = std::min(begin + kSamplesPerCall, samples.size());
    RHUMB_RETURN_IF_ERROR(SendRange(attempt_id, samples, begin, end));
    if (progress) progress(static_cast<double>(end) / static_cast<double>(samples.size()));
  }
  return early_;
}

absl::Status ProgressSender::SendRange(const std::string& attempt_id,
                                       const std::vector<v1::RunSample>& samples, size_t begin,
                                       size_t end) {
  std::vector<v1::ReportProgressRequest> messages;
  for (size_t i = begin; i < end; ++i) {
    if (messages.empty() ||
        static_cast<size_t>(messages.back().samples_size()) == kSamplesPerMessage) {
      messages.emplace_back();
    }
    *messages.back().add_samples() = samples[i];
  }
  messages.front().set_run(run_);
  messages.front().set_attempt_id(attempt_id);
  const absl::StatusOr<v1::ReportProgressResponse> response = client_.ReportProgress(messages);
  if (response.ok()) {
    sent_.stored_count += response->stored_count();
    sent_.duplicate_count += response->duplicate_count();
    sent_.late_count += response->late_count();
    sent_.state = response->state();
    sent_.alarms.assign(response->alarms().begin(), response->alarms().end());
    return absl::OkStatus();
  }
  // FAILED_PRECONDITION: sampled after the end that the run was given.
  if (!absl::IsInvalidArgument(response.status()) &&
      !absl::IsFailedPrecondition(response.status())) {
    return response.status();
  }
  if (IsOfTheRun(response.status())) return response.status();
  if (end - begin == 1 && IsEarly(response.status())) {
    // It will be taken later; those beside it, now.
    early_ = response.status();
    return ++early_count_ > kMaxRefusals ? early_ : absl::OkStatus();
  }
  if (end - begin == 1) {
    if (sent_.refused_count++ == 0) sent_.refusal = std::string(response.status().message());
    return sent_.refused_count > kMaxRefusals ? response.status() : absl::OkStatus();
  }
  // One sample spoils its call: the others are as good as before.
  const size_t middle = begin + (end - begin) / 2;
  RHUMB_RETURN_IF_ERROR(SendRange(attempt_id, samples, begin, middle));
  return SendRange(attempt_id, samples, middle, end);
}

}  // namespace rhumb::cli
