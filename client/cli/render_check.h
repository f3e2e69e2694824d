// SPDX-License-Identifier: Apache-2.0
// The answers of `rhumb check` and `rhumb predict` as a person reads them.
#ifndef RHUMB_CLIENT_CLI_RENDER_CHECK_H_
#define RHUMB_CLIENT_CLI_RENDER_CHECK_H_

#include <string>

#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

struct CheckRenderOptions {
  double level = 0;       // of the time's interval; 0 if unknown
  bool whole_run = true;  // tokens were given: there is a wall time and a cost
  bool explain = false;   // also the step's time by cause
  bool wide = false;      // also the pipeline stages
};

// "It fits: ..., It finishes: ...", the advice, then the parts.
std::string RenderCheck(const v1::CheckConfigurationResponse& answer,
                        const CheckRenderOptions& options, const Terminal& terminal);
// `whole_run` as above.
Table CheckTable(const v1::CheckConfigurationResponse& answer, bool whole_run);

std::string RenderPrediction(const v1::PredictLossResponse& answer, bool wide,
                             const Terminal& terminal);
Table PredictionTable(const v1::PredictLossResponse& answer);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_CHECK_H_
