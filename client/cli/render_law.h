// SPDX-License-Identifier: Apache-2.0
// Laws as a person reads them: the list, and one with everything that is known about it.
#ifndef RHUMB_CLIENT_CLI_RENDER_LAW_H_
#define RHUMB_CLIENT_CLI_RENDER_LAW_H_

#include <string>
#include <vector>

#include "client/cli/table.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/law.pb.h"

namespace rhumb::cli {

Table LawsTable(const std::vector<v1::Law>& laws);

// With `wide` also how it was fitted and its covariance.
std::string RenderLaw(const v1::Law& law, bool wide, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_LAW_H_
