// SPDX-License-Identifier: Apache-2.0
// Unit factors with names. Values inside rhumb are in base units: FLOP, bytes, seconds, tokens,
// USD.
#ifndef RHUMB_PLANNER_UNITS_H_
#define RHUMB_PLANNER_UNITS_H_

namespace rhumb {

inline constexpr double kKibibyte = 1024.0;
inline constexpr double kMebibyte = 1024.0 * 1024.0;
inline constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

inline constexpr double kSecondsPerMinute = 60.0;
inline constexpr double kSecondsPerHour = 3600.0;
inline constexpr double kSecondsPerDay = 86400.0;

// One PF-day is 1e15 FLOP/s sustained for a day. Source: Kaplan et al. 2020, arXiv:2001.08361, 1.3.
inline constexpr double kPetaflopDayFlops = 1e15 * kSecondsPerDay;

inline constexpr double kJoulesPerKilowattHour = 3.6e6;

// Network rates are quoted in Gb/s (1e9 bits); 1 Gb/s is 1.25e8 bytes/s. Gb/s is not GB/s.
inline constexpr double kBytesPerSecondPerGigabit = 1e9 / 8.0;

}  // namespace rhumb

#endif  // RHUMB_PLANNER_UNITS_H_
