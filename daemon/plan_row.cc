// SPDX-License-Identifier: Apache-2.0
#include "daemon/plan_row.h"

#include "daemon/convert.h"
#include "daemon/stored_message.h"
#include "proto/json/json_names.h"

namespace rhumb::daemon {

StoredPlan PlanRow(const v1::Plan& plan, const std::string& law, const std::string& request,
                   const std::string& inputs) {
  StoredPlan row;
  row.name = plan.name();
  row.owner_uid = plan.owner_uid();
  row.create_time_ns = NanosecondsOf(plan.create_time());
  row.state = ShortEnumName(*v1::Plan::State_descriptor()->FindValueByNumber(plan.state()));
  row.law = law;
  row.plan = plan.SerializeAsString();
  v1::Plan basic = plan;
  KeepBasicView(basic);
  row.basic = basic.SerializeAsString();
  row.request = request;
  row.inputs = inputs;
  return row;
}

}  // namespace rhumb::daemon
