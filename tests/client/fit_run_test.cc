// SPDX-License-Identifier: Apache-2.0
// rhumb fit and the law commands against a scripted service: what is read, sent, printed, and which
// exit code.
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
#include "client/cli/exit_code.h"
#include "client/cli/run.h"
#include "client/config/document.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "rhumb/v1/law_service.grpc.pb.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ScriptedLaws final : public v1::LawService::Service {
 public:
  grpc::Status ImportObservations(grpc::ServerContext*,
                                  grpc::ServerReader<v1::ImportObservationsRequest>* reader,
                                  v1::ObservationSet* set) override {
    v1::ImportObservationsRequest message;
    while (reader->Read(&message)) imported.push_back(message);
    set->set_name("observations/abc");
    // As a daemon that stores it now, or has had it for long.
    *set->mutable_create_time() =
        google::protobuf::util::TimeUtil::SecondsToTimestamp(is_known_set ? 1000 : 2'000'000'000);
    return grpc::Status::OK;
  }
  grpc::Status DeleteObservations(grpc::ServerContext*,
                                  const v1::DeleteObservationsRequest* request,
                                  google::protobuf::Empty*) override {
    deleted_sets.push_back(request->name());
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
      std::raise(SIGINT);
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
  grpc::Status BacktestLaw(grpc::ServerContext*, const v1::BacktestLawRequest* request,
                           v1::BacktestLawResponse* response) override {
    backtests.push_back(*request);
    *response->mutable_backtest() = result.backtest();
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
    return grpc::Status::OK;
  }

  v1::LawFitResult result;
  grpc::Status fit_status;
  bool is_known_set = false;
  bool interrupts = false;
  std::vector<v1::ImportObservationsRequest> imported;
  std::vector<std::string> deleted_sets;
  std::vector<v1::FitLawRequest> fits;
  std::vector<v1::CreateLawRequest> created;
  std::vector<v1::DeleteLawRequest> deleted_laws;
  std::vector<v1::BacktestLawRequest> backtests;
  std::vector<v1::SuggestExperimentsRequest> suggestions;
};

// Besiroglu et al. 2024, arXiv:2404.10102: their constants for Hoffmann's runs.
v1::LawFitResult Fitted() {
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

TEST_F(FitRunTest, ABadRowIsNamedByLineColumnAndReasonAndNobodyIsAsked) {
  const std::string file = File("N,D,L\n1e9,2e10,2.5\n1e9,,2.4\n");
  const Outcome outcome = RunLine(absl::StrCat("fit ", file));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat(file, ": line 3, column D: is empty\n")));
  EXPECT_THAT(outcome.err, HasSubstr("1 bad row; --skip-bad-rows"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(FitRunTest, SkippedRowsAreCountedOnStderrAndInTheAnswer) {
  const std::string file = File("N,D,L\n1e9,2e10,2.5\n1e9,,2.4\n");
  const Outcome outcome = RunLine(absl::StrCat("fit ", file, " --skip-bad-rows --json"));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.err, HasSubstr("skipped 1 bad row of 2"));
  EXPECT_THAT(outcome.out, HasSubstr("BAD_ROWS_SKIPPED"));
  ASSERT_EQ(laws_.imported.size(), 1u);
  EXPECT_EQ(laws_.imported[0].observations_size(), 1);
}

TEST_F(FitRunTest, AFileThatIsNotThereIsExitTwo) {
  const Outcome outcome = RunLine("fit /no/such/file.csv");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("/no/such/file.csv"));
}

TEST_F(FitRunTest, RowsAreSentWithTheirLinesAndConventions) {
  RunLine(absl::StrCat("fit ", Runs(),
                       " --param-count-convention non-embedding --tokenizer gpt2 --dataset c4"));
  ASSERT_EQ(laws_.imported.size(), 1u);
  const v1::ObservationSet& set = laws_.imported[0].observation_set();
  EXPECT_EQ(set.param_count_convention(), v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING);
  EXPECT_EQ(set.tokenizer(), "gpt2");
  EXPECT_EQ(set.dataset(), "c4");
  EXPECT_THAT(set.source(), HasSubstr("fit_run_test_"));
  EXPECT_THAT(set.source(), Not(HasSubstr("/")));
  ASSERT_EQ(laws_.imported[0].observations_size(), 2);
  EXPECT_EQ(laws_.imported[0].observations(1).line(), 3);
  EXPECT_EQ(laws_.imported[0].observations(1).run(), "b");
  EXPECT_EQ(laws_.imported[0].observations(1).param_count(), 2e9);
}

TEST_F(FitRunTest, ManyRowsAreSentInSeveralMessages) {
  std::string text = "N,D,L\n";
  for (int i = 0; i < 12'000; ++i) absl::StrAppend(&text, "1e9,2e10,2.5\n");
  RunLine(absl::StrCat("fit ", File(text)));
  EXPECT_GT(laws_.imported.size(), 1u);
  int rows = 0;
  for (const auto& message : laws_.imported) rows += message.observations_size();
  EXPECT_EQ(rows, 12'000);
}

TEST_F(FitRunTest, ColumnsAndRowsAreChosen) {
  const std::string file = File("size,N,D,L,ok\n1,5e9,2e10,2.5,1\n2,6e9,2e10,2.5,0\n");
  const Outcome outcome =
      RunLine(absl::StrCat("fit ", file, " --map param_count=size --where ok==1"));
  ASSERT_EQ(laws_.imported.size(), 1u);
  ASSERT_EQ(laws_.imported[0].observations_size(), 1);
  EXPECT_EQ(laws_.imported[0].observations(0).param_count(), 1);
  EXPECT_THAT(outcome.err, HasSubstr("--where leaves out 1 row"));
}

TEST_F(FitRunTest, EveryOptionReachesTheRequest) {
  RunLine(absl::StrCat("fit ", Runs(),
                       " --name mine --family auto --method nls --loss l2 --delta 0.01 --bootstrap "
                       "4000 --level 0.8 --seed 7 --holdout C>1e21 --holdout N>1B --fix "
                       "E=1.8,gamma=1 --bound alpha=0.1:0.6 --tie alpha=beta "
                       "--include-mid-schedule"));
  ASSERT_EQ(laws_.fits.size(), 1u);
  EXPECT_EQ(laws_.fits[0].name(), "mine");
  EXPECT_EQ(laws_.fits[0].observations(), "observations/abc");
  const v1::LawFitOptions& options = laws_.fits[0].options();
  EXPECT_EQ(options.family(), "auto");
  EXPECT_EQ(options.method(), v1::FIT_METHOD_NLS);
  EXPECT_EQ(options.loss(), v1::FIT_LOSS_L2);
  EXPECT_EQ(options.huber_delta(), 0.01);
  EXPECT_EQ(options.bootstrap_count(), 4000);
  EXPECT_EQ(options.level(), 0.8);
  EXPECT_EQ(options.seed(), 7);
  EXPECT_EQ(options.holdout_above_flops(), 1e21);
  EXPECT_EQ(options.holdout_above_params(), 1e9);
  EXPECT_EQ(options.fixed().at("E"), 1.8);
  EXPECT_EQ(options.fixed().at("gamma"), 1);
  EXPECT_EQ(options.bounds().at("alpha").low(), 0.1);
  EXPECT_EQ(options.bounds().at("alpha").high(), 0.6);
  ASSERT_EQ(options.tied_size(), 1);
  EXPECT_EQ(options.tied(0).to(), "beta");
  EXPECT_TRUE(options.include_mid_schedule());
}

TEST_F(FitRunTest, EveryWrongFlagIsNamedAtOnce) {
  const Outcome outcome = RunLine(
      absl::StrCat("fit ", Runs(), " --fix E --bound alpha=1 --tie alpha --holdout L>2 --delta x"));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_EQ(opened_, 0);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("--fix: expected a constant and its value, as E=1.8, got \"E\""),
                    HasSubstr("--bound: "), HasSubstr("--tie: "),
                    HasSubstr("--holdout: expected training_flops>NUMBER"),
                    HasSubstr("--delta (options.huber_delta): ")));
}

TEST_F(FitRunTest, TheAnswerSaysWhatAPersonDecidesBy) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("The chinchilla form fitted to 240 rows"),
                                 HasSubstr("482.01"), HasSubstr("best N grows as C^0.513"),
                                 HasSubstr("predicts 40 runs with a mean "
                                           "error of 0.83%"),
                                 HasSubstr("line 17: measured 6.30% above the law"),
                                 HasSubstr("laws/mine, version 1"),
                                 HasSubstr("rhumb plan --law mine --compute 1e22")));
}

// N = G (C/6)^a in python: G = (0.3478*482.01/(0.3658*2085.43))**(1/0.7136), a = 0.3658/0.7136;
// C = 1e21 gives 2.778e9.
TEST_F(FitRunTest, DecisionsAreTheLawsOptimum) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs()));
  EXPECT_THAT(outcome.out, ::testing::ContainsRegex("1e21 +2\\.78B"));
}

TEST_F(FitRunTest, JsonHasTheKeysOfTheContract) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --json"));
  const absl::StatusOr<DocumentValue> tree = ParseJson(outcome.out);
  ASSERT_TRUE(tree.ok()) << tree.status();
  for (const char* key : {"law", "constants", "std_errors", "objective", "observation_count",
                          "optimal_exponents", "intervals", "backtest", "diagnostics", "seconds"}) {
    EXPECT_NE(tree->Find(key), nullptr) << key;
  }
  for (const char* key :
       {"observation_count", "mean_abs_error_fraction", "rmse_fraction", "coverage", "level"}) {
    EXPECT_NE(tree->Find("backtest")->Find(key), nullptr) << key;
  }
  for (const char* key : {"termination", "identifiable", "warnings"}) {
    EXPECT_NE(tree->Find("diagnostics")->Find(key), nullptr) << key;
  }
  EXPECT_NE(tree->Find("optimal_exponents")->Find("a"), nullptr);
}

TEST_F(FitRunTest, AnUnnamedFitLeavesNothingBehind) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs()));
  EXPECT_EQ(laws_.deleted_sets, std::vector<std::string>{"observations/abc"});
  EXPECT_THAT(outcome.out, HasSubstr("--name NAME"));
}

TEST_F(FitRunTest, ANamedFitKeepsItsObservations) {
  RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
  EXPECT_THAT(laws_.deleted_sets, IsEmpty());
}

TEST_F(FitRunTest, ObservationsThatWereThereBeforeAreNotDeleted) {
  laws_.is_known_set = true;
  RunLine(absl::StrCat("fit ", Runs()));
  EXPECT_THAT(laws_.deleted_sets, IsEmpty());
}

TEST_F(FitRunTest, DataThatDetermineNoLawAreExitOneWithTheReason) {
  laws_.result.clear_law();
  laws_.result.mutable_diagnostics()->set_identifiable(false);
  auto* constant = laws_.result.mutable_diagnostics()->add_undetermined();
  constant->set_symbol("E");
  constant->set_reason("driven to 0");
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("240 rows do not determine the chinchilla form"),
                    HasSubstr("E: driven to 0"), HasSubstr("--fix E=VALUE"), HasSubstr("nothing")));
  EXPECT_EQ(laws_.deleted_sets, std::vector<std::string>{"observations/abc"});
}

TEST_F(FitRunTest, AFailedFitLeavesNothingBehind) {
  laws_.fit_status = {grpc::StatusCode::FAILED_PRECONDITION, "no minimum was reached"};
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("no minimum was reached"));
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
}

TEST_F(FitRunTest, CtrlCCancelsTheFit) {
  laws_.interrupts = true;
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("cancelled; nothing was stored"));
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
}

TEST_F(FitRunTest, AValidatedFitStoresNothing) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine --dry-run"));
  ASSERT_EQ(laws_.fits.size(), 1u);
  EXPECT_TRUE(laws_.fits[0].validate_only());
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
  EXPECT_THAT(outcome.out, HasSubstr("nothing"));
}

TEST_F(FitRunTest, PicturesAreDrawnAndWritten) {
  const std::string svg = absl::StrCat(::testing::TempDir(), "/fit_run_test.svg");
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --plot ascii --svg ", svg));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, HasSubstr("mine"));
  std::ifstream file(svg);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_THAT(text, AllOf(HasSubstr("<svg"), HasSubstr("</svg>")));
}

TEST_F(FitRunTest, APictureUnderJsonIsRefused) {
  EXPECT_EQ(RunLine(absl::StrCat("fit ", Runs(), " --plot ascii --json")).code, kExitUsage);
  EXPECT_EQ(RunLine(absl::StrCat("fit ", Runs(), " --picture map")).code, kExitUsage);
  EXPECT_EQ(opened_, 0);
}

TEST_F(FitRunTest, ALawIsShownWithItsRuns) {
  laws_.result.mutable_law()->set_observations("observations/abc");
  const Outcome outcome = RunLine("law show mine --plot ascii");
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("alpha = 0.3478"), HasSubstr("BEST N")));
}

TEST_F(FitRunTest, ALawGoesOutAndComesBackTheSame) {
  const Outcome exported = RunLine("law export mine");
  ASSERT_EQ(exported.code, kExitOk);
  const Outcome imported = RunLine(absl::StrCat("law import ", File(exported.out), " -o name"));
  EXPECT_EQ(imported.code, kExitOk);
  EXPECT_EQ(imported.out, "laws/mine\n");
  ASSERT_EQ(laws_.created.size(), 1u);
  EXPECT_EQ(laws_.created[0].law().SerializeAsString().size(),
            laws_.result.law().SerializeAsString().size());
  EXPECT_EQ(laws_.created[0].law().constants().at("beta"), 0.3658);
}

TEST_F(FitRunTest, TheLawOfAFitsAnswerIsImported) {
  const Outcome fitted = RunLine(absl::StrCat("fit ", Runs(), " --json"));
  const Outcome imported =
      RunLine(absl::StrCat("law import ", File(fitted.out), " --name other --dry-run"));
  EXPECT_EQ(imported.code, kExitOk) << imported.err;
  ASSERT_EQ(laws_.created.size(), 1u);
  EXPECT_EQ(laws_.created[0].law().name(), "other");
  EXPECT_TRUE(laws_.created[0].validate_only());
  EXPECT_THAT(imported.out, HasSubstr("Would store other"));
}

TEST_F(FitRunTest, ABrokenLawFileNamesItsKey) {
  const Outcome outcome = RunLine(absl::StrCat("law import ", File("{\"constant\": {}}")));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("constant"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(FitRunTest, ALawWithoutANameIsRefused) {
  const Outcome outcome =
      RunLine(absl::StrCat("law import ", File("{\"family\": \"chinchilla\"}")));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--name"));
}

TEST_F(FitRunTest, ABacktestNamesTheWorstRuns) {
  const Outcome outcome = RunLine(absl::StrCat("law backtest mine ", Runs(), " --level 0.5"));
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(laws_.backtests.size(), 1u);
  EXPECT_EQ(laws_.backtests[0].law(), "mine");
  EXPECT_EQ(laws_.backtests[0].observations(), "observations/abc");
  EXPECT_EQ(laws_.backtests[0].level(), 0.5);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("mean error of 0.83%"), HasSubstr("+4.00%")));
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
}

TEST_F(FitRunTest, AStoredSetIsBacktestedAsItIs) {
  RunLine("law backtest mine observations/other");
  ASSERT_EQ(laws_.backtests.size(), 1u);
  EXPECT_EQ(laws_.backtests[0].observations(), "observations/other");
  EXPECT_THAT(laws_.imported, IsEmpty());
  EXPECT_THAT(laws_.deleted_sets, IsEmpty());
}

TEST_F(FitRunTest, SuggestionsNeedABudgetAndATarget) {
  const Outcome outcome = RunLine("law suggest mine --budget-flops 1e20");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--target-compute must be given"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(FitRunTest, SuggestionsAreATableOfRuns) {
  const Outcome outcome =
      RunLine("law suggest mine --budget-flops 1e20 --target-compute 1e23 --goal params --count 4");
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(laws_.suggestions.size(), 1u);
  EXPECT_EQ(laws_.suggestions[0].target_compute_flops(), 1e23);
  EXPECT_EQ(laws_.suggestions[0].count(), 4);
  EXPECT_EQ(laws_.suggestions[0].goal(), v1::SuggestExperimentsRequest::GOAL_PARAMS);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("falls from 0.02 to 0.01"), HasSubstr("100M"),
                                 HasSubstr("would leave 0.015")));
}

TEST_F(FitRunTest, DeletingALawCanBeTried) {
  const Outcome outcome = RunLine("law delete mine@2 --dry-run");
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(laws_.deleted_laws.size(), 1u);
  EXPECT_EQ(laws_.deleted_laws[0].name(), "mine@2");
  EXPECT_TRUE(laws_.deleted_laws[0].validate_only());
  EXPECT_THAT(outcome.err, HasSubstr("would delete law mine@2"));
}

}  // namespace
}  // namespace rhumb::cli
