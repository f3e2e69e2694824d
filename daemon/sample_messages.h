// SPDX-License-Identifier: Apache-2.0
// Samples of runs as messages and as rows, and what is checked of them. By hand, not by reflection
// as validate.h does: tens of thousands come in a second.
#ifndef RHUMB_DAEMON_SAMPLE_MESSAGES_H_
#define RHUMB_DAEMON_SAMPLE_MESSAGES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "daemon/store/sample_store.h"
#include "rhumb/v1/run_progress.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// As many samples as one message may hold.
inline constexpr int kMaxSamplesOfMessage = 10000;

// 1 to 64 of [A-Za-z0-9._-].
void CheckAttemptId(absl::string_view attempt_id, FieldViolations& violations);

// The samples of a request; adds all violations, at most a few dozen of them. Nothing may have been
// sampled later than `latest_ns`.
std::vector<StoredSample> SamplesToStore(const v1::ReportProgressRequest& request,
                                         int64_t latest_ns, FieldViolations& violations);

// A part of a run in which every step has as many tokens.
struct StepStretch {
  int64_t since_ns = 0;                           // of samples since then; 0: of all
  int64_t first_step = 0, first_token_count = 0;  // done where it begins
  // Of a step; 0: not known, because of `why_unknown`.
  int64_t step_tokens = 0;
  std::string why_unknown = {};
};

// Whether the sample says steps and no tokens.
bool LacksTokens(const StoredSample& stored);

// Gives the samples that lack them their tokens, and the rate that follows from their step time:
// by the last of `stretches`, which are in their order, that is not of later or of later steps.
// Where the tokens of a step are not known, adds a violation.
void CompleteTokens(const std::vector<StepStretch>& stretches, std::vector<StoredSample>& samples,
                    FieldViolations& violations);

// Behind `last`; a position in a list of samples, as page_token.h has it.
std::string SamplePageTokenOf(const StoredSample& last);
// The first sample for an empty token; InvalidArgument for field page_token if we did not make it.
absl::StatusOr<SamplePosition> ParseSamplePageToken(absl::string_view token);

// Place of each attempt by when it began, by its number. Numbers follow when an attempt was first
// heard of, which for one whose samples were kept and sent later is not when it ran.
std::map<int64_t, int64_t> RanksOf(const std::vector<StoredAttempt>& attempts);

// Since when samples are of the plan in force, nanoseconds since 1970: the process that ran when a
// run was planned anew goes on in the layout before until it is stopped, so that it is the begin of
// the first attempt behind the last replan, or that replan while there is none. 0 without replans.
int64_t InForceSince(const std::vector<StoredReplan>& replans,
                     const std::vector<StoredAttempt>& attempts);

v1::RunSample ToMessage(const StoredSample& stored);
v1::RunAttempt ToMessage(const StoredAttempt& stored);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_SAMPLE_MESSAGES_H_
