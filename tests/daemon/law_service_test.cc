// SPDX-License-Identifier: Apache-2.0
// Laws and observations through the whole server: real gRPC, real SQLite.
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "planner/laws/catalog.h"
#include "planner/laws/published_law.h"
#include "tests/daemon/law_fixture.h"

namespace rhumb::daemon {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;

constexpr char kIdA[] = "123e4567-e89b-42d3-a456-426614174000";

// A law as a user would write it down.
v1::Law HandWritten(const std::string& name) {
  v1::Law law;
  law.set_name(name);
  law.set_family("chinchilla");
  law.set_tokenizer("GPT-2");
  law.set_dataset("our own");
  law.set_source("by hand");
  auto& constants = *law.mutable_constants();
  constants["E"] = 1.7;
  constants["A"] = 400;
  constants["B"] = 2000;
  constants["alpha"] = 0.34;
  constants["beta"] = 0.36;
  return law;
}

class LawTest : public LawServiceTest {
 protected:
  Answer<v1::Law> CreateLaw(const v1::Law& law, const std::string& request_id = "") {
    v1::CreateLawRequest request;
    *request.mutable_law() = law;
    request.set_request_id(request_id);
    return Ask(*laws_, &v1::LawService::Stub::CreateLaw, request);
  }
  grpc::Status DeleteLaw(const std::string& name) {
    v1::DeleteLawRequest request;
    request.set_name(name);
    return Ask(*laws_, &v1::LawService::Stub::DeleteLaw, request).status;
  }
  // An import whose messages are `messages` as they are, whether they can be read or not.
  grpc::Status SendBytes(const std::vector<std::string>& messages) {
    grpc::GenericStub stub(server_->InProcessChannel());
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const auto done = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call = stub.PrepareCall(&context, "/rhumb.v1.LawService/ImportObservations", &queue);
    call->StartCall(nullptr);
    bool open = done();
    for (size_t i = 0; open && i < messages.size(); ++i) {
      const grpc::Slice slice(messages[i]);
      call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      open = done();
    }
    if (open) {
      call->WritesDone(nullptr);
      done();
    }
    grpc::ByteBuffer response;
    call->Read(&response, nullptr);
    done();
    grpc::Status status;
    call->Finish(&status, nullptr);
    done();
    return status;
  }
  int SetCount() {
    const v1::ListObservationSetsRequest request;
    return Ask(*laws_, &v1::LawService::Stub::ListObservationSets, request)
        .response.observation_sets_size();
  }
  Answer<v1::PredictLossResponse> Predict(const v1::PredictLossRequest& request) {
    return Ask(*plans_, &v1::PlanService::Stub::PredictLoss, request);
  }
};

TEST_F(LawTest, AHandWrittenLawPlansAtOnce) {
  const auto created = CreateLaw(HandWritten("laws/ours"));
  ASSERT_TRUE(created.status.ok()) << created.status.error_message();
  EXPECT_EQ(created.response.version(), 1);
  EXPECT_EQ(created.response.origin(), v1::LAW_ORIGIN_IMPORTED);
  v1::CreatePlanRequest question = ComputeQuestion(1e21);
  question.set_law("ours");
  const auto plan = Create(question);
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.law().name(), "ours");
  EXPECT_EQ(plan.response.law().version(), 1);
  // Chinchilla's closed form, Hoffmann et al. 2022, arXiv:2203.15556, eq. (4).
  const double g = std::pow(0.34 * 400 / (0.36 * 2000), 1 / 0.7);
  EXPECT_NEAR(plan.response.law_optimum().param_count() / (g * std::pow(1e21 / 6, 0.36 / 0.7)), 1,
              1e-6);
}

TEST_F(LawTest, AnExportedLawComesBackTheSame) {
  v1::Law exported = Get("besiroglu2024-huber").response;
  exported.set_name("laws/copy");
  const auto created = CreateLaw(exported);
  ASSERT_TRUE(created.status.ok()) << created.status.error_message();
  const v1::Law back = Get("copy").response;
  EXPECT_EQ(back.covariance_size(), 25);
  for (const auto& [symbol, value] : exported.constants()) {
    EXPECT_EQ(back.constants().at(symbol), value) << symbol;
  }
  for (int i = 0; i < 25; ++i) EXPECT_EQ(back.covariance(i), exported.covariance(i));
  EXPECT_EQ(back.covariance_source(), exported.covariance_source());
  EXPECT_EQ(back.max_training_flops(), exported.max_training_flops());
  v1::PredictLossRequest request;
  request.set_param_count(7e9);
  request.set_token_count(1.4e12);
  request.set_law("copy");
  const auto of_copy = Predict(request);
  request.set_law("besiroglu2024-huber");
  const auto of_original = Predict(request);
  EXPECT_TRUE(MessageDifferencer::Equals(of_copy.response.loss(), of_original.response.loss()));
}

TEST_F(LawTest, EveryBadFieldOfALawIsNamed) {
  v1::Law law = HandWritten("laws/Bad");
  auto& constants = *law.mutable_constants();
  constants.erase("B");
  constants["A"] = -1;
  constants["omega"] = 2;
  constants["beta"] = std::numeric_limits<double>::quiet_NaN();
  law.add_covariance_parameters("ln_A");
  law.set_residual_log_std(-0.1);
  law.set_min_param_count(1e10);
  law.set_max_param_count(1e9);
  const auto violations = ViolationsOf(CreateLaw(law).status);
  for (const char* field :
       {"law.name", "law.constants[B]", "law.constants[A]", "law.constants[omega]",
        "law.constants[beta]", "law.covariance", "law.residual_log_std", "law.min_param_count"}) {
    EXPECT_EQ(violations.count(field), 1u) << field;
  }
}

TEST_F(LawTest, AnIndefiniteCovarianceIsRefused) {
  v1::Law law = HandWritten("laws/ours");
  law.add_covariance_parameters("alpha");
  law.add_covariance(-1e-4);
  EXPECT_EQ(ViolationsOf(CreateLaw(law).status).count("law.covariance"), 1u);
}

TEST_F(LawTest, ConstantsFarFromAnyLawOfLossAreRefused) {
  struct Case {
    const char* symbol;
    double value;
    const char* allowed;
  };
  for (const Case& bad : std::vector<Case>{{"alpha", 10.5, "above 0 and at most 10"},
                                           {"beta", 0, "above 0 and at most 10"},
                                           {"E", 101, "from 0 to 100"},
                                           {"E", -0.1, "from 0 to 100"},
                                           {"A", 1e110, "logarithm from -50 to 250"},
                                           {"B", 1e-23, "logarithm from -50 to 250"},
                                           {"gamma", 0.04, "from 0.05 to 20"},
                                           {"gamma", 21, "from 0.05 to 20"},
                                           {"R_D", 0, "above 0 and at most 1e+12"},
                                           {"R_N", 2e12, "above 0 and at most 1e+12"}}) {
    v1::Law law = HandWritten("laws/ours");
    law.set_family("data-constrained");
    (*law.mutable_constants())["R_D"] = 15;
    (*law.mutable_constants())["R_N"] = 5;
    EXPECT_TRUE(ViolationsOf(CreateLaw(law).status).empty());
    (*law.mutable_constants())[bad.symbol] = bad.value;
    auto violations = ViolationsOf(CreateLaw(law).status);
    ASSERT_EQ(violations.size(), 1u) << bad.symbol;
    const std::string text = violations[absl::StrCat("law.constants[", bad.symbol, "]")];
    EXPECT_THAT(text, HasSubstr(bad.allowed));
    EXPECT_THAT(text, HasSubstr("got "));
  }
}

TEST_F(LawTest, SpreadsOfALawAreInRange) {
  v1::Law law = HandWritten("laws/ours");
  law.set_residual_log_std(1.5);
  (*law.mutable_std_errors())["A"] = -2;
  auto violations = ViolationsOf(CreateLaw(law).status);
  EXPECT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations["law.residual_log_std"], "must be from 0 to 1, got 1.5");
  EXPECT_EQ(violations["law.std_errors[A]"], "must be 0 or more and finite, got -2");
  law.set_residual_log_std(0);
  law.clear_std_errors();
  EXPECT_TRUE(CreateLaw(law).status.ok());
}

// A law with the covariance `values` of ln_A, alpha and beta.
v1::Law WithCovariance(const std::vector<double>& values) {
  v1::Law law = HandWritten("laws/ours");
  for (const char* parameter : {"ln_A", "alpha", "beta"}) law.add_covariance_parameters(parameter);
  for (const double value : values) law.add_covariance(value);
  return law;
}

TEST_F(LawTest, ACovarianceWithoutASquareRootIsRefused) {
  // Every pair is sound, the three together are not: eigenvalues -0.8, 1.9, 1.9 of the
  // correlations.
  const double c = -0.9, s = 1e-3;
  auto violations = ViolationsOf(
      CreateLaw(WithCovariance({1, c * s, c * s, c * s, s * s, c * s * s, c * s, c * s * s, s * s}))
          .status);
  EXPECT_THAT(violations["law.covariance"], HasSubstr("positive semi-definite"));
  EXPECT_THAT(violations["law.covariance"], HasSubstr("got -0.8"));
  // Correlations of 1 are at the limit.
  EXPECT_TRUE(CreateLaw(WithCovariance({1, s, s, s, s * s, s * s, s, s * s, s * s})).status.ok());
}

TEST_F(LawTest, CorrelationsAboveOneAndHugeVariancesAreNamed) {
  auto violations =
      ViolationsOf(CreateLaw(WithCovariance({101, 0, 0, 0, 1, 1.1, 0, 1.1, 1})).status);
  EXPECT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations["law.covariance[0]"], "the variance of ln_A must be at most 100, got 101");
  EXPECT_EQ(violations["law.covariance[7]"],
            "the correlation of beta and alpha must be from -1 to 1, got 1.1");
}

TEST_F(LawTest, EveryPublishedLawThatPlansCanBeGivenAgain) {
  v1::ListLawsRequest request;
  request.set_planable(true);
  request.set_page_size(1000);
  const auto laws = Ask(*laws_, &v1::LawService::Stub::ListLaws, request).response;
  ASSERT_GT(laws.laws_size(), 0);
  for (const v1::Law& listed : laws.laws()) {
    v1::Law law = Get(listed.name()).response;
    if (law.family() != "chinchilla" && law.family() != "data-constrained") continue;
    law.set_name("laws/copy");
    EXPECT_EQ(CreateLaw(law).status.error_message(), "") << listed.name();
  }
}

TEST_F(LawTest, NamesOfPublishedLawsAreTaken) {
  const auto answer = CreateLaw(HandWritten("laws/kaplan2020-n"));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ViolationsOf(answer.status).count("law.name"), 1u);
  EXPECT_EQ(DeleteLaw("besiroglu2024").error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(LawTest, APlanKeepsItsLawWhenTheLawIsReplaced) {
  CreateLaw(HandWritten("laws/ours"));
  v1::CreatePlanRequest question = ComputeQuestion(1e21);
  question.set_law("ours");
  const auto first = Create(question);
  v1::Law changed = HandWritten("laws/ours");
  (*changed.mutable_constants())["E"] = 1.6;
  EXPECT_EQ(CreateLaw(changed).response.version(), 2);
  const auto second = Create(question);
  EXPECT_NE(second.response.name(), first.response.name());
  EXPECT_EQ(second.response.law().version(), 2);
  question.set_law("laws/ours@1");
  EXPECT_TRUE(MessageDifferencer::Equals(Create(question).response, first.response));
}

TEST_F(LawTest, TheSameContentIsTheSameVersion) {
  const auto first = CreateLaw(HandWritten("laws/ours"));
  const auto again = CreateLaw(HandWritten("laws/ours"));
  EXPECT_TRUE(MessageDifferencer::Equals(first.response, again.response));
}

TEST_F(LawTest, ARequestIdAnswersTheVersionItMade) {
  const auto first = CreateLaw(HandWritten("laws/ours"), kIdA);
  v1::Law changed = HandWritten("laws/ours");
  (*changed.mutable_constants())["E"] = 1.6;
  CreateLaw(changed);
  EXPECT_EQ(CreateLaw(HandWritten("laws/ours"), kIdA).response.version(), 1);
  EXPECT_EQ(CreateLaw(changed, kIdA).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(LawTest, UnknownLawsAreNamedWithTheNearest) {
  CreateLaw(HandWritten("laws/our-law"));
  const auto missing = Get("our-low");
  EXPECT_EQ(missing.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(missing.status.error_message().find("our-law"), std::string::npos);
  EXPECT_NE(Get("our-law@2").status.error_message().find("newest is 1"), std::string::npos);
  EXPECT_EQ(Get("our-law@0").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::CreatePlanRequest question = ComputeQuestion(1e21);
  question.set_law("our-low");
  EXPECT_NE(ViolationsOf(Create(question).status)["law"].find("our-law"), std::string::npos);
}

TEST_F(LawTest, ALawOfOneVariableMakesNoPlan) {
  v1::CreatePlanRequest question = ComputeQuestion(1e21);
  question.set_law("kaplan2020-n");
  EXPECT_NE(ViolationsOf(Create(question).status)["law"].find("param_count"), std::string::npos);
}

// Kaplan et al. 2020, arXiv:2001.08361, eq. (1.1): (8.8e13 / 1e9)^0.076.
TEST_F(LawTest, ALawOfOneVariablePredicts) {
  v1::PredictLossRequest request;
  request.set_law("laws/kaplan2020-n");
  request.set_param_count(1e9);
  const auto answer = Predict(request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_NEAR(answer.response.loss().mean_nats(), 2.375640, 5e-7);
  EXPECT_EQ(answer.response.output(), "loss");
  EXPECT_FALSE(answer.response.has_critical_batch_tokens());
}

TEST_F(LawTest, ALawOfOneVariableRefusesAnother) {
  v1::PredictLossRequest request;
  request.set_law("kaplan2020-n");
  request.set_token_count(1e9);
  (*request.mutable_inputs())["sparsity"] = 0.5;
  const auto violations = ViolationsOf(Predict(request).status);
  EXPECT_EQ(violations.count("param_count"), 1u);
  EXPECT_EQ(violations.count("token_count"), 1u);
  EXPECT_EQ(violations.count("inputs[sparsity]"), 1u);
}

TEST_F(LawTest, ListPagesOverPublishedAndStoredLawsInOrder) {
  for (const char* name : {"laws/aaa", "laws/kaplan2020-na", "laws/zzz"})
    CreateLaw(HandWritten(name));
  std::vector<std::string> names;
  v1::ListLawsRequest request;
  request.set_page_size(7);
  do {
    const auto page = Ask(*laws_, &v1::LawService::Stub::ListLaws, request);
    ASSERT_TRUE(page.status.ok()) << page.status.error_message();
    for (const v1::Law& law : page.response.laws()) names.push_back(law.name());
    request.set_page_token(page.response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names.size(), PublishedLaws().size() + 3);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST_F(LawTest, ListFiltersByUseAndOrigin) {
  CreateLaw(HandWritten("laws/ours"));
  v1::ListLawsRequest request;
  request.set_page_size(1000);
  request.set_planable(true);
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::ListLaws, request).response.laws_size(),
            static_cast<int>(LawCatalog().size()) + 1);
  request.set_origin(v1::LAW_ORIGIN_IMPORTED);
  const auto imported = Ask(*laws_, &v1::LawService::Stub::ListLaws, request).response;
  ASSERT_EQ(imported.laws_size(), 1);
  EXPECT_EQ(imported.laws(0).name(), "laws/ours");
}

TEST_F(LawTest, ImportTellsWhatItHolds) {
  v1::ImportObservationsRequest header;
  header.mutable_observation_set()->set_tokenizer("GPT-2");
  const std::vector<v1::Observation> rows = KnownRuns();
  const auto answer = Import(rows, header);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  const v1::ObservationSet& set = answer.response;
  EXPECT_EQ(set.observation_count(), static_cast<int64_t>(rows.size()));
  EXPECT_EQ(set.run_count(), set.observation_count());
  EXPECT_EQ(set.tokenizer(), "GPT-2");
  EXPECT_EQ(set.param_count_convention(), v1::PARAM_COUNT_CONVENTION_TOTAL);
  EXPECT_EQ(set.param_count().low(), 5e7);
  EXPECT_EQ(set.name().substr(0, 15), "observations/o-");
}

TEST_F(LawTest, TheSameRowsAreTheSameSetHoweverTheyArrive) {
  const auto first = Import(KnownRuns(), {}, 3);
  const auto second = Import(KnownRuns(), {}, 1000);
  EXPECT_TRUE(MessageDifferencer::Equals(first.response, second.response));
  v1::ListObservationSetsRequest request;
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::ListObservationSets, request)
                .response.observation_sets_size(),
            1);
}

TEST_F(LawTest, EveryBadRowIsNamedAndNothingIsStored) {
  std::vector<v1::Observation> rows = KnownRuns();
  rows[3].set_loss_nats(std::numeric_limits<double>::quiet_NaN());
  rows[25].set_param_count(-1);
  rows[30].set_schedule_fraction(1.5);
  rows[31].set_run("two\nlines");
  const auto answer = Import(rows);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  auto violations = ViolationsOf(answer.status);
  EXPECT_EQ(violations.size(), 4u);
  EXPECT_EQ(violations["observations[3].loss_nats"],
            "line 5: must be positive and finite, got nan");
  EXPECT_EQ(violations.count("observations[25].param_count"), 1u);
  EXPECT_EQ(violations.count("observations[30].schedule_fraction"), 1u);
  EXPECT_EQ(violations.count("observations[31].run"), 1u);
  v1::ListObservationSetsRequest request;
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::ListObservationSets, request)
                .response.observation_sets_size(),
            0);
}

TEST_F(LawTest, AnImportWithoutRowsIsRefused) {
  EXPECT_EQ(ViolationsOf(Import({}).status).count("observations"), 1u);
}

TEST_F(LawTest, AStreamThatEndsEarlyStoresNothing) {
  const std::vector<v1::Observation> rows = KnownRuns();
  v1::ImportObservationsRequest header;
  header.set_row_count(static_cast<int64_t>(rows.size()) + 1);
  const auto answer = Import(rows, header);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(answer.status.error_message(),
              HasSubstr(absl::StrCat("declares ", rows.size() + 1, ", and ", rows.size())));
  EXPECT_EQ(SetCount(), 0);
}

// Proto's tag of field 31 with a length that is not there: no parser reads it.
constexpr char kNotAMessage[] = "\xFA\x01\x7F";

TEST_F(LawTest, AMessageThatCannotBeReadEndsNoImportWell) {
  const std::vector<v1::Observation> rows = KnownRuns();
  v1::ImportObservationsRequest first;
  first.set_row_count(static_cast<int64_t>(rows.size()));
  for (size_t i = 0; i < rows.size() / 2; ++i) *first.add_observations() = rows[i];
  for (const std::vector<std::string>& messages :
       {std::vector<std::string>{first.SerializeAsString(), kNotAMessage}, {kNotAMessage}}) {
    const grpc::Status status = SendBytes(messages);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.error_message(), HasSubstr("row_count"));
    EXPECT_EQ(SetCount(), 0);
  }
}

TEST_F(LawTest, AnImportDeclaresItsRowsOnceAndRight) {
  std::vector<v1::Observation> rows = KnownRuns();
  v1::ImportObservationsRequest header;
  header.set_row_count(static_cast<int64_t>(rows.size()) - 1);
  EXPECT_EQ(ViolationsOf(Import(rows, header).status)["row_count"],
            absl::StrCat("declares ", rows.size() - 1, ", and ", rows.size(), " arrived"));
  header.set_row_count(-1);
  EXPECT_EQ(ViolationsOf(Import(rows, header).status).count("row_count"), 1u);
  header.clear_row_count();
  for (const v1::Observation& row : rows) *header.add_observations() = row;
  EXPECT_THAT(SendBytes({header.SerializeAsString()}).error_message(), HasSubstr("row_count"));
  header.set_row_count(static_cast<int64_t>(rows.size()));
  v1::ImportObservationsRequest later;
  later.set_row_count(0);
  EXPECT_THAT(SendBytes({header.SerializeAsString(), later.SerializeAsString()}).error_message(),
              HasSubstr("first message"));
  EXPECT_EQ(SetCount(), 0);
}

TEST_F(LawTest, ANamedSetHoldsOneContent) {
  v1::ImportObservationsRequest header;
  header.mutable_observation_set()->set_name("sweep");
  EXPECT_EQ(Import(KnownRuns(), header).response.name(), "observations/sweep");
  EXPECT_TRUE(Import(KnownRuns(), header).status.ok());
  EXPECT_EQ(Import(KnownRuns(1.9), header).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(LawTest, ValidateOnlyImportsNothing) {
  v1::ImportObservationsRequest header;
  header.set_validate_only(true);
  const auto answer = Import(KnownRuns(), header);
  EXPECT_TRUE(answer.status.ok());
  v1::GetObservationsRequest request;
  request.set_name(answer.response.name());
  EXPECT_EQ(Ask(*laws_, &v1::LawService::Stub::GetObservations, request).status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(LawTest, ASetForOnePieceOfWorkGoesWhenItIsGivenBack) {
  v1::ImportObservationsRequest header;
  header.set_lifetime_seconds(3600);
  const auto set = Import(KnownRuns(), header).response;
  EXPECT_EQ(set.expire_time().seconds() - set.create_time().seconds(), 3600);
  v1::DeleteObservationsRequest request;
  request.set_name(set.name());
  request.set_release(true);
  EXPECT_TRUE(Ask(*laws_, &v1::LawService::Stub::DeleteObservations, request).status.ok());
  EXPECT_EQ(SetCount(), 0);
  // One that was there before, to stay, is nobody's to give back.
  EXPECT_FALSE(Import(KnownRuns()).response.has_expire_time());
  EXPECT_FALSE(Import(KnownRuns(), header).response.has_expire_time());
  EXPECT_TRUE(Ask(*laws_, &v1::LawService::Stub::DeleteObservations, request).status.ok());
  EXPECT_EQ(SetCount(), 1);
  request.set_force(true);
  EXPECT_EQ(ViolationsOf(Ask(*laws_, &v1::LawService::Stub::DeleteObservations, request).status)
                .count("release"),
            1u);
}

// As after kill -9 of the client.
TEST_F(LawTest, ASetThatNobodyGaveBackIsGoneAtTheNextStartAfterItsTime) {
  v1::ImportObservationsRequest header;
  header.set_lifetime_seconds(3600);
  Import(KnownRuns(), header);
  Restart();
  EXPECT_EQ(SetCount(), 1);
  header.set_lifetime_seconds(1e-3);
  Import(KnownRuns(1.9), header);
  EXPECT_EQ(SetCount(), 2);
  absl::SleepFor(absl::Milliseconds(5));
  Restart();
  EXPECT_EQ(SetCount(), 1);
}

TEST_F(LawTest, LifetimesAreInRangeAndOfTheFirstMessage) {
  for (const double seconds : {0.0, -1.0, 4e7, std::numeric_limits<double>::quiet_NaN()}) {
    v1::ImportObservationsRequest header;
    header.set_lifetime_seconds(seconds);
    EXPECT_EQ(ViolationsOf(Import(KnownRuns(), header).status).count("lifetime_seconds"), 1u)
        << seconds;
  }
  v1::ImportObservationsRequest first, later;
  first.set_row_count(0);
  later.set_lifetime_seconds(1);
  EXPECT_THAT(SendBytes({first.SerializeAsString(), later.SerializeAsString()}).error_message(),
              HasSubstr("lifetime_seconds"));
}

TEST_F(LawTest, RowsComeBackByPagesAsTheyWereSent) {
  std::vector<v1::Observation> rows;
  for (int i = 0; i < 9000; ++i) {
    v1::Observation row;
    row.set_param_count(1e8 + i);
    row.set_token_count(1e9);
    row.set_loss_nats(3);
    row.set_line(i + 2);
    rows.push_back(row);
  }
  v1::GetObservationsRequest request;
  request.set_name(Import(rows, {}, 1000).response.name());
  request.set_page_size(3500);
  size_t next = 0;
  do {
    const auto page = Ask(*laws_, &v1::LawService::Stub::GetObservations, request);
    ASSERT_TRUE(page.status.ok()) << page.status.error_message();
    for (const v1::Observation& row : page.response.observations()) {
      ASSERT_TRUE(MessageDifferencer::Equals(row, rows[next])) << next;
      ++next;
    }
    request.set_page_token(page.response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(next, rows.size());
}

}  // namespace
}  // namespace rhumb::daemon
