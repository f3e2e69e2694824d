// SPDX-License-Identifier: Apache-2.0
#include "client/cli/calibration_lookup.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"
#include "proto/convert/calibration_message.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {

Flag CalibrationFlag(const std::string& help) {
  return {.name = "calibration",
          .field = "calibration",
          .kind = FlagKind::kText,
          .placeholder = "NAME",
          .help = help,
          .group = "Measured runs"};
}

absl::StatusOr<std::optional<TimeCalibration>> FetchCalibration(const Invocation& invocation,
                                                                Context& context) {
  if (!invocation.Has("calibration")) return std::optional<TimeCalibration>();
  RHUMB_ASSIGN_OR_RETURN(const Home home, context.open_home(invocation, context));
  v1::GetCalibrationRequest request;
  request.set_name(invocation.Value("calibration"));
  const absl::StatusOr<v1::Calibration> calibration = home.client->GetCalibration(request);
  if (absl::IsNotFound(calibration.status()) || absl::IsInvalidArgument(calibration.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--calibration (calibration): ", calibration.status().message()));
  }
  RHUMB_RETURN_IF_ERROR(calibration.status());
  return std::optional<TimeCalibration>(convert::FromProto(*calibration));
}

}  // namespace rhumb::cli
