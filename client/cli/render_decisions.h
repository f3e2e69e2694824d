// SPDX-License-Identifier: Apache-2.0
// What a law decides: the best size, tokens and loss at the largest compute of the data and beyond.
#ifndef RHUMB_CLIENT_CLI_RENDER_DECISIONS_H_
#define RHUMB_CLIENT_CLI_RENDER_DECISIONS_H_

#include "client/cli/report.h"
#include "client/cli/table.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {

// By the law's constants and their covariance alone, which is all that a stored law says; empty for
// laws that are not of N and D.
Table LawDecisionsTable(const v1::Law& law, double level);

// As the fit answers them, by its draws, with the interval of a single run.
Table FitDecisionsTable(const v1::LawFitResult& fit);

// The table of a law under its title. Nothing for laws that are not of N and D.
void AddLawDecisions(const v1::Law& law, double level, Report& report);

// The table of a fit, and what the interval of a single run rests on. Fits without draws get the
// law's own table.
void AddDecisions(const v1::LawFitResult& fit, bool wide, Report& report);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_DECISIONS_H_
