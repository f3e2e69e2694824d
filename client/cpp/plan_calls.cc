// SPDX-License-Identifier: Apache-2.0
// Plans, predictions, checks.
#include "client/cpp/client_calls.h"
#include "google/protobuf/empty.pb.h"

namespace rhumb::client {

absl::StatusOr<v1::Plan> Client::CreatePlan(const v1::CreatePlanRequest& request) {
  // An identical question is the same plan, so asking twice stores once.
  return Call(stubs_->plan, &v1::PlanService::Stub::CreatePlan, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Plan> Client::GetPlan(const v1::GetPlanRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::GetPlan, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListPlansResponse> Client::ListPlans(const v1::ListPlansRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::ListPlans, request, options_, Repeatable::kYes);
}

absl::Status Client::DeletePlan(const v1::DeletePlanRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::DeletePlan, request, options_, Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::PredictLossResponse> Client::PredictLoss(const v1::PredictLossRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::PredictLoss, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::CheckConfigurationResponse> Client::CheckConfiguration(
    const v1::CheckConfigurationRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::CheckConfiguration, request, options_,
              Repeatable::kYes);
}

}  // namespace rhumb::client
