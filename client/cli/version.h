// SPDX-License-Identifier: Apache-2.0
// The version of this client.
#ifndef RHUMB_CLIENT_CLI_VERSION_H_
#define RHUMB_CLIENT_CLI_VERSION_H_

namespace rhumb::cli {

// As in "0.1.0": the project's, set by the build.
inline constexpr char kClientVersion[] = RHUMB_VERSION;

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_VERSION_H_
