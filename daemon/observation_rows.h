// SPDX-License-Identifier: Apache-2.0
// Observation sets between messages and the store: gathering an import, reading a set back.
#ifndef RHUMB_DAEMON_OBSERVATION_ROWS_H_
#define RHUMB_DAEMON_OBSERVATION_ROWS_H_

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/observation.pb.h"

namespace rhumb::daemon {

inline constexpr int64_t kMaxObservations = 1'000'000;

// The rows of an import as they arrive, already in the form that is stored. Not thread-safe.
class ObservationGatherer {
 public:
  // The first message names the set; later ones bring rows only. After a violation rows are judged
  // but no longer kept.
  void Add(const v1::ImportObservationsRequest& message);

  const FieldViolations& violations() const { return violations_; }
  bool too_many() const { return row_count_ > kMaxObservations; }
  int64_t row_count() const { return row_count_; }
  const v1::ImportObservationsRequest& header() const { return header_; }

  // What is to be stored for `owner_uid`; InvalidArgument with all violations.
  struct Gathered {
    StoredObservationSet set;
    std::vector<StoredObservations> chunks;
  };
  absl::StatusOr<Gathered> Finish(int64_t owner_uid);

 private:
  void Keep(const v1::Observation& row);
  void CloseChunk();

  bool first_ = true;
  v1::ImportObservationsRequest header_;
  v1::ObservationSet stored_header_;
  FieldViolations violations_;
  int64_t row_count_ = 0;
  v1::ImportObservationsRequest open_chunk_;
  std::vector<StoredObservations> chunks_;
  std::unordered_set<std::string> runs_;
  int64_t nameless_run_count_ = 0;
};

// A stored set as a message, with what its row says.
absl::StatusOr<v1::ObservationSet> ToMessage(const StoredObservationSet& row);

// Rows [first_row, first_row + row_count) of a set, fewer at its end.
absl::StatusOr<std::vector<v1::Observation>> ReadObservations(absl::string_view name,
                                                              int64_t first_row, int64_t row_count,
                                                              Store& store);

// The set called `name` ("observations/x" or "x"), or NotFound with the nearest names.
absl::StatusOr<StoredObservationSet> GetStoredSet(absl::string_view name, Store& store);

// The same for a name inside a question: an unknown one is a violation of `field`.
absl::StatusOr<StoredObservationSet> ResolveObservations(absl::string_view name,
                                                         absl::string_view field, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_OBSERVATION_ROWS_H_
