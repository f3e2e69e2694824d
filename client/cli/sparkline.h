// SPDX-License-Identifier: Apache-2.0
// A curve in one line of text.
#ifndef RHUMB_CLIENT_CLI_SPARKLINE_H_
#define RHUMB_CLIENT_CLI_SPARKLINE_H_

#include <string>
#include <vector>

#include "client/cli/terminal.h"

namespace rhumb::cli {

// `values` as at most `width` bars of eight heights, each the mean of the values that share it; the
// lowest is the least. Empty without two finite values, and on a terminal without Unicode.
std::string Sparkline(const std::vector<double>& values, int width, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SPARKLINE_H_
