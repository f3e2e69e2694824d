// SPDX-License-Identifier: Apache-2.0
// Questions that were asked again, byte for byte, and the stored plan that answers them: a shortcut
// past resolving the request, reading, parsing and printing the plan. Not a store: who changes what
// an answer rests on must say so by Clear(), or the caller look it up at each use.
#ifndef RHUMB_DAEMON_REPEATED_PLANS_H_
#define RHUMB_DAEMON_REPEATED_PLANS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/strings/string_view.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::daemon {

// A known answer and what it rests on.
struct RepeatedPlan {
  std::string name;             // plans/p-...
  std::string plan_bytes;       // as stored
  v1::Plan message;             // for sending only, see Unparsed()
  std::string cluster;          // clusters/... that the question names, empty without one
  std::string cluster_content;  // bytes of that cluster when the plan was made
  // Of ResolvedPlanRequest; an empty revision if the question names no GPU.
  std::string gpu_revision;
  int64_t gpu_change_count = 0;
  // Of the same; an empty revision if the question names no calibration.
  std::string calibration_revision;
  int64_t calibration_change_count = 0;
  // When the store was last seen to hold `plan_bytes`.
  mutable std::atomic<int64_t> checked_ns = 0;
};

// A plan for sending only: its serialization is `bytes`, its fields read as empty, for all of them
// are kept as unknown ones. Spares a daemon parsing and printing what it merely hands on. A null
// pointer if `bytes` are no message.
std::unique_ptr<v1::Plan> Unparsed(const std::string& bytes);

// Thread-safe. Keeps the kMaxEntries questions used last.
class RepeatedPlans {
 public:
  static constexpr size_t kMaxEntries = 256;
  // Larger ones are not kept, so that all together stay below 16 MiB.
  static constexpr size_t kMaxEntryBytes = 32 << 10;

  // What `owner_uid` was answered to the request of these bytes; null if that is not known.
  std::shared_ptr<const RepeatedPlan> Find(int64_t owner_uid, absl::string_view request_bytes);

  // Grows with every Clear().
  int64_t generation();

  // Replaces what was known. Does nothing if there was a Clear() since `generation`, which is to be
  // taken before `plan` is read: it may be gone by now.
  void Insert(int64_t owner_uid, absl::string_view request_bytes,
              std::shared_ptr<const RepeatedPlan> plan, int64_t generation);

  void Clear();

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const RepeatedPlan> plan;
  };

  std::mutex mutex_;
  int64_t generation_ = 0;
  std::list<Entry> by_use_;  // the last one used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_REPEATED_PLANS_H_
