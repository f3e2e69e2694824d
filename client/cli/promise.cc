// SPDX-License-Identifier: Apache-2.0
#include "client/cli/promise.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/output.h"
#include "client/cpp/rpc_error.h"
#include "google/protobuf/util/time_util.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

constexpr char kTooFew[] = "NOT_ENOUGH_FREE_GPUS";

// Submissions that ask the same at once are answered the same plan, and each needs GPUs of its own:
// only what is said to be a repetition is one.
std::string Submission(const Invocation& invocation) {
  if (invocation.Has("request-id")) return invocation.Value("request-id");
  std::random_device random;
  return absl::StrCat(random(), " ", random(), " ", random(), " ", random());
}

// A UUID of the promise to `plan` that `submission` asks for.
std::string RequestIdOf(const std::string& plan, const std::string& submission) {
  const std::string hash = Sha256Hex(absl::StrCat("promise ", plan, " ", submission));
  return absl::StrCat(hash.substr(0, 8), "-", hash.substr(8, 4), "-8", hash.substr(13, 3), "-8",
                      hash.substr(17, 3), "-", hash.substr(20, 12));
}

}  // namespace

Flag ReserveFlag() {
  return {.name = "reserve",
          .kind = FlagKind::kSwitch,
          .help = "promise the plan's GPUs to nobody else for 10 minutes",
          .group = "Submission"};
}

absl::Status CheckReserve(const v1::CreatePlanRequest& question, const Invocation& invocation) {
  if (!invocation.Has("reserve")) return absl::OkStatus();
  if (question.validate_only()) {
    return absl::InvalidArgumentError("--reserve promises, and --validate-only changes nothing");
  }
  if (question.free_only() && !question.cluster().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "--reserve promises what is free of a cluster: it needs --cluster NAME --free");
}

absl::Status Promise(const v1::Plan& plan, client::Client& client, const Invocation& invocation,
                     Context& context) {
  if (!invocation.Has("reserve") || plan.state() != v1::Plan::STATE_FEASIBLE) {
    return absl::OkStatus();
  }
  if (plan.allocation().cluster().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--reserve: ", plan.name(), " is of no cluster whose GPUs could be promised"));
  }
  v1::ReserveAllocationRequest request;
  request.set_cluster(plan.allocation().cluster());
  request.set_partition(plan.allocation().partition());
  request.set_gpu_type(plan.allocation().gpu_type());
  request.set_gpu_count(plan.allocation().gpu_count());
  request.set_duration_seconds(kPromiseSeconds);
  request.set_plan(plan.name());
  request.set_request_id(RequestIdOf(plan.name(), Submission(invocation)));
  RHUMB_ASSIGN_OR_RETURN(const v1::Reservation promise, client.ReserveAllocation(request));
  Remark(
      invocation, context,
      absl::StrCat(promise.gpu_count(), " x ", promise.gpu_type(), " are promised to ", plan.name(),
                   " until ", google::protobuf::util::TimeUtil::ToString(promise.expire_time()),
                   " (", promise.name(), ")"));
  return absl::OkStatus();
}

absl::StatusOr<v1::Plan> PlanAndPromise(const v1::CreatePlanRequest& question,
                                        client::Client& client, const Invocation& invocation,
                                        Context& context) {
  RHUMB_ASSIGN_OR_RETURN(v1::Plan plan, client.CreatePlan(question));
  const absl::Status first = Promise(plan, client, invocation, context);
  if (first.ok()) return plan;
  if (client::DescribeError(first).reason != kTooFew) return first;
  // The same request would be answered by the same plan.
  if (!question.request_id().empty()) return first;
  RHUMB_ASSIGN_OR_RETURN(plan, client.CreatePlan(question));
  RHUMB_RETURN_IF_ERROR(Promise(plan, client, invocation, context));
  return plan;
}

}  // namespace rhumb::cli
