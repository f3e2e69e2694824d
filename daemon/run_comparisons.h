// SPDX-License-Identifier: Apache-2.0
// The numbers of a run's message that are planned and actual: filled by several, each once.
#ifndef RHUMB_DAEMON_RUN_COMPARISONS_H_
#define RHUMB_DAEMON_RUN_COMPARISONS_H_

#include <optional>
#include <string>

#include "rhumb/v1/run.pb.h"

namespace rhumb::daemon {

// Fills of `quantity` what nobody has said before. `source` is of `actual`.
void Compare(const std::string& quantity, const std::optional<double>& planned,
             const std::optional<double>& actual, const std::string& source, v1::Run& run);

// Null without one.
const v1::RunComparison* FindComparison(const std::string& quantity, const v1::Run& run);

std::optional<double> ActualOf(const std::string& quantity, const v1::Run& run);
std::optional<double> PlannedOf(const std::string& quantity, const v1::Run& run);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_COMPARISONS_H_
