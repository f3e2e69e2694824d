// SPDX-License-Identifier: Apache-2.0
// Observations of a known law, and the streaming calls of LawService made simple.
#ifndef RHUMB_TESTS_DAEMON_LAW_FIXTURE_H_
#define RHUMB_TESTS_DAEMON_LAW_FIXTURE_H_

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {

// L = 1.8 + 480 N^-0.35 + 2080 D^-0.37, with noise of 0.2% that is the same on every run.
inline std::vector<v1::Observation> KnownRuns(double irreducible_loss_nats = 1.8) {
  std::vector<v1::Observation> rows;
  for (double n = 5e7; n < 1.2e10; n *= 2.1) {
    for (double d = 1e9; d < 5e11; d *= 3.1) {
      v1::Observation row;
      row.set_param_count(n);
      row.set_token_count(d);
      const double noise = 0.002 * std::sin(7.0 * static_cast<double>(rows.size() + 1));
      const double loss =
          irreducible_loss_nats + 480 * std::pow(n, -0.35) + 2080 * std::pow(d, -0.37);
      row.set_loss_nats(loss * std::exp(noise));
      row.set_line(static_cast<int64_t>(rows.size()) + 2);
      rows.push_back(row);
    }
  }
  return rows;
}

class LawServiceTest : public ServiceTest {
 protected:
  // Sends `rows` in messages of `per_message`; declares their number unless `header` does.
  Answer<v1::ObservationSet> Import(const std::vector<v1::Observation>& rows,
                                    v1::ImportObservationsRequest header = {},
                                    size_t per_message = 20) {
    grpc::ClientContext context;
    Answer<v1::ObservationSet> answer;
    const auto writer = laws_->ImportObservations(&context, &answer.response);
    if (!header.has_row_count()) header.set_row_count(static_cast<int64_t>(rows.size()));
    writer->Write(header);
    for (size_t i = 0; i < rows.size(); i += per_message) {
      v1::ImportObservationsRequest message;
      for (size_t j = i; j < rows.size() && j < i + per_message; ++j) {
        *message.add_observations() = rows[j];
      }
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    answer.status = writer->Finish();
    return answer;
  }

  struct FitAnswer {
    v1::LawFitResult result;
    int progress_count = 0;
    int result_count = 0;
    grpc::Status status;
  };
  FitAnswer Fit(const v1::FitLawRequest& request) {
    grpc::ClientContext context;
    FitAnswer answer;
    const auto reader = laws_->FitLaw(&context, request);
    v1::FitLawResponse message;
    while (reader->Read(&message)) {
      if (message.has_progress()) ++answer.progress_count;
      if (!message.has_result()) continue;
      ++answer.result_count;
      answer.result = message.result();
    }
    answer.status = reader->Finish();
    return answer;
  }

  // A quick fit of the set under `name`.
  static v1::FitLawRequest FitRequest(const std::string& observations, const std::string& name) {
    v1::FitLawRequest request;
    request.set_observations(observations);
    request.set_name(name);
    request.mutable_options()->set_bootstrap_count(60);
    return request;
  }

  std::string ImportedSet() { return Import(KnownRuns()).response.name(); }

  Answer<v1::Law> Get(const std::string& name) {
    v1::GetLawRequest request;
    request.set_name(name);
    return Ask(*laws_, &v1::LawService::Stub::GetLaw, request);
  }
};

}  // namespace rhumb::daemon

#endif  // RHUMB_TESTS_DAEMON_LAW_FIXTURE_H_
