// SPDX-License-Identifier: Apache-2.0
// LawService over the catalogue of published laws.
#ifndef RHUMB_DAEMON_LAW_SERVICE_H_
#define RHUMB_DAEMON_LAW_SERVICE_H_

#include "daemon/peer.h"
#include "rhumb/v1/law_service.grpc.pb.h"

namespace rhumb::daemon {

class LawService final : public v1::LawService::Service {
 public:
  explicit LawService(const PeerRegistry& peers) : peers_(peers) {}

  grpc::Status GetLaw(grpc::ServerContext* context, const v1::GetLawRequest* request,
                      v1::Law* response) override;
  grpc::Status ListLaws(grpc::ServerContext* context, const v1::ListLawsRequest* request,
                        v1::ListLawsResponse* response) override;

 private:
  const PeerRegistry& peers_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_SERVICE_H_
