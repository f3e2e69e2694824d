// SPDX-License-Identifier: Apache-2.0
// The answers of `rhumb fit`, `law backtest` and `law suggest` as a person reads them.
#ifndef RHUMB_CLIENT_CLI_RENDER_FIT_H_
#define RHUMB_CLIENT_CLI_RENDER_FIT_H_

#include <string>
#include <vector>

#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {

struct FitRenderOptions {
  bool wide = false;              // also objective, starts, covariance
  std::string stored;             // what was stored, a sentence; empty: nothing
  std::vector<std::string> next;  // command lines to go on with
  std::string file;               // whose lines outliers are
  std::string compute_column;     // what compute was taken from, for budgets; empty: not known
};

std::string RenderFit(const v1::LawFitResult& fit, const FitRenderOptions& options,
                      const Terminal& terminal);
// One row a constant, for --parsable.
Table ConstantsTable(const v1::LawFitResult& fit);

void AddBacktest(const v1::Backtest& backtest, Report& report);

std::string RenderBacktest(const v1::BacktestLawResponse& answer, const std::string& file,
                           bool wide, const Terminal& terminal);
Table BacktestTable(const v1::Backtest& backtest);

std::string RenderSuggestion(const v1::SuggestExperimentsResponse& answer, bool wide,
                             const Terminal& terminal);
Table ExperimentsTable(const v1::SuggestExperimentsResponse& answer);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_FIT_H_
