// SPDX-License-Identifier: Apache-2.0
// A law of the API as the planner computes with it: what pictures and tables of decisions are drawn
// from.
#ifndef RHUMB_CLIENT_CLI_PLANNER_LAW_H_
#define RHUMB_CLIENT_CLI_PLANNER_LAW_H_

#include <optional>

#include "planner/laws/law.h"
#include "rhumb/v1/law.pb.h"

namespace rhumb::cli {

// nullopt for laws that are not of N and D, and for constants that make no law (an A that is not
// positive). A covariance that cannot be used is left out: then there are no intervals.
std::optional<Law> PlannerLaw(const v1::Law& message);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PLANNER_LAW_H_
