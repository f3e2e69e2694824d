// SPDX-License-Identifier: Apache-2.0
// Slurm, daemon and accounting that answer what a test says.
#ifndef RHUMB_TESTS_CLIENT_SLURM_AGENT_FAKES_H_
#define RHUMB_TESTS_CLIENT_SLURM_AGENT_FAKES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/rpc_error.h"
#include "client/slurm_agent/accounting.h"
#include "client/slurm_agent/cluster_source.h"
#include "client/slurm_agent/daemon_link.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace rhumb::slurm_agent {

class FakeSource final : public ClusterSource {
 public:
  absl::StatusOr<SourceIdentity> Identify() override {
    if (!status.ok()) return status;
    return SourceIdentity{"lab", "fake 1"};
  }
  absl::StatusOr<SourceNews> Look() override {
    ++looks;
    if (!status.ok()) return status;
    return std::exchange(news, SourceNews());
  }

  absl::Status status;
  SourceNews news;  // told once
  int looks = 0;
};

class FakeDaemon final : public DaemonLink {
 public:
  absl::StatusOr<v1::NodeInventory> SyncNodes(const v1::SyncNodesRequest& request) override {
    ++calls;
    if (!status.ok()) return status;
    nodes.push_back(request.inventory());
    return request.inventory();
  }
  absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request) override {
    if (!status.ok()) return status;
    if (!jobs_status.ok()) return jobs_status;
    for (int i = 0; i < request.jobs_size(); ++i) {
      if (request.jobs(i).job_id() == refused) return Refusal(i);
    }
    jobs.push_back(request);
    v1::SyncJobsResponse response;
    for (const std::string& id : open) {
      bool told = false;
      for (const v1::Job& job : request.jobs()) {
        told = told || (job.job_id() == id && job.submit_time().seconds() == open_submit_seconds);
      }
      if (told) continue;
      v1::Job& job = *response.add_open_jobs();
      job.set_job_id(id);
      job.mutable_submit_time()->set_seconds(open_submit_seconds);
      job.set_owner_uid(open_owner_uid);
    }
    return response;
  }

  // As rhumbd refuses a field of the job at `index`.
  static absl::Status Refusal(int index) {
    google::rpc::BadRequest details;
    details.add_field_violations()->set_field(absl::StrCat("jobs[", index, "].plan"));
    google::rpc::Status status;
    status.set_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
    status.add_details()->PackFrom(details);
    return client::FromGrpcStatus(
        grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "refused", status.SerializeAsString()));
  }

  absl::Status status, jobs_status;
  std::string refused;            // the job of this id
  std::vector<std::string> open;  // that it takes for such unless it is told of them
  int64_t open_submit_seconds = 1000;
  int64_t open_owner_uid = 0;
  std::vector<v1::NodeInventory> nodes;
  std::vector<v1::SyncJobsRequest> jobs;
  int calls = 0;
};

class FakeAccounting final : public Accounting {
 public:
  AccountingAnswer Ask(const std::vector<std::string>& job_ids) override {
    asked.push_back(job_ids);
    return answer;
  }

  AccountingAnswer answer;
  std::vector<std::vector<std::string>> asked;
};

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_TESTS_CLIENT_SLURM_AGENT_FAKES_H_
