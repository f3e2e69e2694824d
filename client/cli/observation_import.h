// SPDX-License-Identifier: Apache-2.0
// A table of observations from a file to the daemon, for the commands that work on one.
#ifndef RHUMB_CLIENT_CLI_OBSERVATION_IMPORT_H_
#define RHUMB_CLIENT_CLI_OBSERVATION_IMPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/fit_flags.h"
#include "client/cli/progress_bar.h"
#include "client/cpp/client.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "rhumb/v1/observation.pb.h"

namespace rhumb::cli {

// What a file held.
struct ObservationRows {
  std::string file;  // as messages name it
  google::protobuf::RepeatedPtrField<v1::Observation> observations;
  int64_t skipped_count = 0;  // bad rows, left out as --skip-bad-rows says
  int64_t filtered_count = 0;
};

// Reads the file at `path` ("-": stdin). DEADLINE_EXCEEDED if it is a pipe that has not ended after
// `timeout_seconds` (nullopt: never); INVALID_ARGUMENT, with the file's name before each line of
// the message, for whatever is wrong with it; every bad row up to a limit is named.
absl::StatusOr<ObservationRows> ReadRows(const std::string& path, const TableQuestion& question,
                                         std::optional<double> timeout_seconds,
                                         ProgressBar& progress);

// Says on stderr how many rows were skipped or left out by --where.
void RemarkOnRows(const ObservationRows& rows, const Invocation& invocation, Context& context);

// A set that exists for one command: unless kept it is given back with this object, and so deleted
// if nobody else uses it. If the process is killed before, the daemon drops the set when its
// lifetime is over.
class TemporarySet {
 public:
  // Streams the rows. `header` gives conventions; its source defaults to the file's name. The
  // lifetime outlasts calls of `timeout_seconds` (nullopt: the client's default).
  static absl::StatusOr<TemporarySet> Import(client::Client& client, const ObservationRows& rows,
                                             const v1::ImportObservationsRequest& header,
                                             std::optional<double> timeout_seconds,
                                             ProgressBar& progress);
  ~TemporarySet();
  TemporarySet(TemporarySet&& other) noexcept
      : client_(other.client_), set_(std::move(other.set_)), owned_(other.owned_) {
    other.owned_ = false;
  }
  TemporarySet& operator=(TemporarySet&&) = delete;

  const std::string& name() const { return set_.name(); }
  void Keep() { owned_ = false; }
  // Whether it goes with this object: not if it was kept, or was there to stay before.
  bool is_deleted_at_the_end() const { return owned_; }

 private:
  TemporarySet(client::Client& client, v1::ObservationSet set)
      : client_(&client), set_(std::move(set)), owned_(set_.has_expire_time()) {}

  client::Client* client_;
  v1::ObservationSet set_;
  bool owned_;
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_OBSERVATION_IMPORT_H_
