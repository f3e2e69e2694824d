// SPDX-License-Identifier: Apache-2.0
// The flags of `rhumb fit` and of what else reads tables of observations, and what they say
// together.
#ifndef RHUMB_CLIENT_CLI_FIT_FLAGS_H_
#define RHUMB_CLIENT_CLI_FIT_FLAGS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/observations/observation_file.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {

// How a table is read and what its numbers are: --map, --where, --skip-bad-rows, conventions.
std::vector<Flag> TableFlags();

// How a law is fitted. Fields are those of FitLawRequest.
std::vector<Flag> FitFlags();

// Those of them that say how to fit, without what becomes of the law.
std::vector<Flag> FitOptionFlags();

struct TableQuestion {
  ObservationFileOptions file;
  bool skip_bad_rows = false;
  v1::ImportObservationsRequest header;  // conventions; the first message of an import
};

// What TableFlags() say. INVALID_ARGUMENT names every wrong flag, one a line.
absl::StatusOr<TableQuestion> ReadTableFlags(const Invocation& invocation);

// What FitFlags() say; `observations` is left empty. INVALID_ARGUMENT as above: beyond the fields
// also --fix, --bound, --tie and --holdout, whose values have a form of their own.
absl::StatusOr<v1::FitLawRequest> ReadFitFlags(const Invocation& invocation);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_FIT_FLAGS_H_
