// SPDX-License-Identifier: Apache-2.0
#include "client/run_table/run_table.h"

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/run_table/run_row.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kHeader[] = "row_id,layers,hidden,heads,vocab,seq,gpu,n_gpus,mbs,iter_s,note\n";

RunTable Parse(const std::string& text, const RunTableOptions& options = {}) {
  absl::StatusOr<RunTable> table = ParseRunTable(text, options);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *std::move(table) : RunTable{};
}

TEST(RunTableTest, RowsKnowTheirLinesBehindComments) {
  const RunTable table =
      Parse(absl::StrCat("# source\n", kHeader, "a,12,768,12,50257,1024,H100-SXM,1,1,0.1,\n"));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0].line, 3);
  EXPECT_EQ(table.rows[0].row_id, "a");
  EXPECT_TRUE(table.rows[0].run.has_value());
}

TEST(RunTableTest, RowsThatCannotBeExpressedKeepLineColumnAndReason) {
  const RunTable table =
      Parse(absl::StrCat(kHeader, "a,twelve,768,12,50257,1024,H100-SXM,1,1,1,\n"));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_FALSE(table.rows[0].run.has_value());
  EXPECT_THAT(DescribeDefect(table.rows[0]),
              HasSubstr("line 2, column layers: must be a number such as"));
}

TEST(RunTableTest, RowsBehindABadOneAreRead) {
  const RunTable table = Parse(absl::StrCat(kHeader, "a,0,768,12,50257,1024,H100-SXM,1,1,1,\n",
                                            "b,12,768,12,50257,1024,H100-SXM,1,1,1,\n"));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_TRUE(table.rows[1].run.has_value());
}

TEST(RunTableTest, ShortRowsNameTheFirstMissingColumn) {
  const RunTable table = Parse(absl::StrCat(kHeader, "a,12,768,12,50257\n"));
  EXPECT_EQ(table.rows[0].defect.column, "seq");
  EXPECT_THAT(table.rows[0].defect.reason, HasSubstr("the row has 5 cells, the header has 11"));
}

TEST(RunTableTest, RowsWithoutNameAreCalledByTheirLine) {
  const RunTable table = Parse(absl::StrCat(kHeader, ",12,768,12,50257,1024,H100-SXM,1,1,0.1,\n"));
  EXPECT_EQ(table.rows[0].row_id, "line 2");
}

TEST(RunTableTest, RunsWithoutNameAreCalledByTheirLineToo) {
  const RunTable table = Parse(absl::StrCat(kHeader, ",12,768,12,50257,1024,H100-SXM,1,1,0.1,\n"));
  EXPECT_EQ(table.rows[0].run->row_id, "line 2");
}

TEST(RunTableTest, LengthsAndVocabulariesBeyondTheApisAreRefused) {
  const RunTable table =
      Parse(absl::StrCat(kHeader, "a,12,768,12,50257,1000000000,H100-SXM,1,1,0.1,\n",
                         "b,12,768,12,16777217,1024,H100-SXM,1,1,0.1,\n"));
  EXPECT_EQ(table.rows[0].defect.column, "seq");
  EXPECT_THAT(table.rows[0].defect.reason, HasSubstr("from 1 to 16777216"));
  EXPECT_EQ(table.rows[1].defect.column, "vocab");
}

TEST(RunTableTest, ZerosThatCountAsNotPrintedAreNoted) {
  const std::string header =
      "row_id,layers,hidden,heads,vocab,seq,gpu,n_gpus,mbs,iter_s,inter_gbps_per_gpu\n";
  const RunTable table = Parse(absl::StrCat(header, "a,12,768,12,50257,1024,H100-SXM,1,1,0,0\n"));
  ASSERT_TRUE(table.rows[0].run.has_value());
  EXPECT_THAT(table.rows[0].run->note, HasSubstr("iter_s is 0: counted as not printed"));
  EXPECT_THAT(table.rows[0].run->note, HasSubstr("inter_gbps_per_gpu is 0: the network typical"));
}

TEST(RunTableTest, QuotedNotesHoldCommas) {
  const RunTable table =
      Parse(absl::StrCat(kHeader, "a,12,768,12,50257,1024,H100-SXM,1,1,,\"OOM, twice\"\n"));
  ASSERT_TRUE(table.rows[0].run.has_value()) << DescribeDefect(table.rows[0]);
  EXPECT_TRUE(table.rows[0].run->out_of_memory);
}

TEST(RunTableTest, SemicolonsSeparateCellsWhereTheHeaderHasThem) {
  const RunTable table =
      Parse("layers;hidden;heads;vocab;seq;gpu;n_gpus;mbs\n12;768;12;50257;1024;H100-SXM;1;1\n");
  EXPECT_TRUE(table.rows[0].run.has_value()) << DescribeDefect(table.rows[0]);
}

TEST(RunTableTest, MissingColumnsAreNamedAllAtOnce) {
  EXPECT_THAT(ParseRunTable("layers,hidden,vocab,seq\n1,2,3,4\n", {}),
              StatusIs(kInvalid, "no column called heads, gpu"));
}

TEST(RunTableTest, ColumnThatIsThereTwiceIsRefused) {
  EXPECT_THAT(ParseRunTable("layers,hidden,heads,vocab,seq,gpu,gpu\n", {}),
              StatusIs(kInvalid, "columns 6 and 7 are both called"));
}

TEST(RunTableTest, TableWithoutRowsIsRefused) {
  EXPECT_THAT(ParseRunTable(kHeader, {}), StatusIs(kInvalid, "there is no row"));
}

TEST(RunTableTest, UnknownColumnsAreListedAsIgnored) {
  const RunTable table = Parse(
      "layers,hidden,heads,vocab,seq,gpu,n_gpus,mbs,weather\n12,768,12,50257,1024,H100-SXM,1,1,"
      "dry\n");
  EXPECT_THAT(table.ignored_columns, ElementsAre("weather"));
}

TEST(RunTableTest, GroupsAreTheCellsOfTheirColumn) {
  const RunTable table = Parse(
      "layers,hidden,heads,vocab,seq,gpu,n_gpus,mbs,lab\n12,768,12,50257,1024,H100-SXM,1,1,ours\n",
      {.group_column = "lab"});
  EXPECT_EQ(table.rows[0].group, "ours");
}

TEST(RunTableTest, RowMayNameAGpuTypeThatTheCatalogueLacks) {
  Gpu own = FindGpu("H100-SXM").value();
  own.id = "OURS-96GB";
  own.aliases = {"ours"};
  const std::string text = absl::StrCat(kHeader, "a,12,768,12,50257,1024,ours,1,1,,\n");
  EXPECT_EQ(Parse(text).rows[0].defect.column, "gpu");
  const RunTable table = Parse(text, {.gpu_types = {own}});
  ASSERT_TRUE(table.rows[0].run.has_value()) << DescribeDefect(table.rows[0]);
  EXPECT_EQ(table.rows[0].run->gpu.id, "OURS-96GB");
}

TEST(RunTableTest, ColumnOfGroupsThatIsNotThereIsRefused) {
  EXPECT_THAT(ParseRunTable(absl::StrCat(kHeader, "a,1,1,1,1,1,H100-SXM,1,1,1,\n"),
                            {.group_column = "lab"}),
              StatusIs(kInvalid, "no column called \"lab\""));
}

MATCHER_P(IsDocumented, columns, "is in docs/accuracy.md") { return columns.count(arg) > 0; }

// The columns in the table of docs/accuracy.md: the words in backquotes of each row's first cell.
std::set<std::string> DocumentedColumns() {
  std::ifstream file(RHUMB_SOURCE_DIR "/docs/accuracy.md");
  std::set<std::string> columns;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    const std::string cell = line.substr(1, line.find('|', 1) - 1);
    const std::vector<std::string> parts = absl::StrSplit(cell, '`');
    for (size_t i = 1; i < parts.size(); i += 2) {
      for (const absl::string_view name : absl::StrSplit(parts[i], ' ')) columns.emplace(name);
    }
  }
  return columns;
}

TEST(RunTableTest, EveryRequiredColumnIsDocumented) {
  EXPECT_THAT(RequiredRunColumns(), Each(IsDocumented(DocumentedColumns())));
}

TEST(RunTableTest, EveryOptionalColumnIsDocumented) {
  EXPECT_THAT(OptionalRunColumns(), Each(IsDocumented(DocumentedColumns())));
}

}  // namespace
}  // namespace rhumb
