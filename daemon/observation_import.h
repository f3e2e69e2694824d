// SPDX-License-Identifier: Apache-2.0
// The server side of one ImportObservations call on gRPC's callback API: rows are judged as they
// arrive, and stored by a worker once the caller has sent all.
#ifndef RHUMB_DAEMON_OBSERVATION_IMPORT_H_
#define RHUMB_DAEMON_OBSERVATION_IMPORT_H_

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "daemon/call.h"
#include "daemon/clock.h"
#include "daemon/worker_pool.h"
#include "daemon/observation_rows.h"
#include "daemon/peer.h"
#include "daemon/store/store.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

// What all imports of a server share; outlives them.
struct ImportContext {
  Store& store;
  Clock clock;
  WorkerPool& workers;
  // Imports under way: each may hold a million rows.
  std::atomic<int>& import_count;
};

// Deletes itself when gRPC is done with it.
class ObservationImport final : public grpc::ServerReadReactor<v1::ImportObservationsRequest> {
 public:
  // Begins at once; `response` belongs to gRPC until the stream is done.
  static ObservationImport* Start(grpc::CallbackServerContext& context,
                                  v1::ObservationSet* response, const PeerRegistry& peers,
                                  const ImportContext& import);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  ObservationImport(grpc::CallbackServerContext& context, v1::ObservationSet* response,
                    const PeerRegistry& peers, const ImportContext& import);

  absl::Status StoreRows();  // on a worker
  // Whether all rows arrived that the first message declared: half a set is not stored.
  absl::Status CheckComplete() const;
  void End(const absl::Status& status);

  const Call call_;
  v1::ObservationSet* const response_;
  const ImportContext import_;
  ObservationGatherer rows_;
  bool first_ = true;
  int64_t declared_row_count_ = 0;
  v1::ImportObservationsRequest message_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_OBSERVATION_IMPORT_H_
