// SPDX-License-Identifier: Apache-2.0
// Named questions about stored observations: sets that are written once, whole, and read by pages.
#ifndef RHUMB_DAEMON_STORE_OBSERVATION_STORE_H_
#define RHUMB_DAEMON_STORE_OBSERVATION_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"

namespace rhumb::daemon {

struct StoredObservationSet {
  std::string name;  // observations/...
  int64_t owner_uid = 0;
  int64_t create_time_ns = 0;
  std::string content_hash;
  int64_t row_count = 0;
  std::string header;  // message bytes without rows and what the other fields say
  // When the set is dropped unless laws rest on it; 0: never.
  int64_t expire_time_ns = 0;
};

// Consecutive rows of a set.
struct StoredObservations {
  int64_t first_row = 0;
  int64_t row_count = 0;
  std::string rows;  // message bytes
};

// Thread-safe. Every error is fit for a caller: no bound value is in its text.
class ObservationStore {
 public:
  // `database` must outlive the store.
  explicit ObservationStore(Database& database) : database_(database) {}

  absl::StatusOr<std::optional<StoredObservationSet>> FindSet(absl::string_view name);

  // Stores the set with all its rows, or answers the one of this name if it has the same content.
  // Then it expires at the later of both times, and never if one of both never does; a set that
  // expires has one more holder. Sets whose time is up at `now_ns` are dropped. Durable on return.
  // AlreadyExists if the name holds other content, or the request id was used otherwise; then
  // nothing is stored.
  absl::StatusOr<StoredObservationSet> InsertSet(const StoredObservationSet& set,
                                                 const std::vector<StoredObservations>& chunks,
                                                 const RequestKey& key, int64_t now_ns);

  // The chunks that hold rows [first_row, first_row + row_count), in order; whole, so that they may
  // hold more.
  absl::StatusOr<std::vector<StoredObservations>> ReadRows(absl::string_view name,
                                                           int64_t first_row, int64_t row_count);

  // Newest first.
  absl::StatusOr<std::vector<StoredObservationSet>> ListSets(
      const std::optional<ListPosition>& after, int limit);
  // All names, for "nearest" in errors.
  absl::StatusOr<std::vector<std::string>> SetNames();

  // False if there was none. FailedPrecondition naming the laws that were fitted on it, unless
  // `force`.
  absl::StatusOr<bool> DeleteSet(absl::string_view name, bool force, bool check_only);

  // One holder of a set that expires is done with it: without another and without laws that rest on
  // it, it is deleted. False if there was none of the name.
  absl::StatusOr<bool> ReleaseSet(absl::string_view name);

  // Drops the sets whose time is up, but for those that laws rest on. Writes only if there are any.
  absl::Status DropExpiredSets(int64_t now_ns);

 private:
  Database& database_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_OBSERVATION_STORE_H_
