// SPDX-License-Identifier: Apache-2.0
// Numbers of reports as words; each carries its unit.
#ifndef RHUMB_PLANNER_WORDS_H_
#define RHUMB_PLANNER_WORDS_H_

#include <cstdint>
#include <string>

namespace rhumb {

// "41 s", "3 h 12 min", "20 d 22 h".
std::string DurationWords(double seconds);

// "4%", "0.4%", "120%" of 0.04, 0.004, 1.2.
std::string PercentWords(double fraction);

// "1 GPU", "16 GPUs": only the regular plural.
std::string CountWords(int64_t count, const std::string& noun);

// Slurm's "02:30:00" and "1-02:30:00", up to the whole minute, which is what Slurm counts in.
std::string SlurmTimeWords(double seconds);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_WORDS_H_
