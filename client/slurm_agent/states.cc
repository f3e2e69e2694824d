// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/states.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/string_view.h"

namespace rhumb::slurm_agent {
namespace {

using Words = std::vector<std::string>;

// The first of `wanted` that is there; empty: none.
std::string FirstOf(const Words& words, std::initializer_list<absl::string_view> wanted) {
  for (const absl::string_view each : wanted) {
    if (std::find(words.begin(), words.end(), each) != words.end()) return std::string(each);
  }
  return "";
}

struct JobWord {
  absl::string_view word;
  v1::RunState state;
};

constexpr JobWord kJobWords[] = {
    {"PENDING", v1::RUN_STATE_PENDING},       {"RUNNING", v1::RUN_STATE_RUNNING},
    {"SUSPENDED", v1::RUN_STATE_RUNNING},     {"COMPLETED", v1::RUN_STATE_SUCCEEDED},
    {"CANCELLED", v1::RUN_STATE_CANCELLED},   {"FAILED", v1::RUN_STATE_FAILED},
    {"TIMEOUT", v1::RUN_STATE_TIMED_OUT},     {"DEADLINE", v1::RUN_STATE_TIMED_OUT},
    {"NODE_FAIL", v1::RUN_STATE_INTERRUPTED}, {"BOOT_FAIL", v1::RUN_STATE_INTERRUPTED},
    {"PREEMPTED", v1::RUN_STATE_INTERRUPTED}, {"OUT_OF_MEMORY", v1::RUN_STATE_OUT_OF_MEMORY},
};

// Flags that some commands print instead of the base state.
constexpr JobWord kJobFlags[] = {
    {"REVOKED", v1::RUN_STATE_CANCELLED},  // runs in another cluster of the federation
    {"REQUEUED", v1::RUN_STATE_PENDING},      {"REQUEUE_HOLD", v1::RUN_STATE_PENDING},
    {"REQUEUE_FED", v1::RUN_STATE_PENDING},   {"SPECIAL_EXIT", v1::RUN_STATE_PENDING},
    {"RESV_DEL_HOLD", v1::RUN_STATE_PENDING}, {"CONFIGURING", v1::RUN_STATE_RUNNING},
    {"POWER_UP_NODE", v1::RUN_STATE_RUNNING}, {"RESIZING", v1::RUN_STATE_RUNNING},
    {"SIGNALING", v1::RUN_STATE_RUNNING},     {"STOPPED", v1::RUN_STATE_RUNNING},
    {"STAGE_OUT", v1::RUN_STATE_RUNNING},
};

}  // namespace

NodeVerdict ReadNodeState(const Words& words) {
  if (!FirstOf(words, {"FUTURE"}).empty()) return {};
  std::string word = FirstOf(words, {"DOWN", "ERROR", "NOT_RESPONDING", "NO_RESPOND", "UNKNOWN"});
  if (!word.empty()) return {v1::NODE_STATE_DOWN, word};
  word = FirstOf(words, {"DRAIN", "FAIL", "INVALID_REG", "REBOOT_ISSUED", "POWERING_DOWN",
                         "POWER_DOWN", "POWER_DRAIN", "MAINTENANCE", "MAINT"});
  if (!word.empty()) return {v1::NODE_STATE_DRAINED, word};
  if (!FirstOf(words, {"RESERVED", "RES"}).empty()) return {v1::NODE_STATE_RESERVED, "RESERVED"};
  if (!FirstOf(words, {"MIXED"}).empty()) return {v1::NODE_STATE_MIXED, ""};
  if (!FirstOf(words, {"ALLOCATED"}).empty()) return {v1::NODE_STATE_ALLOCATED, ""};
  if (!FirstOf(words, {"IDLE"}).empty()) return {v1::NODE_STATE_IDLE, ""};
  return {v1::NODE_STATE_DOWN, words.empty() ? "UNKNOWN" : words.front()};
}

JobVerdict ReadJobState(const Words& words) {
  if (!FirstOf(words, {"COMPLETING"}).empty()) return {v1::RUN_STATE_RUNNING, "COMPLETING"};
  if (!FirstOf(words, {"REVOKED"}).empty()) return {v1::RUN_STATE_CANCELLED, "REVOKED"};
  for (const JobWord& each : kJobWords) {
    if (!FirstOf(words, {each.word}).empty()) return {each.state, std::string(each.word)};
  }
  for (const JobWord& each : kJobFlags) {
    if (!FirstOf(words, {each.word}).empty()) return {each.state, std::string(each.word)};
  }
  return {v1::RUN_STATE_UNSPECIFIED, words.empty() ? "" : words.front()};
}

bool HasEnded(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_SUCCEEDED:
    case v1::RUN_STATE_FAILED:
    case v1::RUN_STATE_CANCELLED:
    case v1::RUN_STATE_TIMED_OUT:
    case v1::RUN_STATE_OUT_OF_MEMORY:
    case v1::RUN_STATE_INTERRUPTED:
    case v1::RUN_STATE_LOST:
      return true;
    default:
      return false;
  }
}

}  // namespace rhumb::slurm_agent
