// SPDX-License-Identifier: Apache-2.0
#include "client/cli/planner_law.h"

#include "planner/laws/chinchilla.h"
#include "planner/laws/law_covariance.h"
#include "proto/convert/law_message.h"

namespace rhumb::cli {

std::optional<Law> PlannerLaw(const v1::Law& message) {
  if (!message.planable()) return std::nullopt;
  Law law = convert::FromProto(message);
  if (!ValidateChinchillaLaw(law.constants).ok()) return std::nullopt;
  if (law.covariance.has_value() && !ValidateLawCovariance(*law.covariance).ok()) {
    law.covariance.reset();
  }
  return law;
}

}  // namespace rhumb::cli
