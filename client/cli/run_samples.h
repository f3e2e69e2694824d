// SPDX-License-Identifier: Apache-2.0
// The samples of a run from the daemon, and as lines of text.
#ifndef RHUMB_CLIENT_CLI_RUN_SAMPLES_H_
#define RHUMB_CLIENT_CLI_RUN_SAMPLES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "rhumb/v1/run_progress.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

// All samples of the run called `name`, first to last; with `last` those at the end alone.
absl::StatusOr<v1::ListRunSamplesResponse> FetchSamples(client::Client& client,
                                                        const std::string& name,
                                                        std::optional<int64_t> last);

// "sequence,sample_time,step,...": every field of RunSample.
std::string SampleCsvHeader();

// A line in these columns; what is not given is empty.
std::string SampleCsvLine(const v1::RunSample& sample);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_SAMPLES_H_
