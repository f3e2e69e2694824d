// SPDX-License-Identifier: Apache-2.0
// A plan as it is stored.
#ifndef RHUMB_DAEMON_PLAN_ROW_H_
#define RHUMB_DAEMON_PLAN_ROW_H_

#include <string>

#include "daemon/store/store.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::daemon {

// `plan` has its name, owner and time; `law` is the name of the law of its question, whose bytes
// are `request`.
StoredPlan PlanRow(const v1::Plan& plan, const std::string& law, const std::string& request,
                   const std::string& inputs);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_PLAN_ROW_H_
