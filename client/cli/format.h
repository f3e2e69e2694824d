// SPDX-License-Identifier: Apache-2.0
// Numbers as a person reads them, beyond what client/config/human_numbers.h has. Each carries its
// unit.
#ifndef RHUMB_CLIENT_CLI_FORMAT_H_
#define RHUMB_CLIENT_CLI_FORMAT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/timestamp.pb.h"
#include "rhumb/v1/architecture.pb.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

std::string FormatInteger(int64_t value);         // 128,256
std::string FormatLoss(double nats);              // 2.052
std::string FormatFraction(double fraction);      // 43.1%
std::string FormatLevel(double level);            // 90%
std::string FormatRatio(double ratio);            // 21.6
std::string FormatScientific(double value);       // 2.1e-4
std::string FormatEnergy(double kilowatt_hours);  // 98.2 MWh
std::string FormatMass(double kilograms);         // 37.1 t
std::string FormatPerGpuHour(double usd);         // $2.99/GPU-h

// `text` with its numbers as 2.1e22 and 2.1e-4 instead of 2.1e+22 and 2.1e-04.
std::string ShortExponents(absl::string_view text);

// "total", "non-embedding"; empty for a convention that is not said.
std::string ConventionName(v1::ParamCountConvention convention);
std::string ConventionName(v1::FlopsConvention convention);

// "2.052 nats per token (90%: 2.041-2.067)"; without an interval just the mean.
std::string FormatLossEstimate(const v1::LossEstimate& loss);

// `name` without its collection: "p-12" of "plans/p-12".
std::string BareName(absl::string_view name);

// "2027-03-01T12:00:00Z".
std::string FormatInstant(const google::protobuf::Timestamp& time);

// "1 step", "3 steps": only the regular plural.
std::string Counted(int64_t count, absl::string_view noun);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_FORMAT_H_
