// SPDX-License-Identifier: Apache-2.0
// What the exit status of `rhumb` says; scripts branch on it.
#ifndef RHUMB_CLIENT_CLI_EXIT_CODE_H_
#define RHUMB_CLIENT_CLI_EXIT_CODE_H_

namespace rhumb::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;  // usage, invalid input, a file that cannot be opened
inline constexpr int kExitNo = 3;     // infeasible, does not fit, does not finish
inline constexpr int kExitNotFound = 4;
inline constexpr int kExitUnavailable = 5;  // no daemon, or no answer in time
inline constexpr int kExitPermission = 6;
inline constexpr int kExitDrift = 7;  // `run drift --exit-code`: an alarm is open

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_EXIT_CODE_H_
