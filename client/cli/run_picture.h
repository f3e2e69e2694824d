// SPDX-License-Identifier: Apache-2.0
// A run's loss over its tokens beside the planned curve, as a figure.
#ifndef RHUMB_CLIENT_CLI_RUN_PICTURE_H_
#define RHUMB_CLIENT_CLI_RUN_PICTURE_H_

#include "client/plot/figure.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

// The planned curve with its band where there is one, the measured loss, and the loss that is
// forecast for the end. `level` is that of the band.
plot::Figure LossCurveFigure(const v1::CompareRunResponse& comparison, double level);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_PICTURE_H_
