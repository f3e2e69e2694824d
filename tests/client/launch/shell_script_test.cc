// SPDX-License-Identifier: Apache-2.0
#include "client/launch/shell_script.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::launch {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ShellReading Read(absl::string_view script) {
  const absl::StatusOr<ShellReading> reading = ReadShellScript(script, {{"SLURM_NNODES", "4"}});
  EXPECT_THAT(reading, IsOk()) << script;
  return reading.ok() ? *reading : ShellReading();
}

// Words of the last command, joined by "|".
std::string LastCommand(absl::string_view script) {
  const ShellReading reading = Read(script);
  if (reading.commands.empty()) return "";
  std::vector<std::string> words;
  for (const ShellWord& word : reading.commands.back().words) words.push_back(ShownText(word.text));
  return absl::StrJoin(words, "|");
}

TEST(ShellScriptTest, ContinuedLinesAreOneCommand) {
  EXPECT_EQ(LastCommand("run --a \\\n  --b 1\n"), "run|--a|--b|1");
}

TEST(ShellScriptTest, QuotesGroupAndGoAway) {
  EXPECT_EQ(LastCommand("run 'a b' \"c d\" e\\ f ''"), "run|a b|c d|e f|");
}

TEST(ShellScriptTest, LiteralVariablesExpand) {
  EXPECT_EQ(LastCommand("TP=8\nexport PP=2\nrun $TP ${PP} x${TP}y"), "run|8|2|x8y");
}

TEST(ShellScriptTest, UnquotedVariablesFallApart) {
  EXPECT_EQ(LastCommand("A=\"--x 1 \\\n --y 2\"\nrun $A \"$A\""), "run|--x|1|--y|2|--x 1  --y 2");
}

TEST(ShellScriptTest, SingleQuotesKeepTheDollar) {
  EXPECT_EQ(LastCommand("A=1\nrun '$A'"), "run|$A");
}

TEST(ShellScriptTest, ArraysExpandToTheirElements) {
  EXPECT_EQ(LastCommand("A=(\n  --x 1 # one\n  --y 'b c'\n)\nA+=(--z)\nrun \"${A[@]}\""),
            "run|--x|1|--y|b c|--z");
}

TEST(ShellScriptTest, AnEmptyArrayIsNoWord) {
  EXPECT_EQ(LastCommand("A=()\nrun \"${A[@]}\""), "run");
}

TEST(ShellScriptTest, WordsKnowTheLineTheyWereWrittenOn) {
  const ShellReading reading = Read("A=(\n  --x 1\n  --y 2\n)\nrun \"${A[@]}\"\n");
  ASSERT_EQ(reading.commands.size(), 1u);
  EXPECT_EQ(reading.commands[0].words[3].text, "--y");
  EXPECT_EQ(reading.commands[0].words[3].line, 3);
}

TEST(ShellScriptTest, ArithmeticOverKnownValuesIsDone) {
  EXPECT_EQ(LastCommand("G=8\nrun $((G * SLURM_NNODES)) $(( $G + 1 ))"), "run|32|9");
}

TEST(ShellScriptTest, CommandSubstitutionIsUnknownAndRemarked) {
  EXPECT_EQ(LastCommand("A=$(nproc)\nrun --n $A `x`"), "run|--n|?|?");
  EXPECT_THAT(Read("A=$(nproc)").not_read,
              ElementsAre(Field(&ShellRemark::reason, "command substitution")));
}

TEST(ShellScriptTest, VariablesOfTheEnvironmentAreUnknown) {
  EXPECT_EQ(LastCommand("run $HOME/x $1"), "run|?/x|?");
}

TEST(ShellScriptTest, DefaultsAreTakenAndRemarked) {
  EXPECT_EQ(LastCommand("run ${TP:-8}"), "run|8");
  EXPECT_THAT(Read("run ${TP:-8}").not_read,
              Contains(Field(&ShellRemark::reason, HasSubstr("default is taken"))));
}

TEST(ShellScriptTest, RequiredVariablesAreUnknownWhateverTheirMessageSays) {
  EXPECT_EQ(LastCommand(": \"${A:?it isn't set}\"\nrun \"$A\""), "run|?");
}

TEST(ShellScriptTest, WhatABranchAssignsIsUnknown) {
  EXPECT_EQ(LastCommand("TP=8\nif [ -n \"$X\" ]; then\n  TP=4\nfi\nrun $TP"), "run|?");
}

TEST(ShellScriptTest, WhatAListAssignsIsUnknown) {
  EXPECT_EQ(LastCommand("TP=8\n[ -n \"$X\" ] && TP=4\nrun $TP"), "run|?");
}

TEST(ShellScriptTest, LoopVariablesAreUnknown) {
  EXPECT_EQ(LastCommand("for i in 1 2; do\n  echo $i\ndone\nrun $i"), "run|?");
}

TEST(ShellScriptTest, CommandsKnowWhatTheyStandIn) {
  const ShellReading reading = Read("while true; do run; done\nlast");
  EXPECT_EQ(reading.commands[1].inside, "while");
  EXPECT_EQ(reading.commands.back().inside, "");
}

TEST(ShellScriptTest, FunctionsDoNotRunWhereTheyStand) {
  const ShellReading reading = Read("f() {\n  run\n}\nlast");
  EXPECT_EQ(reading.commands[0].inside, "function");
  EXPECT_EQ(reading.commands[1].inside, "");
}

TEST(ShellScriptTest, RedirectionsAndHereDocumentsAreNoWords) {
  EXPECT_EQ(LastCommand("cat > x <<EOF\nrun inside\nEOF\nrun a 2>&1 >out | tee log\nrun b &>all"),
            "run|b");
}

TEST(ShellScriptTest, ATextForAnotherShellIsReadBehindItsLauncher) {
  EXPECT_EQ(LastCommand("TP=8\nsrun -N 4 bash -c \"run --tp $TP\""), "srun|-N|4|run|--tp|8");
}

TEST(ShellScriptTest, DosLineEndsArePassedOver) {
  EXPECT_EQ(LastCommand("A=1\r\nrun $A \\\r\n x\r\n"), "run|1|x");
}

TEST(ShellScriptTest, OpenQuotesAndBracketsNameTheirLine) {
  for (const char* script :
       {"a\nrun 'x", "a\nrun \"x", "a\nrun `x", "a\nrun ${x", "a\nrun $(x", "a\nA=(x"}) {
    EXPECT_THAT(ReadShellScript(script, {}),
                StatusIs(absl::StatusCode::kInvalidArgument, "line 2: "))
        << script;
  }
}

TEST(ShellScriptTest, NulBytesAreRefused) {
  EXPECT_THAT(ReadShellScript(absl::string_view("a\0b", 3), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "NUL"));
}

TEST(ShellScriptTest, VariablesThatDoubleEndSomewhere) {
  std::string script = "A=xxxxxxxxxxxxxxxx\n";
  for (int i = 0; i < 60; ++i) absl::StrAppend(&script, "A=$A$A\n");
  EXPECT_THAT(ReadShellScript(script, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "expand to more"));
}

TEST(ShellScriptTest, DeepNestingEnds) {
  std::string script = "run ";
  for (int i = 0; i < 5000; ++i) script += "${A:-";
  for (int i = 0; i < 5000; ++i) script += "}";
  EXPECT_THAT(ReadShellScript(script, {}), IsOk());
}

// Any bytes are read or refused, never more: pieces of shell in random order, and cut anywhere.
TEST(ShellScriptTest, BrokenScriptsAreReadOrRefused) {
  const std::vector<std::string> pieces = {
      "if ",      "then ", "fi\n",  "for i in ", "do ",      "done\n", "case x in ", "esac\n",
      "{ ",       "}\n",   "( ",    ")\n",       "((",       "))",     "$(",         "$((",
      "${",       "}",     "${A[",  "@]}",       "'",        "\"",     "`",          "\\",
      "\\\n",     "\n",    "#",     "A=",        "A=(",      "A+=(",   "$A",         "${A}",
      "<<E\n",    "E\n",   "<(",    ">",         "2>&1",     "&",      "&&",         "||",
      "|",        ";",     ";;",    "run ",      "--x=1 ",   "\x01",   "\xff",       "f() {",
      "bash -c ", "!",     "time ", "$'",        "[[",       "=",      "+",          "export ",
      "unset A",  "${A:-", "${A:?", "${#A}",     "$((1/0))", "\r\n",   "\t"};
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string script;
    const int count = 1 + static_cast<int>(random() % 30);
    for (int i = 0; i < count; ++i) script += pieces[random() % pieces.size()];
    script.resize(random() % (script.size() + 1));
    const absl::StatusOr<ShellReading> reading = ReadShellScript(script, {});
    if (!reading.ok()) {
      EXPECT_THAT(reading, StatusIs(absl::StatusCode::kInvalidArgument, "line "));
    }
  }
}

}  // namespace
}  // namespace rhumb::launch
