// SPDX-License-Identifier: Apache-2.0
// Losses at the end of finished runs as observations for laws.
#ifndef RHUMB_CLIENT_CLI_LEARNED_OBSERVATIONS_H_
#define RHUMB_CLIENT_CLI_LEARNED_OBSERVATIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/learned_runs.h"
#include "client/cli/observation_import.h"
#include "client/cpp/client.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {

enum class LossKind { kTraining, kValidation };

// What the samples of a run say that the run itself does not.
struct RunSampleFacts {
  std::optional<double> peak_learning_rate;
  std::optional<double> validation_loss_nats;  // the last
  int64_t validation_token_count = 0;          // where that was measured
};

// Reads all of them.
absl::StatusOr<RunSampleFacts> ReadSampleFacts(const std::string& run, client::Client& client);

struct LearnedObservations {
  ObservationRows rows;
  v1::ImportObservationsRequest header;  // with tokenizer and data set
  std::vector<UnusedRow> unused;         // runs whose owners let others learn from them
};

// Losses at the end of runs that succeeded and opted in (settings.learn), as `header` counts N:
// param_count, token_count, loss_nats of `kind`, training_flops left to 6ND, batch, and the largest
// learning rate told. `tokenizer` and `dataset`, unless empty, take runs of those alone.
// INVALID_ARGUMENT if runs of several tokenizers or data sets are left, or none is.
absl::StatusOr<LearnedObservations> ObservationsOfRuns(
    const std::vector<FinishedRun>& runs, const v1::ImportObservationsRequest& header,
    const std::string& tokenizer, const std::string& dataset, LossKind kind,
    const std::function<RunSampleFacts(const v1::Run&)>& facts_of);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LEARNED_OBSERVATIONS_H_
