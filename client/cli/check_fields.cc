// SPDX-License-Identifier: Apache-2.0
#include "client/cli/check_fields.h"

#include <optional>
#include <utility>
#include <vector>

#include "client/cli/architecture_message.h"
#include "client/cli/pool_flags.h"
#include "client/cli/question_flags.h"
#include "client/cli/request_fields.h"
#include "planner/status_macros.h"

namespace rhumb::cli {

absl::StatusOr<v1::CheckConfigurationRequest> ReadCheckFields(const Invocation& invocation,
                                                              const Context& context) {
  v1::CheckConfigurationRequest request;
  RHUMB_RETURN_IF_ERROR(
      SetFieldsFromFlags(CheckFieldFlags(), invocation, context.now_unix_seconds, request));
  RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Architecture> model, ReadArchitectureFlag(invocation));
  if (model.has_value()) *request.mutable_architecture() = *std::move(model);
  return request;
}

absl::Status ApplyCheckPoolDetails(const Invocation& invocation,
                                   v1::CheckConfigurationRequest& request) {
  std::vector<v1::GpuPool*> pools;
  if (request.has_gpu_pool()) pools.push_back(request.mutable_gpu_pool());
  return ApplyPoolDetails(invocation, pools, request);
}

absl::StatusOr<OutputOptions> ReadCheckOutput(const Invocation& invocation) {
  RHUMB_ASSIGN_OR_RETURN(const OutputOptions output, ReadOutputOptions(invocation));
  if (output.format == OutputFormat::kName) {
    return absl::InvalidArgumentError("--output: a check has no name");
  }
  return output;
}

}  // namespace rhumb::cli
