// SPDX-License-Identifier: Apache-2.0
// Calibrations as text and tables.
#ifndef RHUMB_CLIENT_CLI_RENDER_CALIBRATION_H_
#define RHUMB_CLIENT_CLI_RENDER_CALIBRATION_H_

#include <string>
#include <vector>

#include "client/cli/calibration_fit.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/calibration.pb.h"

namespace rhumb::cli {

// A row a calibration.
Table CalibrationsTable(const std::vector<v1::Calibration>& calibrations);

// A row a constant of every family, its default beside it.
Table ConstantsTable(const v1::Calibration& calibration);

// Runs, errors and constants of every family, and where they come from.
std::string RenderCalibration(const v1::Calibration& calibration, const Terminal& terminal);

// Rows that were not used, a line a reason; empty without any.
std::vector<std::string> ReasonsOfUnused(const std::vector<UnusedRow>& unused);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_CALIBRATION_H_
