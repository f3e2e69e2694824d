// SPDX-License-Identifier: Apache-2.0
#include "daemon/validate.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rhumb::daemon {
namespace {

// Choices between more kinds of GPUs than a site owns are a mistake or an attack.
constexpr int kMaxQuestionPools = 64;

// Fields that only make sense in pairs or orders.
template <typename Request>
void CheckPlace(const Request& request, FieldViolations& violations) {
  if (request.cluster().empty() && !request.partition().empty()) {
    violations.Add("partition", "needs cluster: a partition is part of one");
  }
}

void CheckPool(const std::string& path, const v1::GpuPool& pool, FieldViolations& violations) {
  if (pool.gpu_type().empty()) violations.Add(absl::StrCat(path, ".gpu_type"), "must be given");
}

}  // namespace

void ValidateCreatePlanRequest(const v1::CreatePlanRequest& request, FieldViolations& violations) {
  if (request.gpu_pools_size() > kMaxQuestionPools) {
    violations.Add("gpu_pools", absl::StrCat("must have at most ", kMaxQuestionPools,
                                             " entries, got ", request.gpu_pools_size()));
    return;
  }
  ValidateValues(request, violations);
  for (int i = 0; i < request.gpu_pools_size(); ++i) {
    CheckPool(absl::StrCat("gpu_pools[", i, "]"), request.gpu_pools(i), violations);
  }
  CheckPlace(request, violations);
  if (!request.cluster().empty() && request.gpu_pools_size() > 0) {
    violations.Add("cluster", "and gpu_pools exclude each other");
  }
  if (!request.gpu_type().empty() && (request.gpu_pools_size() > 0 || !request.cluster().empty())) {
    violations.Add("gpu_type",
                   "is for questions without a number of GPUs; gpu_pools or cluster is given too");
  }
  if (request.free_only() && request.cluster().empty()) {
    violations.Add("free_only", "needs a cluster whose nodes an agent tells of");
  }
  if (!request.calibration().empty() && request.has_mfu()) {
    violations.Add("calibration", "and mfu exclude each other: no step is timed with an MFU");
  } else if (!request.calibration().empty() && request.gpu_pools_size() == 0 &&
             request.cluster().empty()) {
    violations.Add("calibration", "needs gpu_pools or cluster: without GPUs no step is timed");
  }
}

void ValidatePredictLossRequest(const v1::PredictLossRequest& request,
                                FieldViolations& violations) {
  ValidateValues(request, violations);
}

void ValidateCheckConfigurationRequest(const v1::CheckConfigurationRequest& request,
                                       FieldViolations& violations) {
  ValidateValues(request, violations);
  if (!request.has_architecture() && !request.has_param_count()) {
    violations.Add("architecture", "or param_count must be given");
  }
  if (request.has_architecture() && request.has_param_count()) {
    violations.Add("param_count", "and architecture exclude each other");
  }
  if (request.has_gpu_pool()) CheckPool("gpu_pool", request.gpu_pool(), violations);
  if (request.has_gpu_pool() == !request.cluster().empty()) {
    violations.Add("gpu_pool", request.has_gpu_pool() ? "and cluster exclude each other"
                                                      : "or cluster must be given");
  }
  CheckPlace(request, violations);
  // Without tokens there is no run whose end could be judged.
  if (!request.has_token_count()) {
    for (const auto& [given, field] :
         {std::pair{request.has_deadline_seconds(), "deadline_seconds"},
          std::pair{request.has_budget_usd(), "budget_usd"}}) {
      if (given) violations.Add(field, "needs token_count, the tokens to train on");
    }
  }
}

void ValidateApplyClusterRequest(const v1::ApplyClusterRequest& request,
                                 FieldViolations& violations) {
  ValidateValues(request, violations);
  if (!request.has_cluster()) {
    violations.Add("cluster", "must be given");
    return;
  }
  ResourceName("clusters", request.cluster().name(), "cluster.name", violations);
  if (request.cluster().pools_size() == 0)
    violations.Add("cluster.pools", "must have at least one pool");
  if (request.cluster().pools_size() > 1000)
    violations.Add("cluster.pools", "must have at most 1000 pools");
  for (int i = 0; i < request.cluster().pools_size(); ++i) {
    if (request.cluster().pools(i).gpu_type().empty()) {
      violations.Add(absl::StrCat("cluster.pools[", i, "].gpu_type"), "must be given");
    }
  }
}

absl::StatusOr<int> PageSize(int32_t requested, int maximum) {
  if (requested < 0) {
    return FieldError("page_size", absl::StrCat("must not be negative, got ", requested));
  }
  return requested == 0 ? 50 : std::min(requested, maximum);
}

absl::StatusOr<std::string> ResourceName(absl::string_view collection, absl::string_view name,
                                         absl::string_view field) {
  absl::string_view id = name;
  absl::ConsumePrefix(&id, absl::StrCat(collection, "/"));
  bool valid = !id.empty() && id.size() <= 63 &&
               absl::ascii_islower(static_cast<unsigned char>(id[0])) && id.back() != '-';
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    valid = valid && (absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '-');
  }
  if (!valid) {
    return FieldError(field,
                      absl::StrCat("must be ", collection,
                                   "/ID with an id of lower-case letters, digits and "
                                   "dashes that begins with a letter, at most 63 long, got \"",
                                   name, "\""));
  }
  return absl::StrCat(collection, "/", id);
}

std::string ResourceName(absl::string_view collection, absl::string_view name,
                         absl::string_view field, FieldViolations& violations) {
  absl::StatusOr<std::string> resource = ResourceName(collection, name, field);
  if (resource.ok()) return *std::move(resource);
  violations.Add(field,
                 "must be an id of lower-case letters, digits and dashes that begins with a "
                 "letter, at most 63 long");
  return "";
}

}  // namespace rhumb::daemon
