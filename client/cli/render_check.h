// SPDX-License-Identifier: Apache-2.0
// The answers of `rhumb check` and `rhumb predict` as a person reads them.
#ifndef RHUMB_CLIENT_CLI_RENDER_CHECK_H_
#define RHUMB_CLIENT_CLI_RENDER_CHECK_H_

#include <string>

#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// "It fits: ..., It finishes: ...", the advice, then the parts. `level` of the time's interval, 0
// if unknown; `explain` adds the step's time by cause, `wide` the pipeline stages.
std::string RenderCheck(const v1::CheckConfigurationResponse& answer, double level, bool explain,
                        bool wide, const Terminal& terminal);
Table CheckTable(const v1::CheckConfigurationResponse& answer);

std::string RenderPrediction(const v1::PredictLossResponse& answer, bool wide,
                             const Terminal& terminal);
Table PredictionTable(const v1::PredictLossResponse& answer);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_CHECK_H_
