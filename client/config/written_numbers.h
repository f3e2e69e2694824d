// SPDX-License-Identifier: Apache-2.0
// Numbers written so that the parsers of human_numbers.h take them back: values to put after a
// flag. A limit that is rounded must not become tighter, so each is rounded to one side.
#ifndef RHUMB_CLIENT_CONFIG_WRITTEN_NUMBERS_H_
#define RHUMB_CLIENT_CONFIG_WRITTEN_NUMBERS_H_

#include <string>

namespace rhumb {

enum class Side { kDown, kUp };

// Finite values at or above 0, to four significant digits.
std::string WriteNumber(double value, Side side);  // 2.145, 1.03e21
std::string WriteCount(double count, Side side);   // 123.5B, 9600, 1.03e21
std::string WriteBytes(double bytes, Side side);   // 80.5GiB
std::string WriteUsd(double usd, Side side);       // 25.3k: a shell takes $2 out of $25.3k
// Days and hours, hours and minutes, or minutes and seconds.
std::string WriteDuration(double seconds, Side side);  // 10m16s, 1192d4h

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_WRITTEN_NUMBERS_H_
