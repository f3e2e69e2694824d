// SPDX-License-Identifier: Apache-2.0
#include "client/observations/observation_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ObservationTable Parsed(absl::string_view text, const ObservationFileOptions& options = {}) {
  absl::StatusOr<ObservationTable> table = ParseObservations(text, options);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *std::move(table) : ObservationTable();
}

absl::Status Refused(absl::string_view text, const ObservationFileOptions& options = {}) {
  return ParseObservations(text, options).status();
}

// The one bad row of a table whose other row is sound.
BadRow OnlyBadRow(absl::string_view row) {
  const ObservationTable table = Parsed(
      absl::StrCat("param_count,token_count,loss_nats\n1e9,2e10,2.5\n", row, "\n2e9,2e10,2.4\n"));
  EXPECT_EQ(table.bad_row_count, 1) << row;
  EXPECT_THAT(table.observations, SizeIs(2)) << row;
  return table.bad_rows.empty() ? BadRow() : table.bad_rows[0];
}

// --- What is read

TEST(ObservationFileTest, ReadsColumnsByNameInAnyOrder) {
  const ObservationTable table =
      Parsed("extra,loss_nats,token_count,param_count\nx,2.5,2e10,1e9\n");
  ASSERT_THAT(table.observations, SizeIs(1));
  EXPECT_EQ(table.observations[0].param_count, 1e9);
  EXPECT_EQ(table.observations[0].token_count, 2e10);
  EXPECT_EQ(table.observations[0].loss_nats, 2.5);
  EXPECT_EQ(table.lines[0], 2);
}

TEST(ObservationFileTest, RefusesWhatNoUnitExplainsWithItsLine) {
  EXPECT_EQ(OnlyBadRow("1e300,2e10,2.5"),
            (BadRow{3, "param_count", "must be from 1e-06 to 1e+18, got \"1e300\""}));
}

TEST(ObservationFileTest, ReadsAliasesRegardlessOfCase) {
  const ObservationTable table = Parsed("N,D,L,C,u,LR,Batch\n1e9,2e10,2.5,1.2e20,1e10,3e-4,4M\n");
  ASSERT_THAT(table.observations, SizeIs(1));
  const Observation& row = table.observations[0];
  EXPECT_EQ(row.training_flops, 1.2e20);
  EXPECT_EQ(row.unique_token_count, 1e10);
  EXPECT_EQ(row.learning_rate, 3e-4);
  EXPECT_EQ(row.global_batch_tokens, 4e6);
}

TEST(ObservationFileTest, ReadsEveryField) {
  const ObservationTable table = Parsed(
      "param_count,token_count,loss_nats,unique_token_count,training_flops,global_batch_tokens,"
      "learning_rate,step_count,schedule_fraction,weight,run\n"
      "7B,1.4T,1.9,1T,6e22,4e6,1e-4,350000,0.5,2,seed-1\n");
  ASSERT_THAT(table.observations, SizeIs(1));
  const Observation& row = table.observations[0];
  EXPECT_EQ(row.param_count, 7e9);
  EXPECT_EQ(row.token_count, 1.4e12);
  EXPECT_EQ(row.step_count, 350000);
  EXPECT_EQ(row.schedule_fraction, 0.5);
  EXPECT_EQ(row.weight, 2);
  EXPECT_EQ(row.run, "seed-1");
}

TEST(ObservationFileTest, AFieldsOwnNameGoesBeforeItsAliases) {
  const ObservationTable table = Parsed("loss,loss_nats,N,D\n9,2.5,1e9,2e10\n");
  ASSERT_THAT(table.observations, SizeIs(1));
  EXPECT_EQ(table.observations[0].loss_nats, 2.5);
}

TEST(ObservationFileTest, RenamesColumns) {
  ObservationFileOptions options;
  options.columns = {{"param_count", "params_nonemb"}, {"loss", "c4 val"}};
  const ObservationTable table =
      Parsed("params,params_nonemb,tokens,loss,c4 val\n2e9,1e9,2e10,9,2.5\n", options);
  ASSERT_THAT(table.observations, SizeIs(1));
  EXPECT_EQ(table.observations[0].param_count, 1e9);
  EXPECT_EQ(table.observations[0].loss_nats, 2.5);
}

TEST(ObservationFileTest, EmptyOptionalCellsAreNotGiven) {
  const ObservationTable table = Parsed("N,D,L,C,run\n1e9,2e10,2.5,,\n");
  ASSERT_THAT(table.observations, SizeIs(1));
  EXPECT_FALSE(table.observations[0].training_flops.has_value());
}

TEST(ObservationFileTest, CountsBeyondInt64AreRead) {
  EXPECT_EQ(
      Parsed("N,D,L,C\n1e9,2e10,2.5,123456789012345678901234\n").observations[0].training_flops,
      123456789012345678901234.0);
}

TEST(ObservationFileTest, PassesOverByteOrderMarkCommentsAndBlankLines) {
  const ObservationTable table =
      Parsed("\xEF\xBB\xBF# source: somewhere\n\n# N, D\nN,D,L\n\n1e9,2e10,2.5\n  \n,,\n\n");
  EXPECT_THAT(table.observations, SizeIs(1));
  EXPECT_THAT(table.lines, ElementsAre(6));
}

TEST(ObservationFileTest, ReadsEveryLineEnd) {
  for (const char* text : {"N,D,L\n1,2,3\n4,5,6\n", "N,D,L\r\n1,2,3\r\n4,5,6\r\n",
                           "N,D,L\r1,2,3\r4,5,6\r", "N,D,L\n1,2,3\n4,5,6"}) {
    EXPECT_THAT(Parsed(text).lines, ElementsAre(2, 3)) << text;
  }
}

TEST(ObservationFileTest, ReadsSemicolonsAndTabs) {
  EXPECT_THAT(Parsed("N;D;L\n1e9;2e10;2.5\n").observations, SizeIs(1));
  EXPECT_THAT(Parsed("N\tD\tC\tL\n1e9\t2e10\t\t2.5\n").observations, SizeIs(1));
}

TEST(ObservationFileTest, ReadsQuotedCells) {
  const ObservationTable table =
      Parsed("\"N\",D,L,run\n\"1e9\",\"2e10\", 2.5 ,\"a \"\"b\"\",\nc\"\n2e9,2e10,2.4,d\n");
  ASSERT_THAT(table.observations, SizeIs(2));
  EXPECT_EQ(table.observations[0].run, "a \"b\",\nc");
  EXPECT_THAT(table.lines, ElementsAre(2, 4));
}

TEST(ObservationFileTest, FiltersChooseRowsByAnyColumn) {
  ObservationFileOptions options;
  options.filters = {"in_fit==1 and training_flops<1e21", "name!~rerun"};
  const ObservationTable table = Parsed(
      "name,N,D,L,flops,in_fit\na,1e9,2e10,2.5,1e20,1\nb,1e9,2e10,2.5,1e20,0\n"
      "c,1e9,2e10,2.5,1e21,1\nd-rerun,1e9,2e10,2.5,1e20,1\n",
      options);
  EXPECT_THAT(table.lines, ElementsAre(2));
  EXPECT_EQ(table.filtered_row_count, 3);
}

TEST(ObservationFileTest, RowsThatAFilterLeavesOutNeedNotBeSound) {
  ObservationFileOptions options;
  options.filters = {"loss_nats!=nan"};
  const ObservationTable table = Parsed("N,D,loss\n1e9,2e10,2.5\n1e9,2e10,nan\n", options);
  EXPECT_EQ(table.bad_row_count, 0);
  EXPECT_THAT(table.observations, SizeIs(1));
}

TEST(ObservationFileTest, ReportsProgress) {
  std::string text = "N,D,L\n";
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&text, "1e9,2e10,2.5\n");
  double last = 0;
  ObservationFileOptions options;
  options.progress = [&](double fraction) {
    EXPECT_GT(fraction, last);
    EXPECT_LE(fraction, 1);
    last = fraction;
  };
  EXPECT_THAT(Parsed(text, options).observations, SizeIs(20000));
  EXPECT_GT(last, 0.5);
}

// --- Bad rows: line, column, reason

TEST(BadRowTest, AnEmptyCell) {
  EXPECT_EQ(OnlyBadRow("1e9,,2.5"), (BadRow{3, "token_count", "is empty"}));
}
TEST(BadRowTest, NotANumber) {
  EXPECT_EQ(OnlyBadRow("1e9,2e10,NaN"), (BadRow{3, "loss_nats", "must be a number, got \"NaN\""}));
}
TEST(BadRowTest, AnInfinity) {
  EXPECT_EQ(OnlyBadRow("1e9,-inf,2.5"), (BadRow{3, "token_count", "must be finite, got \"-inf\""}));
}
TEST(BadRowTest, ANegativeNumber) {
  EXPECT_EQ(OnlyBadRow("-1e9,2e10,2.5"),
            (BadRow{3, "param_count", "must be positive, got \"-1e9\""}));
}
TEST(BadRowTest, AZero) {
  EXPECT_EQ(OnlyBadRow("1e9,2e10,0"), (BadRow{3, "loss_nats", "must be positive, got \"0\""}));
}
TEST(BadRowTest, ANumberThatUnderflowsToZero) {
  EXPECT_EQ(OnlyBadRow("1e9,2e10,1e-999").column, "loss_nats");
}
TEST(BadRowTest, ANumberBeyondDouble) {
  EXPECT_EQ(OnlyBadRow("1e999,2e10,2.5"),
            (BadRow{3, "param_count", "is out of range, got \"1e999\""}));
}
TEST(BadRowTest, ADecimalComma) {
  EXPECT_THAT(OnlyBadRow("1e9,2e10,\"2,5\"").reason,
              AllOf(HasSubstr("comma"), HasSubstr("\"2,5\"")));
}
TEST(BadRowTest, ThousandsSeparators) {
  EXPECT_THAT(OnlyBadRow("\"1,000,000\",2e10,2.5").reason, HasSubstr("has a comma"));
  EXPECT_THAT(OnlyBadRow("1 000 000,2e10,2.5").reason, HasSubstr("thousands separators"));
  EXPECT_THAT(OnlyBadRow("1_000_000,2e10,2.5").reason, HasSubstr("thousands separators"));
  EXPECT_THAT(OnlyBadRow("1\xC2\xA0"
                         "000,2e10,2.5")
                  .reason,
              HasSubstr("thousands separators"));
}
TEST(BadRowTest, APercentage) {
  EXPECT_THAT(OnlyBadRow("1e9,2e10,25%").reason, HasSubstr("percentage"));
}
TEST(BadRowTest, AWord) {
  EXPECT_EQ(OnlyBadRow("seven,2e10,2.5"),
            (BadRow{3, "param_count", "must be a number such as 7e9, 1.4T or 7B, got \"seven\""}));
}
TEST(BadRowTest, AnUnknownSuffix) { EXPECT_EQ(OnlyBadRow("7Q,2e10,2.5").column, "param_count"); }
TEST(BadRowTest, AHexadecimalNumber) {
  EXPECT_EQ(OnlyBadRow("0x10,2e10,2.5").column, "param_count");
}
TEST(BadRowTest, ALossWithASuffix) { EXPECT_EQ(OnlyBadRow("1e9,2e10,2k").column, "loss_nats"); }
TEST(BadRowTest, ACellTooFew) {
  EXPECT_EQ(OnlyBadRow("1e9,2e10"),
            (BadRow{3, "loss_nats", "is missing: the row has 2 cells, the header has 3"}));
}
TEST(BadRowTest, ACellTooMany) {
  EXPECT_EQ(OnlyBadRow("1e9,2e10,2.5,7"), (BadRow{3, "", "the row has 4 cells, the header has 3"}));
}
TEST(BadRowTest, AQuoteInsideACell) {
  const BadRow row = OnlyBadRow("1e9,2\"e10,2.5");
  EXPECT_EQ(row.line, 3);
  EXPECT_EQ(row.column, "token_count");
  EXPECT_THAT(row.reason, HasSubstr("quote inside a cell"));
}
TEST(BadRowTest, TextBehindAClosingQuote) {
  EXPECT_EQ(OnlyBadRow("1e9,2e10,\"2.5\"x").column, "loss_nats");
}
TEST(BadRowTest, AHugeCellIsCutInTheMessage) {
  const BadRow row = OnlyBadRow(absl::StrCat("1e9,2e10,", std::string(100000, 'x')));
  EXPECT_EQ(row.column, "loss_nats");
  EXPECT_LT(row.reason.size(), 200u);
}
TEST(BadRowTest, AScheduleFractionAboveOne) {
  const ObservationTable table = Parsed("N,D,L,schedule_fraction\n1e9,2e10,2.5,50\n");
  ASSERT_THAT(table.bad_rows, SizeIs(1));
  EXPECT_EQ(table.bad_rows[0], (BadRow{2, "schedule_fraction", "must be from 0 to 1, got \"50\""}));
}
TEST(BadRowTest, AnOptionalCellThatIsNoNumber) {
  const ObservationTable table = Parsed("N,D,L,flops\n1e9,2e10,2.5,nan\n");
  ASSERT_THAT(table.bad_rows, SizeIs(1));
  EXPECT_EQ(table.bad_rows[0].column, "flops");
}
TEST(BadRowTest, ARunThatIsNotUtf8) {
  const ObservationTable table = Parsed("N,D,L,run\n1e9,2e10,2.5,caf\xE9\n");
  ASSERT_THAT(table.bad_rows, SizeIs(1));
  EXPECT_EQ(table.bad_rows[0], (BadRow{2, "run", "is not UTF-8"}));
}
TEST(BadRowTest, ATruncatedLastLine) {
  const ObservationTable table = Parsed("N,D,L\n1e9,2e10,2.5\n1e9,2e");
  ASSERT_THAT(table.bad_rows, SizeIs(1));
  EXPECT_EQ(table.bad_rows[0].line, 3);
}
TEST(BadRowTest, AStrayQuoteDoesNotCostTheRowsItSwallows) {
  const ObservationTable table =
      Parsed("N,D,L,run\n1e9,2e10,2.5,\"a\n1e9,2e10,2.4,b\n1e9,2e10,2.3,\"c\"\n1e9,2e10,2.2,d\n");
  EXPECT_EQ(table.bad_row_count, 1);
  EXPECT_THAT(table.lines, ElementsAre(3, 4, 5));
}
TEST(BadRowTest, ManyAreDescribedUpToTwentyAndCounted) {
  std::string text = "N,D,L\n1e9,2e10,2.5\n";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&text, "1e9,2e10,x\n");
  const ObservationTable table = Parsed(text);
  EXPECT_EQ(table.bad_row_count, 50);
  EXPECT_THAT(table.bad_rows, SizeIs(20));
  EXPECT_THAT(DescribeBadRows(table),
              AllOf(HasSubstr("line 3, column L: must be a number"), HasSubstr("line 22, column L"),
                    HasSubstr("\nand 30 more bad rows")));
}

// --- Files that are no table of observations

TEST(ObservationFileTest, RefusesAnEmptyFile) {
  EXPECT_THAT(Refused(""), StatusIs(kInvalid, "the file is empty"));
  EXPECT_THAT(Refused(" \n\n"), StatusIs(kInvalid, "the file is empty"));
  EXPECT_THAT(Refused("# nothing\n"), StatusIs(kInvalid, "nothing but comments"));
}
TEST(ObservationFileTest, RefusesAHeaderWithoutRows) {
  EXPECT_THAT(Refused("N,D,L\n"), StatusIs(kInvalid, "no row behind the column names"));
  EXPECT_THAT(Refused("N,D,L"), StatusIs(kInvalid, "no row behind the column names"));
}
TEST(ObservationFileTest, RefusesUtf16) {
  EXPECT_THAT(Refused(absl::string_view("\xFF\xFEN\0,\0D\0", 8)), StatusIs(kInvalid, "UTF-16"));
  EXPECT_THAT(Refused(absl::string_view("N\0,\0D\0,\0L\0\n\0", 12)), StatusIs(kInvalid, "UTF-16"));
}
TEST(ObservationFileTest, RefusesAnEmbeddedNulWithItsLine) {
  EXPECT_THAT(Refused(absl::string_view("N,D,L\n1,2,3\n1,2\0,3\n", 20)),
              StatusIs(kInvalid, "line 3: a NUL byte"));
}
TEST(ObservationFileTest, RefusesArchivesAndOtherFormats) {
  EXPECT_THAT(Refused("PK\x03\x04 and so on"), StatusIs(kInvalid, "spreadsheet"));
  EXPECT_THAT(Refused("\x1F\x8B and so on"), StatusIs(kInvalid, "gzip"));
  EXPECT_THAT(Refused("PAR1 and so on"), StatusIs(kInvalid, "Parquet"));
  EXPECT_THAT(Refused("[{\"N\": 1}]"), StatusIs(kInvalid, "JSON"));
}
TEST(ObservationFileTest, RefusesColumnNamesThatAreNotUtf8) {
  EXPECT_THAT(Refused("N,D,L,caf\xE9\n1,2,3,4\n"), StatusIs(kInvalid, "line 1"));
}
TEST(ObservationFileTest, RefusesAQuoteThatIsNeverClosed) {
  EXPECT_THAT(Refused("N,D,L\n1e9,2e10,2.5\n1e9,\"2e10,2.4\n1e9,2e10,2.3\n"),
              StatusIs(kInvalid, "line 3, column 2: a quote that begins here is never closed"));
}
TEST(ObservationFileTest, RefusesARowBeyondAMebibyte) {
  EXPECT_THAT(Refused(absl::StrCat("N,D,L\n1,2,", std::string(2 << 20, '1'), "\n")),
              StatusIs(kInvalid, "line 2: the row that begins here is longer than"));
}
TEST(ObservationFileTest, NamesMissingColumnsAndThoseThere) {
  EXPECT_THAT(Refused("model,D,ppl\na,1,2\n"),
              StatusIs(kInvalid, "no column param_count (or params, n, "));
  EXPECT_THAT(Refused("model,D,ppl\na,1,2\n"), StatusIs(kInvalid, "there are model, D, ppl"));
  EXPECT_THAT(Refused("model,D,ppl\na,1,2\n"), StatusIs(kInvalid, "nor loss_nats"));
}
TEST(ObservationFileTest, RefusesAFileWithoutColumnNames) {
  EXPECT_THAT(Refused("1e9,2e10,2.5\n1e9,2e10,2.4\n"), StatusIs(kInvalid, "must name the columns"));
}
TEST(ObservationFileTest, RefusesTheSameColumnTwice) {
  EXPECT_THAT(Refused("N,D,L,N\n1,2,3,4\n"), StatusIs(kInvalid, "columns 1 and 4 are both called"));
}
TEST(ObservationFileTest, TwoColumnsThatNobodyReadsMayShareAName) {
  EXPECT_THAT(ParseObservations("N,D,L,note,note\n1,2,3,4,5\n", {}), IsOk());
}
TEST(ObservationFileTest, RefusesTwoAliasesOfOneField) {
  EXPECT_THAT(Refused("N,params,D,L\n1,2,3,4\n"),
              StatusIs(kInvalid, "say which with --map param_count=COLUMN"));
}
TEST(ObservationFileTest, RefusesAMapToNoColumn) {
  ObservationFileOptions options;
  options.columns = {{"loss_nats", "c4"}, {"size", "N"}};
  EXPECT_THAT(Refused("N,D,L\n1,2,3\n", options), StatusIs(kInvalid, "there is no column \"c4\""));
  EXPECT_THAT(Refused("N,D,L\n1,2,3\n", options), StatusIs(kInvalid, "\"size\" is not one of"));
}
TEST(ObservationFileTest, RefusesOneColumnForTwoFields) {
  ObservationFileOptions options;
  options.columns = {{"loss_nats", "x"}, {"weight", "x"}};
  EXPECT_THAT(Refused("N,D,x\n1,2,3\n", options),
              StatusIs(kInvalid, "to both loss_nats and weight"));
}
TEST(ObservationFileTest, RefusesAFilterOfAnUnknownColumn) {
  ObservationFileOptions options;
  options.filters = {"nope==1"};
  EXPECT_THAT(Refused("N,D,L\n1,2,3\n", options),
              StatusIs(kInvalid, "--where: there is no column \"nope\"; there are N, D, L"));
}
TEST(ObservationFileTest, RefusesAFilterThatLeavesNothing) {
  ObservationFileOptions options;
  options.filters = {"N>5"};
  EXPECT_THAT(Refused("N,D,L\n1,2,3\n", options), StatusIs(kInvalid, "leaves none of the 1 rows"));
}

// --- Files that cannot be read

TEST(ReadObservationTextTest, NamesWhatCannotBeOpened) {
  EXPECT_THAT(ReadObservationText("/no/such/file.csv"),
              StatusIs(absl::StatusCode::kNotFound, "no such file: /no/such/file.csv"));
  EXPECT_THAT(ReadObservationText("/"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "is a directory"));
}
TEST(ReadObservationTextTest, SaysThatAFileMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string path = absl::StrCat(::testing::TempDir(), "/unreadable.csv");
  std::ofstream(path) << "N,D,L\n";
  chmod(path.c_str(), 0);
  EXPECT_THAT(ReadObservationText(path),
              StatusIs(absl::StatusCode::kFailedPrecondition, "cannot open"));
}
TEST(ReadObservationTextTest, ReadsTheWholeFile) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/whole.csv");
  const std::string text(3 << 20, 'x');
  std::ofstream(path) << text;
  const absl::StatusOr<std::string> read = ReadObservationText(path);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(*read, text);
}

// --- Nothing crashes

// xorshift64: the same bytes on every machine.
uint64_t Next(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// Every row is accounted for: whatever the bytes, a reader may not lose or invent one silently.
void ExpectSane(absl::string_view text) {
  const absl::StatusOr<ObservationTable> table = ParseObservations(text, {});
  if (!table.ok()) {
    EXPECT_EQ(table.status().code(), kInvalid);
    EXPECT_FALSE(table.status().message().empty());
    return;
  }
  EXPECT_EQ(table->observations.size(), table->lines.size());
  int64_t last = 0;
  for (const int64_t line : table->lines) {
    EXPECT_GT(line, last);
    last = line;
  }
  for (const Observation& row : table->observations) {
    EXPECT_TRUE(row.param_count > 0 && row.token_count > 0 && row.loss_nats > 0);
  }
}

TEST(ObservationFuzzTest, RandomBytesNeverCrash) {
  uint64_t state = 20261122;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    const size_t size = Next(state) % 400;
    for (size_t j = 0; j < size; ++j) text += static_cast<char>(Next(state));
    ExpectSane(text);
  }
}

TEST(ObservationFuzzTest, DamagedTablesNeverCrash) {
  uint64_t state = 7;
  const std::string sound =
      "# c\nN,D,L,run\n1e9,2e10,2.5,\"a\"\"b\"\r\n7B,1.4T,2.4,c\n\n3e9,2e10,2.3,\"x\ny\"\n";
  constexpr char kBytes[] = {'"', ',', ';', '\t', '\r', '\n', '#',    '0',    '-', '.',
                             'e', 'E', ' ', 'x',  '\0', 'N',  '\xEF', '\xFF', 'n', '7'};
  for (int i = 0; i < 20000; ++i) {
    std::string text = sound;
    for (uint64_t n = Next(state) % 6; n > 0; --n) {
      const size_t place = Next(state) % text.size();
      const char byte = kBytes[Next(state) % sizeof(kBytes)];
      switch (Next(state) % 3) {
        case 0:
          text[place] = byte;
          break;
        case 1:
          text.insert(place, 1, byte);
          break;
        default:
          text.erase(place, Next(state) % 5);
      }
      if (text.empty()) text = "N";
    }
    ExpectSane(text);
  }
}

}  // namespace
}  // namespace rhumb
