// SPDX-License-Identifier: Apache-2.0
// FitLaw through the whole server: fit, plan with the law at once, repeat, cancel, race.
#include <google/protobuf/util/message_differencer.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/fit/fit_law.h"
#include "tests/daemon/law_fixture.h"

namespace rhumb::daemon {
namespace {

using ::google::protobuf::util::MessageDifferencer;

constexpr char kIdA[] = "123e4567-e89b-42d3-a456-426614174000";

class LawFitTest : public LawServiceTest {
 protected:
  // How many versions of the newest are stored under `name`.
  int64_t NewestVersion(const std::string& name) { return Get(name).response.version(); }
};

TEST_F(LawFitTest, FittedLawPlansAtOnce) {
  const FitAnswer fit = Fit(FitRequest(ImportedSet(), "sweep"));
  ASSERT_TRUE(fit.status.ok()) << fit.status.error_message();
  EXPECT_EQ(fit.result_count, 1);
  ASSERT_TRUE(fit.result.has_law());
  EXPECT_TRUE(fit.result.diagnostics().identifiable());
  EXPECT_EQ(fit.result.law().name(), "laws/sweep");
  EXPECT_EQ(fit.result.law().version(), 1);
  EXPECT_EQ(fit.result.law().origin(), v1::LAW_ORIGIN_FITTED);
  // Decisions come with the interval of one run, which is wider than that of the mean.
  ASSERT_EQ(fit.result.decisions_size(), 3);
  const v1::LawFitResult::Decision& at = fit.result.decisions(2);
  EXPECT_LT(at.run_loss_interval().low(), at.loss_interval().low());
  EXPECT_GT(at.run_loss_interval().high(), at.loss_interval().high());
  EXPECT_GT(fit.result.form_weights_size(), 0);
  // The law that made the runs.
  EXPECT_NEAR(fit.result.constants().at("E"), 1.8, 0.05);
  EXPECT_NEAR(fit.result.constants().at("alpha"), 0.35, 0.03);
  EXPECT_NEAR(fit.result.constants().at("beta"), 0.37, 0.03);
  v1::CreatePlanRequest question = ComputeQuestion(1e21);
  question.set_law("sweep");
  const auto plan = Create(question);
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.law().name(), "sweep");
  // Covariance came along: the loss has an interval.
  EXPECT_TRUE(plan.response.loss().has_low_nats());
}

TEST_F(LawFitTest, TheStoredAnswerIsTheOneThatWasGiven) {
  const FitAnswer fit = Fit(FitRequest(ImportedSet(), "sweep"));
  v1::GetLawFitRequest request;
  request.set_name("laws/sweep");
  const auto stored = Ask(*laws_, &v1::LawService::Stub::GetLawFit, request);
  ASSERT_TRUE(stored.status.ok()) << stored.status.error_message();
  EXPECT_TRUE(MessageDifferencer::Equals(stored.response, fit.result));
  request.set_name("besiroglu2024");
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::GetLawFit, request).status.error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(LawFitTest, TheSameFitOfTheSameDataIsTheSameVersion) {
  const std::string set = ImportedSet();
  const FitAnswer first = Fit(FitRequest(set, "sweep"));
  const FitAnswer again = Fit(FitRequest(set, "sweep"));
  EXPECT_TRUE(MessageDifferencer::Equals(first.result, again.result));
  v1::FitLawRequest written = FitRequest(set, "laws/sweep");
  written.mutable_options()->set_family("chinchilla");
  written.mutable_options()->set_seed(42);
  EXPECT_EQ(Fit(written).result.law().version(), 1);
  v1::FitLawRequest other = FitRequest(set, "sweep");
  (*other.mutable_options()->mutable_fixed())["E"] = 1.8;
  EXPECT_EQ(Fit(other).result.law().version(), 2);
}

TEST_F(LawFitTest, ARequestIdAnswersTheVersionItMade) {
  const std::string set = ImportedSet();
  v1::FitLawRequest request = FitRequest(set, "sweep");
  request.set_request_id(kIdA);
  const FitAnswer first = Fit(request);
  v1::FitLawRequest other = FitRequest(set, "sweep");
  other.mutable_options()->set_seed(7);
  EXPECT_EQ(Fit(other).result.law().version(), 2);
  EXPECT_TRUE(MessageDifferencer::Equals(Fit(request).result, first.result));
  other.set_request_id(kIdA);
  EXPECT_EQ(Fit(other).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(LawFitTest, WithoutANameNothingIsStored) {
  const FitAnswer fit = Fit(FitRequest(ImportedSet(), ""));
  ASSERT_TRUE(fit.status.ok()) << fit.status.error_message();
  EXPECT_TRUE(fit.result.has_law());
  v1::ListLawsRequest request;
  request.set_origin(v1::LAW_ORIGIN_FITTED);
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::ListLaws, request).response.laws_size(), 0);
}

TEST_F(LawFitTest, LawsAndObservationsOutliveTheServer) {
  const FitAnswer fit = Fit(FitRequest(ImportedSet(), "sweep"));
  const v1::Law before = Get("sweep").response;
  Restart();
  EXPECT_TRUE(MessageDifferencer::Equals(Get("sweep").response, before));
  v1::GetObservationsRequest request;
  request.set_name(fit.result.observations());
  EXPECT_EQ(
      Ask(*laws_, &v1::LawService::Stub::GetObservations, request).response.observations_size(),
      static_cast<int>(KnownRuns().size()));
}

TEST_F(LawFitTest, EveryBadFieldOfAFitIsNamed) {
  v1::FitLawRequest request = FitRequest("", "kaplan2020-n");
  v1::LawFitOptions& options = *request.mutable_options();
  options.set_family("chinchila");
  options.set_level(1.5);
  options.set_huber_delta(0);
  options.set_bootstrap_count(-1);
  (*options.mutable_bounds())["alpha"].set_low(0.5);
  (*options.mutable_bounds())["alpha"].set_high(0.1);
  options.add_tied()->set_symbol("alpha");
  auto violations = ViolationsOf(Fit(request).status);
  for (const char* field :
       {"name", "observations", "options.family", "options.level", "options.huber_delta",
        "options.bootstrap_count", "options.bounds[alpha]", "options.tied[0]"}) {
    EXPECT_EQ(violations.count(field), 1u) << field;
  }
  for (const std::string& form : FormNames()) {
    EXPECT_NE(violations["options.family"].find(form), std::string::npos) << form;
  }
  EXPECT_NE(violations["options.family"].find("auto"), std::string::npos);
}

// kaplan-ns is a function of N and of steps, which these rows do not have.
TEST_F(LawFitTest, RowsWithoutAColumnOfTheFormAreRefusedWithTheReason) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "");
  request.mutable_options()->set_family("kaplan-ns");
  const FitAnswer fit = Fit(request);
  EXPECT_EQ(fit.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(fit.status), "ROWS_LACK_A_COLUMN");
  EXPECT_NE(fit.status.error_message().find("step_count"), std::string::npos);
}

TEST_F(LawFitTest, RowsWithoutRepetitionAreRefusedWithAReasonOfTheirOwn) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "");
  request.mutable_options()->set_family("data-constrained");
  const FitAnswer fit = Fit(request);
  EXPECT_EQ(fit.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(fit.status), "NO_REPEATED_DATA");
}

TEST_F(LawFitTest, AMethodWithoutALawTakesNoName) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "sweep");
  request.mutable_options()->set_method(v1::FIT_METHOD_ISOFLOP);
  EXPECT_EQ(ViolationsOf(Fit(request).status).count("name"), 1u);
}

TEST_F(LawFitTest, AFormWithoutALawTakesNoName) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "sweep");
  request.mutable_options()->set_family("gadre");
  EXPECT_EQ(ViolationsOf(Fit(request).status).count("name"), 1u);
}

// Sizes of equal compute: L = 2.5 + 0.05 (ln N - ln 0.1 sqrt(C))^2, a minimum at N = 0.1 sqrt(C).
TEST_F(LawFitTest, IsoFlopAnswersWithItsParabolas) {
  std::vector<v1::Observation> rows;
  for (const double flops : {1e18, 1e19, 1e20}) {
    for (const double ratio : {3.0, 0.3, 1.0, 0.6, 1.7}) {
      v1::Observation& row = rows.emplace_back();
      row.set_training_flops(flops);
      row.set_param_count(0.1 * std::sqrt(flops) * ratio);
      row.set_token_count(flops / (6 * row.param_count()));
      row.set_loss_nats(2.5 + 0.05 * std::pow(std::log(ratio), 2));
      row.set_line(static_cast<int64_t>(rows.size()) + 1);
    }
  }
  v1::FitLawRequest request = FitRequest(Import(rows).response.name(), "");
  request.mutable_options()->set_method(v1::FIT_METHOD_ISOFLOP);
  const FitAnswer fit = Fit(request);
  ASSERT_TRUE(fit.status.ok()) << fit.status.error_message();
  ASSERT_EQ(fit.result.isoflop_budgets_size(), 3);
  const v1::LawFitResult::IsoFlopBudget& budget = fit.result.isoflop_budgets(1);
  EXPECT_NEAR(budget.training_flops(), 1e19, 1e10);
  EXPECT_NEAR(budget.best_param_count(), 0.1 * std::sqrt(1e19), 1);
  EXPECT_NEAR(budget.best_loss_nats(), 2.5, 1e-9);
  EXPECT_NEAR(budget.curvature_nats(), 0.05, 1e-9);
  EXPECT_TRUE(budget.used());
  ASSERT_EQ(budget.runs_size(), 5);
  EXPECT_EQ(budget.size_count(), 5);
  // By rising size; the smallest was the second row of its budget.
  EXPECT_EQ(budget.runs(0).observation(), 6);
  EXPECT_EQ(budget.runs(0).line(), 8);
  EXPECT_NEAR(budget.runs(0).param_count(), 0.03 * std::sqrt(1e19), 1);
}

TEST_F(LawFitTest, ImportingAFittedLawAgainIsTheSameVersion) {
  ASSERT_TRUE(Fit(FitRequest(ImportedSet(), "sweep")).status.ok());
  const v1::Law fitted = Get("sweep").response;
  v1::CreateLawRequest request;
  *request.mutable_law() = fitted;
  request.set_validate_only(true);
  EXPECT_TRUE(MessageDifferencer::Equals(
      Ask(*laws_, &v1::LawService::Stub::CreateLaw, request).response, fitted));
  request.set_validate_only(false);
  EXPECT_TRUE(MessageDifferencer::Equals(
      Ask(*laws_, &v1::LawService::Stub::CreateLaw, request).response, fitted));
  request.mutable_law()->set_source("elsewhere");
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::CreateLaw, request).response.version(), 2);
}

TEST_F(LawFitTest, ASymbolTheFormLacksIsABadOption) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "");
  (*request.mutable_options()->mutable_fixed())["omega"] = 1;
  const FitAnswer fit = Fit(request);
  EXPECT_EQ(fit.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(fit.status.error_message().find("omega"), std::string::npos);
}

TEST_F(LawFitTest, UnknownObservationsAreABadField) {
  ImportedSet();
  const FitAnswer fit = Fit(FitRequest("observations/none", "sweep"));
  EXPECT_EQ(ViolationsOf(fit.status).count("observations"), 1u);
}

// One size only: A and alpha cannot be told from E.
TEST_F(LawFitTest, DataThatCannotTellGiveNoLawAndNothingIsStored) {
  std::vector<v1::Observation> rows;
  for (const v1::Observation& row : KnownRuns()) {
    if (row.param_count() == 5e7) rows.push_back(row);
  }
  const FitAnswer fit = Fit(FitRequest(Import(rows).response.name(), "sweep"));
  ASSERT_TRUE(fit.status.ok()) << fit.status.error_message();
  EXPECT_FALSE(fit.result.has_law());
  EXPECT_FALSE(fit.result.diagnostics().identifiable());
  EXPECT_GT(fit.result.diagnostics().undetermined_size(), 0);
  EXPECT_EQ(Get("sweep").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LawFitTest, CancellingStopsTheFitAndStoresNothing) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "sweep");
  request.mutable_options()->set_bootstrap_count(100000);
  grpc::ClientContext context;
  const auto reader = laws_->FitLaw(&context, request);
  v1::FitLawResponse message;
  ASSERT_TRUE(reader->Read(&message));
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // The worker is free again soon: it was told, it did not run to its end.
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(Fit(FitRequest(ImportedSet(), "")).status.ok());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
  EXPECT_EQ(Get("sweep").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LawFitTest, ADeadlineStopsTheFit) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "sweep");
  request.mutable_options()->set_bootstrap_count(100000);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(400));
  const auto reader = laws_->FitLaw(&context, request);
  v1::FitLawResponse message;
  while (reader->Read(&message)) EXPECT_FALSE(message.has_result());
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Get("sweep").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LawFitTest, ConcurrentRefitsAreVersionsOneByOne) {
  const std::string set = ImportedSet();
  std::vector<std::thread> threads;
  std::vector<FitAnswer> answers(6);
  for (size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      v1::FitLawRequest request = FitRequest(set, "sweep");
      request.mutable_options()->set_seed(static_cast<int64_t>(i));
      answers[i] = Fit(request);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<int64_t> versions;
  for (const FitAnswer& answer : answers) {
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    versions.insert(answer.result.law().version());
  }
  EXPECT_EQ(versions, (std::set<int64_t>{1, 2, 3, 4, 5, 6}));
}

TEST_F(LawFitTest, ServerDrainsWhileFitsRun) {
  v1::FitLawRequest request = FitRequest(ImportedSet(), "sweep");
  request.mutable_options()->set_bootstrap_count(100000);
  grpc::ClientContext context;
  const auto reader = laws_->FitLaw(&context, request);
  v1::FitLawResponse message;
  ASSERT_TRUE(reader->Read(&message));
  std::thread drain([this] { server_->Drain(); });
  while (reader->Read(&message)) {
  }
  (void)reader->Finish();
  drain.join();
  SUCCEED();
}

TEST_F(LawFitTest, ALawIsJudgedOnObservations) {
  const std::string set = ImportedSet();
  ASSERT_TRUE(Fit(FitRequest(set, "sweep")).status.ok());
  v1::BacktestLawRequest request;
  request.set_observations(set);
  request.set_law("sweep");
  const auto answer = Ask(*laws_, &v1::LawService::Stub::BacktestLaw, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.predictions_size(), static_cast<int>(KnownRuns().size()));
  // The runs scatter by 0.2% times a sine.
  EXPECT_LT(answer.response.backtest().mean_abs_error_fraction(), 0.002);
  EXPECT_GT(answer.response.backtest().mean_abs_error_fraction(), 0.0005);
  EXPECT_EQ(answer.response.warnings_size(), 0);
}

TEST_F(LawFitTest, ALawThatCannotBeToldIsNotJudged) {
  std::vector<v1::Observation> rows;
  for (const v1::Observation& row : KnownRuns()) {
    if (row.param_count() == 5e7) rows.push_back(row);
  }
  v1::BacktestLawRequest request;
  request.set_observations(Import(rows).response.name());
  request.mutable_options()->set_family("chinchilla");
  const auto answer = Ask(*laws_, &v1::LawService::Stub::BacktestLaw, request);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(answer.status), "LAW_NOT_IDENTIFIABLE");
}

TEST_F(LawFitTest, AFormIsJudgedByRollOut) {
  v1::BacktestLawRequest request;
  request.set_observations(ImportedSet());
  request.mutable_options()->set_bootstrap_count(60);
  const auto answer = Ask(*laws_, &v1::LawService::Stub::BacktestLaw, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  const v1::Backtest& backtest = answer.response.backtest();
  EXPECT_GT(backtest.observation_count(), 0);
  EXPECT_LT(backtest.mean_abs_error_fraction(), 0.01);
  // Each run that is larger than the smallest training set, however many predict it.
  ASSERT_GT(backtest.splits_size(), 1);
  EXPECT_EQ(backtest.run_count(), backtest.splits(0).test_count());
  EXPECT_LT(backtest.run_count(), backtest.observation_count());
  request.set_law("besiroglu2024");
  EXPECT_EQ(
      ViolationsOf(Ask(*laws_, &v1::LawService::Stub::BacktestLaw, request).status).count("law"),
      1u);
}

TEST_F(LawFitTest, SuggestsRunsWithinTheBudgetThatNarrowTheLoss) {
  ASSERT_TRUE(Fit(FitRequest(ImportedSet(), "sweep")).status.ok());
  v1::SuggestExperimentsRequest request;
  request.set_law("sweep");
  request.set_budget_flops(1e21);
  request.set_target_compute_flops(1e24);
  request.set_count(4);
  const auto answer = Ask(*laws_, &v1::LawService::Stub::SuggestExperiments, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_GT(answer.response.experiments_size(), 0);
  int64_t runs = 0;
  for (const auto& experiment : answer.response.experiments()) runs += experiment.run_count();
  EXPECT_LE(runs, 4);
  std::set<std::pair<double, double>> places;
  for (const auto& run : answer.response.experiments()) {
    EXPECT_TRUE(places.insert({run.param_count(), run.token_count()}).second);
  }
  EXPECT_NEAR(answer.response.experiments().rbegin()->expected_std(), answer.response.std_after(),
              1e-9);
  EXPECT_LE(answer.response.training_flops(), 1e21 * (1 + 1e-9));
  EXPECT_LT(answer.response.std_after(), answer.response.std_before());
}

TEST_F(LawFitTest, ALawWithoutCovarianceSuggestsNothing) {
  v1::SuggestExperimentsRequest request;
  request.set_law("hoffmann2022");
  request.set_budget_flops(1e21);
  request.set_target_compute_flops(1e24);
  const auto answer = Ask(*laws_, &v1::LawService::Stub::SuggestExperiments, request);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(answer.status), "LAW_HAS_NO_COVARIANCE");
  request.clear_budget_flops();
  EXPECT_EQ(ViolationsOf(Ask(*laws_, &v1::LawService::Stub::SuggestExperiments, request).status)
                .count("budget_flops"),
            1u);
}

TEST_F(LawFitTest, ObservationsBehindALawAreKeptUnlessForced) {
  const std::string set = ImportedSet();
  ASSERT_TRUE(Fit(FitRequest(set, "sweep")).status.ok());
  v1::DeleteObservationsRequest request;
  request.set_name(set);
  const auto refused = Ask(*laws_, &v1::LawService::Stub::DeleteObservations, request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(refused.status.error_message().find("laws/sweep"), std::string::npos);
  request.set_force(true);
  EXPECT_TRUE(Ask(*laws_, &v1::LawService::Stub::DeleteObservations, request).status.ok());
  EXPECT_TRUE(Get("sweep").status.ok());
}

}  // namespace
}  // namespace rhumb::daemon
