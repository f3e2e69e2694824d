// SPDX-License-Identifier: Apache-2.0
// The compute budgets of an isoFLOP fit as a table: which runs share one, and where each is best.
#ifndef RHUMB_CLIENT_CLI_RENDER_ISOFLOP_H_
#define RHUMB_CLIENT_CLI_RENDER_ISOFLOP_H_

#include <string>

#include "client/cli/report.h"
#include "client/cli/table.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {

// Says how runs were put into budgets, by which column (`compute_column`, empty: not known), and
// lists the budgets; those of most sizes where there are many. Nothing for other fits.
void AddBudgets(const v1::LawFitResult& fit, const std::string& compute_column, bool wide,
                Report& report);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_ISOFLOP_H_
