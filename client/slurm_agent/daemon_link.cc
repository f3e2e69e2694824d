// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/daemon_link.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/address.h"
#include "client/cpp/client.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::slurm_agent {
namespace {

class RpcLink final : public DaemonLink {
 public:
  RpcLink(std::string address, absl::Duration timeout)
      : address_(std::move(address)), timeout_(timeout) {}

  absl::StatusOr<v1::NodeInventory> SyncNodes(const v1::SyncNodesRequest& request) override {
    return Call<v1::NodeInventory>([&] { return client_->SyncNodes(request); });
  }

  absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request) override {
    return Call<v1::SyncJobsResponse>([&] { return client_->SyncJobs(request); });
  }

 private:
  template <typename Response, typename Run>
  absl::StatusOr<Response> Call(const Run& run) {
    if (client_ == nullptr) RHUMB_RETURN_IF_ERROR(Connect());
    absl::StatusOr<Response> response = run();
    // Perhaps it listens elsewhere by now, and a broken connection has its own long pauses.
    if (absl::IsUnavailable(response.status())) client_.reset();
    return response;
  }

  absl::Status Connect() {
    std::vector<client::CandidateAddress> candidates = {{address_, "--addr"}};
    if (address_.empty()) {
      RHUMB_ASSIGN_OR_RETURN(candidates,
                             client::CandidateAddresses(client::ReadAddressEnvironment()));
    }
    // The agent repeats a call by its own clock.
    client::ClientOptions options;
    options.timeout = timeout_;
    options.connect_timeout = timeout_;
    options.max_attempts = 1;
    absl::Status problem = absl::UnavailableError("no address of a daemon");
    for (const client::CandidateAddress& each : candidates) {
      absl::StatusOr<std::unique_ptr<client::Client>> connected =
          client::Client::Connect(each.address, options);
      if (connected.ok()) {
        client_ = *std::move(connected);
        return absl::OkStatus();
      }
      problem = connected.status();
    }
    return problem;
  }

  std::string address_;
  absl::Duration timeout_;
  std::unique_ptr<client::Client> client_;
};

class PrintingLink final : public DaemonLink {
 public:
  explicit PrintingLink(std::ostream& out) : out_(out) {}

  absl::StatusOr<v1::NodeInventory> SyncNodes(const v1::SyncNodesRequest& request) override {
    out_ << PrintJson(request) << std::endl;
    return request.inventory();
  }

  absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request) override {
    out_ << PrintJson(request) << std::endl;
    return v1::SyncJobsResponse();
  }

 private:
  std::ostream& out_;
};

}  // namespace

std::unique_ptr<DaemonLink> MakeDaemonLink(std::string address, absl::Duration timeout) {
  return std::make_unique<RpcLink>(std::move(address), timeout);
}

std::unique_ptr<DaemonLink> MakePrintingLink(std::ostream& out) {
  return std::make_unique<PrintingLink>(out);
}

}  // namespace rhumb::slurm_agent
