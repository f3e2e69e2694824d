// SPDX-License-Identifier: Apache-2.0
// GPUs promised to somebody until a time: what is promised is decided in the transaction that
// writes it down, so that no two callers are promised the same.
#ifndef RHUMB_DAEMON_STORE_RESERVATION_STORE_H_
#define RHUMB_DAEMON_STORE_RESERVATION_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"
#include "daemon/store/resource_store.h"

namespace rhumb::daemon {

struct StoredReservation {
  std::string name;  // reservations/r-...
  int64_t owner_uid = 0;
  std::string cluster, partition, gpu_type;
  int64_t gpu_count = 0;
  std::string plan;
  int64_t create_time_ns = 0, expire_time_ns = 0;
};

struct StartedJob {
  std::string plan;
  int64_t owner_uid = 0, gpu_count = 0;
};

// Thread-safe.
class ReservationStore {
 public:
  explicit ReservationStore(Database& database) : database_(database) {}

  // Judges `asked` by the inventory of its cluster (nullopt: none) and by what is promised there
  // now; an error refuses it.
  using MayPromise = std::function<absl::Status(const std::optional<StoredResource>& inventory,
                                                const std::vector<StoredReservation>& promised)>;

  // Stores `asked` if `may_promise` agrees; answers what is stored, for a repeated request what was
  // stored then if it is still there. AlreadyExists as Store::FindByRequestId.
  absl::StatusOr<StoredReservation> Promise(const StoredReservation& asked, const RequestKey& key,
                                            const MayPromise& may_promise);

  // Nullopt if there is none of the name, or it expired before `now_ns`.
  absl::StatusOr<std::optional<StoredReservation>> Find(absl::string_view name, int64_t now_ns);

  // Those of `cluster` (empty: of all) that have not expired at `now_ns`, newest first.
  absl::StatusOr<std::vector<StoredReservation>> List(absl::string_view cluster, int64_t now_ns);

  // False if there was none.
  absl::StatusOr<bool> Delete(absl::string_view name);

  // Jobs of plans that have begun to hold GPUs since `before` was stored (nullopt: nothing was).
  using StartedJobs =
      std::function<std::vector<StartedJob>(const std::optional<StoredResource>& before)>;

  // Stores an inventory, and in the same transaction drops what has expired and, for each job that
  // has started, the oldest promise to its plan that is its user's and of no more GPUs.
  absl::StatusOr<StoredResource> Sync(const StoredResource& inventory, const StartedJobs& started);

 private:
  Database& database_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_RESERVATION_STORE_H_
