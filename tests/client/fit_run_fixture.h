// SPDX-License-Identifier: Apache-2.0
// A scripted LawService, and commands run against it.
#ifndef RHUMB_TESTS_CLIENT_FIT_RUN_FIXTURE_H_
#define RHUMB_TESTS_CLIENT_FIT_RUN_FIXTURE_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/cli/context.h"
#include "client/cli/run.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "rhumb/v1/law_service.grpc.pb.h"

namespace rhumb::cli {

class ScriptedLaws final : public v1::LawService::Service {
 public:
  grpc::Status ImportObservations(grpc::ServerContext*,
                                  grpc::ServerReader<v1::ImportObservationsRequest>* reader,
                                  v1::ObservationSet* set) override {
    v1::ImportObservationsRequest message;
    while (reader->Read(&message)) imported.push_back(message);
    set->set_name("observations/abc");
    // As a daemon that stores it for a while, or has it to stay.
    if (!is_known_set) {
      *set->mutable_expire_time() =
          google::protobuf::util::TimeUtil::SecondsToTimestamp(2'000'000'000);
    }
    return grpc::Status::OK;
  }
  grpc::Status DeleteObservations(grpc::ServerContext*,
                                  const v1::DeleteObservationsRequest* request,
                                  google::protobuf::Empty*) override {
    deleted_sets.push_back(request->name());
    EXPECT_TRUE(request->release()) << "the set may be another command's too";
    return grpc::Status::OK;
  }
  grpc::Status GetObservations(grpc::ServerContext*, const v1::GetObservationsRequest*,
                               v1::GetObservationsResponse* response) override {
    for (const v1::ImportObservationsRequest& message : imported) {
      response->mutable_observations()->MergeFrom(message.observations());
    }
    return grpc::Status::OK;
  }
  grpc::Status FitLaw(grpc::ServerContext* context, const v1::FitLawRequest* request,
                      grpc::ServerWriter<v1::FitLawResponse>* writer) override {
    fits.push_back(*request);
    if (!fit_status.ok()) return fit_status;
    v1::FitLawResponse event;
    event.mutable_progress()->set_stage("fit");
    event.mutable_progress()->set_fraction(0.5);
    writer->Write(event);
    if (interrupts) {
      std::raise(signal);
      while (!context->IsCancelled()) {
        writer->Write(event);
        absl::SleepFor(absl::Milliseconds(1));
      }
      return grpc::Status::CANCELLED;
    }
    *event.mutable_result() = result;
    writer->Write(event);
    return grpc::Status::OK;
  }
  grpc::Status GetLaw(grpc::ServerContext*, const v1::GetLawRequest*, v1::Law* response) override {
    *response = result.law();
    return grpc::Status::OK;
  }
  grpc::Status CreateLaw(grpc::ServerContext*, const v1::CreateLawRequest* request,
                         v1::Law* response) override {
    created.push_back(*request);
    *response = request->law();
    response->set_version(3);
    return grpc::Status::OK;
  }
  grpc::Status DeleteLaw(grpc::ServerContext*, const v1::DeleteLawRequest* request,
                         google::protobuf::Empty*) override {
    deleted_laws.push_back(*request);
    return grpc::Status::OK;
  }
  grpc::Status BacktestLaw(grpc::ServerContext* context, const v1::BacktestLawRequest* request,
                           v1::BacktestLawResponse* response) override {
    backtests.push_back(*request);
    if (interrupts) {
      std::raise(signal);
      while (!context->IsCancelled()) absl::SleepFor(absl::Milliseconds(1));
      return grpc::Status::CANCELLED;
    }
    // A law as it is: one split, fitted to nothing.
    *response->mutable_backtest() = result.backtest();
    if (!request->has_options()) {
      response->mutable_backtest()->mutable_splits(0)->clear_train_max_flops();
      response->mutable_backtest()->mutable_splits(0)->clear_train_count();
    }
    auto* prediction = response->add_predictions();
    prediction->set_line(17);
    prediction->set_measured_nats(2.5);
    prediction->mutable_predicted()->set_mean_nats(2.6);
    prediction->set_error_fraction(0.04);
    return grpc::Status::OK;
  }
  grpc::Status SuggestExperiments(grpc::ServerContext*,
                                  const v1::SuggestExperimentsRequest* request,
                                  v1::SuggestExperimentsResponse* response) override {
    suggestions.push_back(*request);
    response->set_std_before(0.02);
    response->set_std_after(0.01);
    response->set_grid_std_after(0.015);
    response->set_training_flops(9e19);
    auto* run = response->add_experiments();
    run->set_param_count(1e8);
    run->set_token_count(2e9);
    run->set_run_count(3);
    return grpc::Status::OK;
  }

  v1::LawFitResult result;
  grpc::Status fit_status;
  bool is_known_set = false;
  bool interrupts = false;
  int signal = SIGINT;
  std::vector<v1::ImportObservationsRequest> imported;
  std::vector<std::string> deleted_sets;
  std::vector<v1::FitLawRequest> fits;
  std::vector<v1::CreateLawRequest> created;
  std::vector<v1::DeleteLawRequest> deleted_laws;
  std::vector<v1::BacktestLawRequest> backtests;
  std::vector<v1::SuggestExperimentsRequest> suggestions;
};

// Besiroglu et al. 2024, arXiv:2404.10102: their constants for Hoffmann's runs.
inline v1::LawFitResult Fitted() {
  v1::LawFitResult fit;
  fit.set_family("chinchilla");
  fit.set_observation_count(240);
  fit.set_run_count(240);
  fit.set_level(0.9);
  fit.set_objective(0.001);
  const std::pair<const char*, double> constants[] = {
      {"E", 1.8172}, {"A", 482.01}, {"B", 2085.43}, {"alpha", 0.3478}, {"beta", 0.3658}};
  v1::Law& law = *fit.mutable_law();
  for (const auto& [symbol, value] : constants) {
    (*fit.mutable_constants())[symbol] = value;
    (*law.mutable_constants())[symbol] = value;
    (*fit.mutable_std_errors())[symbol] = value / 50;
    (*fit.mutable_intervals())[symbol].set_low(value * 0.96);
  }
  law.set_name("laws/mine");
  law.set_version(1);
  law.set_family("chinchilla");
  law.set_planable(true);
  law.set_min_training_flops(1e18);
  law.set_max_training_flops(1e21);
  fit.mutable_optimal_exponents()->set_a(0.513);
  fit.mutable_optimal_exponents()->set_b(0.487);
  fit.mutable_diagnostics()->set_identifiable(true);
  fit.mutable_diagnostics()->set_termination("converged");
  v1::Backtest& backtest = *fit.mutable_backtest();
  backtest.set_observation_count(40);
  backtest.set_mean_abs_error_fraction(0.0083);
  backtest.set_coverage(0.9);
  backtest.set_level(0.9);
  v1::Backtest::Split& split = *backtest.add_splits();
  split.set_train_max_flops(1e20);
  split.set_train_count(200);
  split.set_test_count(40);
  split.set_mean_abs_error_fraction(0.0083);
  v1::LawFitResult::Decision& decision = *fit.add_decisions();
  decision.set_training_flops(1e21);
  decision.set_param_count(2.78e9);
  decision.set_token_count(5.99e10);
  decision.set_tokens_per_param(21.6);
  decision.set_loss_nats(2.292);
  decision.mutable_param_count_interval()->set_low(2.1e9);
  decision.mutable_param_count_interval()->set_high(3.7e9);
  decision.mutable_loss_interval()->set_low(2.285);
  decision.mutable_loss_interval()->set_high(2.299);
  decision.mutable_run_loss_interval()->set_low(2.261);
  decision.mutable_run_loss_interval()->set_high(2.324);
  v1::LawFitResult::FormWeight& form = *fit.add_form_weights();
  form.set_family("chinchilla");
  form.set_weight(0.75);
  form.set_decision_weight(0.75);
  fit.set_slope_error_fraction(0.12);
  fit.set_slope_error_degrees(3);
  v1::LawFitResult::Outlier& outlier = *fit.add_outliers();
  outlier.set_line(17);
  outlier.set_residual_fraction(0.063);
  outlier.set_robust_z(8.1);
  return fit;
}

struct Outcome {
  int code = 0;
  std::string out, err;
};

class FitRunTest : public ::testing::Test {
 protected:
  FitRunTest() {
    laws_.result = Fitted();
    grpc::ServerBuilder builder;
    builder.RegisterService(&laws_);
    server_ = builder.BuildAndStart();
  }

  // A file of this test with `text` in it.
  std::string File(const std::string& text) {
    const std::string path =
        absl::StrCat(::testing::TempDir(), "/fit_run_test_", ++files_, "_", getpid(), ".csv");
    std::ofstream(path) << text;
    return path;
  }
  std::string Runs() { return File("N,D,L,run\n1e9,2e10,2.5,a\n2e9,3e10,2.4,b\n"); }

  Outcome RunLine(absl::string_view line) {
    std::ostringstream out, err;
    Context context;
    context.out = &out;
    context.err = &err;
    context.out_terminal.width = 100;
    context.now_unix_seconds = 1'900'000'000;
    context.open_home = [this](const Invocation&, Context&) -> absl::StatusOr<Home> {
      ++opened_;
      Home home;
      home.client =
          std::make_unique<client::Client>(server_->InProcessChannel(grpc::ChannelArguments()));
      return home;
    };
    const int code = rhumb::cli::Run(
        std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())), context);
    return {code, out.str(), err.str()};
  }

  ScriptedLaws laws_;
  std::unique_ptr<grpc::Server> server_;
  int opened_ = 0;
  int files_ = 0;
};

}  // namespace rhumb::cli

#endif  // RHUMB_TESTS_CLIENT_FIT_RUN_FIXTURE_H_
