// SPDX-License-Identifier: Apache-2.0
// The best layouts of a plan's model on its GPUs side by side: where the time of a step goes.
#ifndef RHUMB_CLIENT_CLI_RENDER_LAYOUTS_H_
#define RHUMB_CLIENT_CLI_RENDER_LAYOUTS_H_

#include "client/cli/report.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

// Nothing if the plan has none.
void AddBestLayouts(const v1::Plan& plan, const Terminal& terminal, Report& report);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_LAYOUTS_H_
