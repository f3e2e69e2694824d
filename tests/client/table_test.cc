// SPDX-License-Identifier: Apache-2.0
#include "client/cli/table.h"

#include "client/cli/terminal.h"
#include "gtest/gtest.h"

namespace rhumb::cli {
namespace {

Table Sample() {
  return {.columns = {{.title = "NAME"},
                      {.title = "N", .number = true},
                      {.title = "SOURCE", .wide_only = true}},
          .rows = {{"besiroglu2024", "7", "a|b"}, {"x", "12", ""}}};
}

TEST(TableTest, ColumnsAreAlignedAndNumbersStandRight) {
  EXPECT_EQ(RenderTable(Sample(), {}, {}),
            "NAME            N\n"
            "besiroglu2024   7\n"
            "x              12\n");
}

TEST(TableTest, WideShowsEveryColumnAndADashForNothing) {
  EXPECT_EQ(RenderTable(Sample(), {.wide = true}, {}),
            "NAME            N  SOURCE\n"
            "besiroglu2024   7  a|b\n"
            "x              12  -\n");
}

TEST(TableTest, ParsableSeparatesByBarsOnly) {
  EXPECT_EQ(RenderTable(Sample(), {.parsable = true}, {}),
            "NAME|N|SOURCE\nbesiroglu2024|7|a/b\nx|12|\n");
}

TEST(TableTest, NoHeaderLeavesTheRows) {
  EXPECT_EQ(RenderTable(Sample(), {.header = false, .parsable = true}, {}),
            "besiroglu2024|7|a/b\nx|12|\n");
}

TEST(TableTest, WidthCountsCharactersNotBytes) {
  const Table table = {.columns = {{.title = "A"}, {.title = "B"}},
                       .rows = {{"ümläut", "1"}, {"abcdefg", "2"}}};
  EXPECT_EQ(RenderTable(table, {.header = false}, {}), "ümläut   1\nabcdefg  2\n");
}

TEST(TerminalTest, WithoutColourStylesAreInvisible) {
  EXPECT_EQ(Styled({}, Style::kBad, "no"), "no");
}

TEST(TerminalTest, WithColourStylesEndWithAReset) {
  EXPECT_EQ(Styled({.color = true}, Style::kBad, "no"), "\033[1;31mno\033[0m");
}

TEST(TerminalTest, LongTextBreaksAtBlanksUnderItsIndent) {
  EXPECT_EQ(Wrapped("one two three", 9, 2), "one two\n  three");
}

}  // namespace
}  // namespace rhumb::cli
