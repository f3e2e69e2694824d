// SPDX-License-Identifier: Apache-2.0
// rhumb fit against a scripted service: what is read, sent, printed, and which exit code.
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/config/document.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/fit/fit_law.h"
#include "tests/client/fit_run_fixture.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
  EXPECT_EQ(laws_.imported[0].row_count(), 12'000);
  EXPECT_FALSE(laws_.imported[1].has_row_count());
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

TEST_F(FitRunTest, DecisionsAreTheAnswersWithTheIntervalOfOneRun) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs()));
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("90% OF ONE RUN"),
                    ::testing::ContainsRegex("1e21 +2\\.78B +2\\.10B to 3\\.70B"),
                    HasSubstr("2.261 to 2.324"), HasSubstr("average over chinchilla 75%"),
                    HasSubstr("may be wrong by 12%"), Not(HasSubstr("by the constants alone"))));
}

TEST_F(FitRunTest, AFormThatHardlyCountsInPredictionsIsSaidToCountHalfInDecisions) {
  laws_.result.mutable_form_weights(0)->set_weight(0.2);
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs()));
  EXPECT_THAT(outcome.out, HasSubstr("but for one run, the fitted form counts half"));
}

// N = G (C/6)^a in python: G = (0.3478*482.01/(0.3658*2085.43))**(1/0.7136), a = 0.3658/0.7136;
// C = 1e21 gives 2.778e9.
TEST_F(FitRunTest, WithoutDrawsDecisionsAreTheLawsOptimum) {
  laws_.result.clear_decisions();
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs()));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("by the constants alone"),
                                 ::testing::ContainsRegex("1e21 +2\\.78B")));
}

TEST_F(FitRunTest, JsonHasTheKeysOfTheContract) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --json"));
  const absl::StatusOr<DocumentValue> tree = ParseJson(outcome.out);
  ASSERT_TRUE(tree.ok()) << tree.status();
  for (const char* key :
       {"law", "constants", "std_errors", "objective", "observation_count", "optimal_exponents",
        "intervals", "backtest", "diagnostics", "seconds", "decisions", "form_weights",
        "slope_error_fraction", "slope_error_degrees"}) {
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

TEST_F(FitRunTest, AnUnnamedFitNamesNoObservationsThatAreGone) {
  laws_.result.set_observations("observations/abc");
  laws_.result.mutable_law()->set_observations("observations/abc");
  EXPECT_THAT(RunLine(absl::StrCat("fit ", Runs(), " --json")).out,
              Not(HasSubstr("observations/abc")));
  EXPECT_THAT(RunLine(absl::StrCat("fit ", Runs(), " --name mine --json")).out,
              HasSubstr("observations/abc"));
  laws_.is_known_set = true;
  EXPECT_THAT(RunLine(absl::StrCat("fit ", Runs(), " --json")).out, HasSubstr("observations/abc"));
}

TEST_F(FitRunTest, TheNextCommandsReadTheTableAsThisOneDid) {
  const std::string file = File("size,N,D,L,ok\n1,5e9,2e10,2.5,1\n");
  const Outcome outcome = RunLine(absl::StrCat(
      "fit ", file, " --map param_count=size --where ok==1 --fix E=1.8 --tokenizer gpt2",
      " --include-mid-schedule"));
  const std::string table =
      absl::StrCat("rhumb fit ", file, " --map param_count=size --where ok==1 --tokenizer gpt2");
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr(absl::StrCat(table, " --fix E=1.8 --include-mid-schedule --name NAME")),
            HasSubstr(absl::StrCat(table, " --include-mid-schedule --family auto"))));
}

TEST_F(FitRunTest, AMethodThatOnlyTellsTheTrendIsNotAdvisedToFixConstants) {
  laws_.result.clear_law();
  laws_.result.set_family("isoflop");
  laws_.result.set_method(v1::FIT_METHOD_ISOFLOP);
  laws_.result.mutable_diagnostics()->set_identifiable(false);
  laws_.result.mutable_diagnostics()->add_undetermined()->set_symbol("a");
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --method isoflop"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("two or more compute budgets"), Not(HasSubstr("--fix")),
                                 HasSubstr("--method vpnls"), Not(HasSubstr("--method isoflop"))));
}

TEST_F(FitRunTest, AMethodThatGivesNoLawIsRefusedAName) {
  for (const char* method : {"isoflop", "envelope"}) {
    const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine --method ", method));
    EXPECT_EQ(outcome.code, kExitUsage);
    EXPECT_THAT(outcome.err, HasSubstr("gives no loss of N and D to store"));
  }
  EXPECT_EQ(
      RunLine(absl::StrCat("fit ", Runs(), " --method isoflop --picture map --plot ascii")).code,
      kExitUsage);
  EXPECT_EQ(opened_, 0);
}

// Two budgets with parabolas around 1e9 and 3e9 parameters, and one of a single run.
v1::LawFitResult IsoFlopFitted() {
  v1::LawFitResult fit = Fitted();
  fit.clear_law();
  fit.set_family("isoflop");
  fit.set_method(v1::FIT_METHOD_ISOFLOP);
  for (const double best : {1e9, 3e9}) {
    v1::LawFitResult::IsoFlopBudget& budget = *fit.add_isoflop_budgets();
    budget.set_training_flops(120 * best * best);
    for (const double ratio : {0.4, 1.0, 2.5}) {
      v1::LawFitResult::IsoFlopBudget::Run& run = *budget.add_runs();
      run.set_param_count(best * ratio);
      run.set_loss_nats(2.5 + 0.05 * std::pow(std::log(ratio), 2));
    }
    budget.set_size_count(3);
    budget.set_best_param_count(best);
    budget.set_best_loss_nats(2.5);
    budget.set_curvature_nats(0.05);
    budget.mutable_flat_param_count()->set_low(best * 0.8);
    budget.mutable_flat_param_count()->set_high(best * 1.25);
    budget.set_used(true);
  }
  v1::LawFitResult::IsoFlopBudget& alone = *fit.add_isoflop_budgets();
  alone.set_training_flops(1e22);
  alone.set_size_count(1);
  alone.add_runs()->set_param_count(5e9);
  alone.mutable_runs(0)->set_loss_nats(2.4);
  return fit;
}

TEST_F(FitRunTest, IsoFlopBudgetsAreListedWithTheColumnTheyComeFrom) {
  laws_.result = IsoFlopFitted();
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --method isoflop"));
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("7 rows in 3 budgets of compute by 6ND, as there is no training_flops"),
            HasSubstr("2 have the three sizes"),
            ::testing::ContainsRegex("1\\.2e20 +3 +3 +400M to 2\\.50B +1\\.00B"),
            ::testing::ContainsRegex("1e22 +1 +1 +5\\.00B +-")));
  const std::string file = File("N,D,L,C\n1e9,2e10,2.5,1e20\n");
  EXPECT_THAT(RunLine(absl::StrCat("fit ", file, " --method isoflop")).out,
              HasSubstr("of compute by training_flops (rows"));
}

TEST_F(FitRunTest, IsoFlopCurvesAreDrawnWithTheirMinima) {
  laws_.result = IsoFlopFitted();
  const std::string svg = absl::StrCat(::testing::TempDir(), "/fit_run_isoflop.svg");
  const Outcome outcome =
      RunLine(absl::StrCat("fit ", Runs(), " --method isoflop --plot ascii --svg ", svg));
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("isoFLOP curves"), HasSubstr("parameters N"),
                    HasSubstr("minimum of each budget"), HasSubstr("1 budget without a minimum")));
  std::ifstream file(svg);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_THAT(text, AllOf(HasSubstr("isoFLOP curves"), HasSubstr("minimum of each budget")));
}

// Compute that scatters has no family of curves: the runs alone are drawn.
TEST_F(FitRunTest, WithoutParabolasTheRunsAreDrawn) {
  laws_.result = IsoFlopFitted();
  laws_.result.mutable_isoflop_budgets()->DeleteSubrange(0, 2);
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --method isoflop --plot ascii"));
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("training compute"), Not(HasSubstr("isoFLOP curves"))));
}

TEST_F(FitRunTest, AFormWithoutALawIsAdvisedToTryOneThatPlans) {
  laws_.result.clear_law();
  laws_.result.set_family("gadre");
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --family gadre"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("--family chinchilla"), Not(HasSubstr("--method")),
                                 Not(HasSubstr("--family gadre"))));
}

TEST_F(FitRunTest, AFormWithoutALawTakesNoName) {
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --family gadre --name mine"));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("--name: no plan can be made with the form gadre"),
                    HasSubstr("--family chinchilla, coupled, data-constrained or auto")));
  EXPECT_EQ(opened_, 0);
}

TEST_F(FitRunTest, HelpListsEveryForm) {
  const Outcome outcome = RunLine("fit --help");
  for (const std::string& form : FormNames()) EXPECT_THAT(outcome.out, HasSubstr(form));
  EXPECT_THAT(outcome.out, HasSubstr("or auto"));
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
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("240 rows do not determine the chinchilla form"),
                    HasSubstr("E: driven to 0"), HasSubstr("--fix E=VALUE"), HasSubstr("nothing")));
  EXPECT_EQ(laws_.deleted_sets, std::vector<std::string>{"observations/abc"});
}

TEST_F(FitRunTest, ADocumentHoldsTheDiagnosisItself) {
  laws_.result.clear_law();
  laws_.result.mutable_diagnostics()->set_identifiable(false);
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " -o json"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.out, HasSubstr("\"identifiable\": false"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("do not determine")));
}

TEST_F(FitRunTest, AFitThatPrintsNothingStillSaysWhyItFailed) {
  laws_.result.clear_law();
  laws_.result.mutable_diagnostics()->set_identifiable(false);
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " -o name"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("240 rows do not determine the chinchilla form"));
}

TEST_F(FitRunTest, AFailedFitLeavesNothingBehind) {
  laws_.fit_status = {grpc::StatusCode::FAILED_PRECONDITION, "no minimum was reached"};
  const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("no minimum was reached"));
  EXPECT_EQ(laws_.deleted_sets.size(), 1u);
}

TEST_F(FitRunTest, SignalsToEndCancelTheFitAndLeaveNothingBehind) {
  laws_.interrupts = true;
  for (const int signal : {SIGTERM, SIGHUP}) {
    laws_.signal = signal;
    laws_.deleted_sets.clear();
    const Outcome outcome = RunLine(absl::StrCat("fit ", Runs(), " --name mine"));
    EXPECT_EQ(outcome.code, kExitError);
    EXPECT_THAT(outcome.err, HasSubstr("cancelled; nothing was stored"));
    EXPECT_EQ(laws_.deleted_sets.size(), 1u);
  }
}

TEST_F(FitRunTest, SetsAreImportedForAsLongAsAFitMayTake) {
  RunLine(absl::StrCat("fit ", Runs(), " --timeout 2h"));
  ASSERT_EQ(laws_.imported.size(), 1u);
  EXPECT_GE(laws_.imported[0].lifetime_seconds(), 7200 + 3600);
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

}  // namespace
}  // namespace rhumb::cli
