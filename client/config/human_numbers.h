// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them (7B, 21d, 80GiB, $25k, 256xH100-SXM5-80GB) to base units and back.
// For the command line, TOML and CSV; JSON carries plain numbers only.
//
// Every parser wants the whole text to be one number of its form: empty text, signs, NaN,
// infinities, values beyond double (1e999) and trailing text give INVALID_ARGUMENT that shows the
// text and the allowed forms.
#ifndef RHUMB_CLIENT_CONFIG_HUMAN_NUMBERS_H_
#define RHUMB_CLIENT_CONFIG_HUMAN_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

// A count at or above 0: `7e9`, `350M`, `7B`, `1.4T`, `128K` (powers of 1000, either case;
// G = B). 1.3B is the double
// nearest to 1300000000, so exact where doubles are.
absl::StatusOr<double> ParseCount(absl::string_view text);

// As ParseCount, of whole things: refuses fractions (`1.5`) and values beyond int64.
absl::StatusOr<int64_t> ParseIntegerCount(absl::string_view text);

// A plain decimal number of either sign with no suffix: `0.41`, `-2`, `1e-3`.
absl::StatusOr<double> ParseNumber(absl::string_view text);

// Seconds, above 0: `21d`, `36h`, `90m`, `1h30m`, `2w`, `45s`, or a bare number of seconds. Units
// descend and come once each. With `now_seconds` (since the epoch, UTC), also the time left until a
// date `2027-03-01` (midnight) or `2027-03-01T18:30` (UTC), which must be later than now.
absl::StatusOr<double> ParseDuration(absl::string_view text, std::optional<double> now_seconds);

// Bytes at or above 0: `80GiB` (powers of 1024), `80GB` (powers of 1000), `512B`, or a bare number.
// A lone `80G` could mean either and is refused.
absl::StatusOr<double> ParseBytes(absl::string_view text);

// US dollars at or above 0: `$25k`, `$1.5M`, `25000`, `$2.5`.
absl::StatusOr<double> ParseUsd(absl::string_view text);

struct GpuQuantity {
  int64_t gpu_count = 0;
  std::string gpu_type;  // id or alias as written, [A-Za-z0-9-]+
  std::optional<double> price_usd_per_gpu_hour;
};

// `256xH100-SXM5-80GB`, with a price a GPU-hour if wanted: `256xH100-SXM5-80GB@2.5` or `@$2.5`.
// The count is from 1 to 10 million. Whether the type exists is not checked here.
absl::StatusOr<GpuQuantity> ParseGpuQuantity(absl::string_view text);

// For tables: three significant digits. Not to be parsed back.
std::string FormatCount(double count);                        // 7.03B, 350M, 512
std::string FormatFlops(double flops);                        // 1.00e21 FLOP
std::string FormatBytes(double bytes);                        // 71.2 GiB
std::string FormatDuration(double seconds);                   // 21 d 3 h, 1 h 30 min, 12.5 s
std::string FormatUsd(double usd);                            // $1.25M, $2.50
std::string FormatFlopsPerSecond(double flops_per_second);    // 989 TFLOP/s
std::string FormatTokensPerSecond(double tokens_per_second);  // 1.25M tokens/s

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_HUMAN_NUMBERS_H_
