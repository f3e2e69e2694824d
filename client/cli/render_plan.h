// SPDX-License-Identifier: Apache-2.0
// A plan as a person reads it.
#ifndef RHUMB_CLIENT_CLI_RENDER_PLAN_H_
#define RHUMB_CLIENT_CLI_RENDER_PLAN_H_

#include <string>
#include <vector>

#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

struct PlanRenderOptions {
  bool explain = false;  // the step's time by cause, the search in words
  bool wide = false;     // also stages, sources
  // The question answered, if known: what is to change can then be said of its pool.
  const v1::CreatePlanRequest* question = nullptr;
};

// The answer in one sentence, then every part of the plan that is there.
std::string RenderPlan(const v1::Plan& plan, const PlanRenderOptions& options,
                       const Terminal& terminal);

// "Train a 7.91B model on 412B tokens with 256 H100-SXM5-80GB for 20 d 22 h: expected loss 2.052
// ..."
std::string PlanSentence(const v1::Plan& plan);

// One row a plan. With `swept_title` a first column holds `swept_values`, one a plan.
Table PlansTable(const std::vector<v1::Plan>& plans, const std::string& swept_title = "",
                 const std::vector<std::string>& swept_values = {});

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_PLAN_H_
