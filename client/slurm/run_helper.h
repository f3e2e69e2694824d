// SPDX-License-Identifier: Apache-2.0
// Another program, run for its output and under a deadline.
#ifndef RHUMB_CLIENT_SLURM_RUN_HELPER_H_
#define RHUMB_CLIENT_SLURM_RUN_HELPER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rhumb::slurm {

struct HelperResult {
  enum class End {
    kExited,    // with exit_code
    kTimedOut,  // killed
    kFailed,    // could not be started, or was ended by a signal: problem
    kTooMuch,   // wrote more than it may; killed
  };

  End end = End::kFailed;
  int exit_code = 0;
  std::string out, err;
  std::string problem;
};

inline constexpr size_t kMaxHelperBytes = size_t{1} << 18;

// Runs `program` with `arguments`, stdin empty, in this process's environment and a process group
// of its own, which is killed when `deadline_milliseconds` have passed since the call. Blocks until
// then at most. It may write `max_bytes`.
HelperResult RunHelper(const std::string& program, const std::vector<std::string>& arguments,
                       int64_t deadline_milliseconds, size_t max_bytes = kMaxHelperBytes);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_RUN_HELPER_H_
