// SPDX-License-Identifier: Apache-2.0
#include "daemon/repeated_plans.h"

#include <google/protobuf/unknown_field_set.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace rhumb::daemon {
namespace {

std::string KeyOf(int64_t owner_uid, absl::string_view request_bytes) {
  return absl::StrCat(owner_uid, "\n", request_bytes);
}

}  // namespace

std::unique_ptr<v1::Plan> Unparsed(const std::string& bytes) {
  auto plan = std::make_unique<v1::Plan>();
  if (!plan->GetReflection()->MutableUnknownFields(plan.get())->ParseFromString(bytes)) {
    return nullptr;
  }
  return plan;
}

std::shared_ptr<const RepeatedPlan> RepeatedPlans::Find(int64_t owner_uid,
                                                        absl::string_view request_bytes) {
  const std::string key = KeyOf(owner_uid, request_bytes);
  const std::lock_guard<std::mutex> guard(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return found->second->plan;
}

int64_t RepeatedPlans::generation() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return generation_;
}

void RepeatedPlans::Insert(int64_t owner_uid, absl::string_view request_bytes,
                           std::shared_ptr<const RepeatedPlan> plan, int64_t generation) {
  std::string key = KeyOf(owner_uid, request_bytes);
  if (key.size() + plan->plan_bytes.size() + plan->cluster_content.size() > kMaxEntryBytes) return;
  const std::lock_guard<std::mutex> guard(mutex_);
  if (generation != generation_) return;
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    known->second->plan = std::move(plan);
    return;
  }
  if (by_use_.size() == kMaxEntries) {
    by_key_.erase(by_use_.back().key);
    by_use_.pop_back();
  }
  by_use_.push_front({key, std::move(plan)});
  by_key_.emplace(std::move(key), by_use_.begin());
}

void RepeatedPlans::Clear() {
  const std::lock_guard<std::mutex> guard(mutex_);
  ++generation_;
  by_key_.clear();
  by_use_.clear();
}

}  // namespace rhumb::daemon
