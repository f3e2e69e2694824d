// SPDX-License-Identifier: Apache-2.0
// Named questions to the durable store: plans and answered requests here; clusters, GPU types and
// calibrations through resource_store.h, promised GPUs through reservation_store.h, runs and their
// jobs through run_store.h, laws through law_store.h, observations through observation_store.h.
// Messages of the API are opaque bytes here. No SQL exists outside this folder.
#ifndef RHUMB_DAEMON_STORE_STORE_H_
#define RHUMB_DAEMON_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/law_store.h"
#include "daemon/store/observation_store.h"
#include "daemon/store/request_key.h"
#include "daemon/store/reservation_store.h"
#include "daemon/store/resource_store.h"
#include "daemon/store/run_store.h"
#include "daemon/store/sample_store.h"

namespace rhumb::daemon {

struct StoredPlan {
  std::string name;  // plans/p-...
  int64_t owner_uid = 0;
  int64_t create_time_ns = 0;
  std::string state;  // FEASIBLE or INFEASIBLE
  std::string law;
  std::string basic, plan;  // message bytes as lists and as GetPlan show it
  std::string request, inputs;
};

// Thread-safe. Every error is fit for a caller: no bound value is in its text.
class Store {
 public:
  explicit Store(std::unique_ptr<Database> database);
  ~Store();

  // The whole row, nullopt if there is none of the name.
  absl::StatusOr<std::optional<StoredPlan>> FindPlan(absl::string_view name);

  // StoredPlan.plan alone, by a statement prepared once per session: what a repeated question
  // costs.
  absl::StatusOr<std::optional<std::string>> FindPlanBytes(absl::string_view name);

  // Name of what an earlier request with this id made, nullopt if the id is new.
  // AlreadyExists if the id was used with other content or by another method.
  absl::StatusOr<std::optional<std::string>> FindByRequestId(const RequestKey& key);

  // Stores `plan`, or finds it stored already by a racing call; answers what is stored. Durable on
  // return. AlreadyExists as in FindByRequestId; then nothing is stored.
  absl::StatusOr<StoredPlan> InsertPlan(const StoredPlan& plan, const RequestKey& key,
                                        int64_t now_ns);

  // Up to `limit` plans after `after` (nullopt: from the newest). Only `basic` or `plan` is filled,
  // by `full`.
  absl::StatusOr<std::vector<StoredPlan>> ListPlans(const std::optional<ListPosition>& after,
                                                    int limit, bool full);

  // False if there was none.
  absl::StatusOr<bool> DeletePlan(absl::string_view name);

  ResourceStore& clusters() { return clusters_; }
  ResourceStore& gpu_types() { return gpu_types_; }
  ResourceStore& calibrations() { return calibrations_; }
  // What agents last saw of clusters; written through reservations().Sync() alone.
  ResourceStore& inventories() { return inventories_; }
  ReservationStore& reservations() { return reservations_; }
  RunStore& runs() { return runs_; }
  SampleStore& samples() { return samples_; }
  LawStore& laws() { return laws_; }
  ObservationStore& observations() { return observations_; }

  // Empties the writer's queue and checkpoints.
  void Close() { database_->Close(); }

 private:
  class PreparedReads;

  std::unique_ptr<Database> database_;
  std::unique_ptr<PreparedReads> prepared_;  // destroyed before the sessions it belongs to
  ResourceStore clusters_, gpu_types_, calibrations_, inventories_;
  ReservationStore reservations_;
  RunStore runs_;
  SampleStore samples_;
  LawStore laws_;
  ObservationStore observations_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_STORE_H_
