// SPDX-License-Identifier: Apache-2.0
// `rhumb check --table` and `rhumb accuracy`: what is printed where, which exit code; nobody is
// asked.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/run.h"
#include "client/config/document.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kHeader[] =
    "row_id,lab,layers,hidden,heads,ffn,vocab,seq,gpu,n_gpus,mbs,recompute,iter_s,mem_gib,mem_kind,"
    "note\n";
constexpr char kSound[] = "a,ours,12,768,12,3072,50257,1024,H100-SXM,1,8,none,0.1,20,reserved,\n";
constexpr char kHuge[] =
    "b,theirs,96,12288,96,49152,50257,2048,H100-SXM,1,8,none,,,,\"OOM, at once\"\n";
constexpr char kBroken[] =
    "c,theirs,twelve,768,12,3072,50257,1024,H100-SXM,1,8,none,0.1,20,reserved,\n";

struct Outcome {
  int code = 0;
  std::string out, err;
};

class RunTableCommandsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& rows) {
    const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
    std::ofstream(path) << kHeader << rows;
    return path;
  }

  Outcome RunLine(const std::string& line) {
    std::ostringstream out, err;
    Context context;
    context.out = &out;
    context.err = &err;
    context.out_terminal.width = 200;
    context.open_home = [](const Invocation&, Context&) -> absl::StatusOr<Home> {
      ADD_FAILURE() << "asked a daemon";
      return absl::UnavailableError("none");
    };
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    const int code = rhumb::cli::Run(words, context);
    return {code, out.str(), err.str()};
  }
};

TEST_F(RunTableCommandsTest, CsvHasTheColumnsOfTheFormat) {
  const Outcome outcome = RunLine(absl::StrCat("check -o csv --table ", Write("csv.csv", kSound)));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out,
              StartsWith("row_id,predicted_step_seconds,measured_step_seconds,"
                         "predicted_peak_bytes,predicted_peak_p95_bytes,measured_peak_bytes,fits,"
                         "note\na,0."));
  EXPECT_THAT(outcome.out, HasSubstr(",0.1,"));
  EXPECT_THAT(outcome.out, HasSubstr(",21474836480,true,"));
}

TEST_F(RunTableCommandsTest, GpuTypeThatNobodyCanBeAskedForIsARemarkAndAReason) {
  std::string row = kSound;
  row.replace(row.find("H100-SXM"), 8, "OURS-96GB");
  std::ostringstream out, err;
  Context context;
  context.out = &out;
  context.err = &err;
  context.open_home = [](const Invocation&, Context&) -> absl::StatusOr<Home> {
    return absl::UnavailableError("no daemon at all");
  };
  const int code = rhumb::cli::Run(
      {"check", "-o", "csv", "--noheader", "--table", Write("unknown.csv", row)}, context);
  EXPECT_EQ(code, kExitOk);
  EXPECT_THAT(err.str(), HasSubstr("are not known: no daemon at all"));
  EXPECT_THAT(out.str(), HasSubstr("unknown GPU type"));
}

TEST_F(RunTableCommandsTest, RowThatCannotBeExpressedHasAnEmptyPredictionAndAReason) {
  const Outcome outcome =
      RunLine(absl::StrCat("check -o csv --noheader --table ", Write("broken.csv", kBroken)));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, StartsWith("c,,,,,,,\"not expressed: line 2, column layers: must be"));
}

TEST_F(RunTableCommandsTest, RowThatRanOutOfMemoryHasAPredictionAndNoMeasurement) {
  const Outcome outcome =
      RunLine(absl::StrCat("check -o csv --noheader --table ", Write("huge.csv", kHuge)));
  EXPECT_THAT(outcome.out, HasSubstr(",,false,ran out of memory"));
}

TEST_F(RunTableCommandsTest, BytesThatNoIntegerCountsAreStillPositive) {
  const std::string path = Write("beyond.csv",
                                 "x,ours,96,12288,96,49152,50257,16777216,H100-SXM,1,1000000000,"
                                 "none,0.1,20,reserved,\n");
  EXPECT_THAT(RunLine(absl::StrCat("check -o csv --noheader --table ", path)).out,
              AllOf(ContainsRegex(",[0-9]{20,},"), Not(HasSubstr(",-"))));
  EXPECT_THAT(RunLine(absl::StrCat("check --json --table ", path)).out, Not(HasSubstr(": -")));
}

TEST_F(RunTableCommandsTest, AccuracyCallsAWorstRowWithoutNameByItsLine) {
  const std::string path =
      Write("nameless.csv", ",ours,12,768,12,3072,50257,1024,H100-SXM,1,8,none,0.1,20,reserved,\n");
  EXPECT_THAT(RunLine(absl::StrCat("accuracy --table ", path)).out, HasSubstr("line 2"));
}

TEST_F(RunTableCommandsTest, JsonSaysIntervalAndCalibration) {
  const Outcome outcome = RunLine(
      absl::StrCat("check --json --table ", Write("json.csv", absl::StrCat(kSound, kBroken))));
  const absl::StatusOr<DocumentValue> tree = ParseJson(outcome.out);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_THAT(outcome.out, HasSubstr("\"step_seconds_interval\": {\"level\": 0.9, \"low\": "));
  EXPECT_THAT(outcome.out, HasSubstr("\"calibrated\": false"));
  EXPECT_THAT(outcome.out, HasSubstr("\"expressed\": false, \"column\": \"layers\""));
}

TEST_F(RunTableCommandsTest, TableSaysOnStderrWhichRowsItCannotExpress) {
  const Outcome outcome =
      RunLine(absl::StrCat("check --table ", Write("talk.csv", absl::StrCat(kSound, kBroken))));
  EXPECT_THAT(outcome.err, HasSubstr("talk: not expressed: line 3, column layers"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("column layers")));
}

TEST_F(RunTableCommandsTest, ConfigurationBesideATableIsRefused) {
  const Outcome outcome =
      RunLine(absl::StrCat("check --gpus 8xA --table ", Write("both.csv", kSound)));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("leave out --gpus"));
}

TEST_F(RunTableCommandsTest, FileThatIsNoTableOfRunsIsRefused) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/losses.csv");
  std::ofstream(path) << "params,tokens,loss\n1e9,2e10,2.5\n";
  const Outcome outcome = RunLine(absl::StrCat("check --table ", path));
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("losses.csv: line 1: no table of measured runs"));
}

TEST_F(RunTableCommandsTest, MissingFileIsAUsageError) {
  EXPECT_EQ(RunLine("accuracy --table /nowhere/runs.csv").code, kExitUsage);
}

TEST_F(RunTableCommandsTest, ACalibrationNeedsATable) {
  const Outcome outcome = RunLine("accuracy --calibration mine");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--calibration needs --table"));
}

TEST_F(RunTableCommandsTest, AccuracySaysErrorsWorstRowsAndWhatWasNotExpressed) {
  const Outcome outcome = RunLine(
      absl::StrCat("accuracy --table ", Write("mixed.csv", absl::StrCat(kSound, kHuge, kBroken))));
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, HasSubstr("STEP TIME"));
  EXPECT_THAT(outcome.out, HasSubstr("PEAK MEMORY"));
  EXPECT_THAT(outcome.out, HasSubstr("1 of 1 rows that ran out of memory"));
  EXPECT_THAT(outcome.out, HasSubstr("1 of 3 (33.3%) rows"));
  EXPECT_THAT(outcome.out, HasSubstr("mixed: 1 row, first c: layers: must be"));
}

TEST_F(RunTableCommandsTest, RowsAreTakenTogetherByAColumn) {
  const std::string path = Write("by.csv", absl::StrCat(kSound, kHuge));
  const Outcome outcome = RunLine(absl::StrCat("accuracy --by lab -o csv --table ", path));
  EXPECT_THAT(outcome.out, HasSubstr("\nours,1,"));
  EXPECT_THAT(outcome.out, HasSubstr("\ntheirs,1,"));
}

TEST_F(RunTableCommandsTest, TablesAreFilesOtherwise) {
  const Outcome outcome = RunLine(absl::StrCat("accuracy --json --table ", Write("one.csv", kSound),
                                               " --table ", Write("two.csv", kSound)));
  EXPECT_THAT(outcome.out, HasSubstr("{\"name\": \"one\", \"row_count\": 1"));
  EXPECT_THAT(outcome.out, HasSubstr("{\"name\": \"two\", \"row_count\": 1"));
  EXPECT_THAT(outcome.out, HasSubstr("\"overall\": {\"time_mean_over_tables_fraction\": "));
}

}  // namespace
}  // namespace rhumb::cli
