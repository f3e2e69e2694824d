// SPDX-License-Identifier: Apache-2.0
// Samples to the daemon, in messages of a size that it takes, with a count of what became of them.
#ifndef RHUMB_CLIENT_CLI_PROGRESS_SENDER_H_
#define RHUMB_CLIENT_CLI_PROGRESS_SENDER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cpp/client.h"
#include "rhumb/v1/run_progress.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

// Over all calls.
struct SentSamples {
  int64_t stored_count = 0;
  int64_t duplicate_count = 0;  // known before
  int64_t late_count = 0;       // their time has been rolled up
  int64_t refused_count = 0;    // wrong in themselves, or of a time after the run's end
  std::string refusal;          // why the first of them was
  v1::RunState state = v1::RUN_STATE_UNSPECIFIED;  // of the run, as last told
  std::vector<v1::DriftAlarm> alarms;              // that last
};

class ProgressSender {
 public:
  ProgressSender(client::Client& client, std::string run) : client_(client), run_(std::move(run)) {}

  // All of `samples` are durable, known or refused when it returns OK; `progress` gets the fraction
  // that is. A sample that the daemon refuses is left out and counted; for one that it may take
  // later, by a clock that is ahead, the others are told and its refusal is the answer. May be
  // repeated.
  absl::Status Send(const std::string& attempt_id, const std::vector<v1::RunSample>& samples,
                    const std::function<void(double)>& progress = nullptr);

  const SentSamples& sent() const { return sent_; }

 private:
  absl::Status SendRange(const std::string& attempt_id, const std::vector<v1::RunSample>& samples,
                         size_t begin, size_t end);

  client::Client& client_;
  std::string run_;
  SentSamples sent_;
  absl::Status early_;  // why samples of this call were not told yet
  int64_t early_count_ = 0;
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PROGRESS_SENDER_H_
