// SPDX-License-Identifier: Apache-2.0
#include "client/cli/parse_command_line.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<CommandLine> Parse(absl::string_view line) {
  return ParseCommandLine(std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())));
}

TEST(ParseCommandLineTest, ValuesGoToTheirFlags) {
  const absl::StatusOr<CommandLine> line =
      Parse("plan --compute 1e21 -o json --gpus=8xA --gpus 4xB");
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(CommandName(*line->command), "plan");
  EXPECT_EQ(line->invocation.Value("compute"), "1e21");
  EXPECT_EQ(line->invocation.Value("output"), "json");
  EXPECT_THAT(line->invocation.flags.at("gpus"), ElementsAre("8xA", "4xB"));
}

TEST(ParseCommandLineTest, TheFieldsOwnNameIsAcceptedToo) {
  const absl::StatusOr<CommandLine> line = Parse("plan --compute-flops 1e21");
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->invocation.Value("compute"), "1e21");
}

TEST(ParseCommandLineTest, GlobalFlagsMayComeBeforeTheCommand) {
  const absl::StatusOr<CommandLine> line = Parse("--timeout 5s --json law list");
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(CommandName(*line->command), "law list");
  EXPECT_EQ(line->invocation.Value("timeout"), "5s");
}

TEST(ParseCommandLineTest, AnArgumentMayBeNamedLikeACommand) {
  const absl::StatusOr<CommandLine> line = Parse("law show plan");
  ASSERT_THAT(line, IsOk());
  EXPECT_THAT(line->invocation.arguments, ElementsAre("plan"));
}

TEST(ParseCommandLineTest, BehindTwoDashesEverythingIsAnArgument) {
  const absl::StatusOr<CommandLine> line = Parse("law show -- --json");
  ASSERT_THAT(line, IsOk());
  EXPECT_THAT(line->invocation.arguments, ElementsAre("--json"));
}

TEST(ParseCommandLineTest, ANegativeNumberIsAValue) {
  const absl::StatusOr<CommandLine> line = Parse("plan --compute -5");
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->invocation.Value("compute"), "-5");
}

TEST(ParseCommandLineTest, AFlagGivenTwiceIsRefused) {
  EXPECT_THAT(Parse("plan --compute 1 --compute 2"),
              StatusIs(kInvalid, "--compute (compute_flops) is given 2 times"));
}

TEST(ParseCommandLineTest, AFlagAndItsOtherNameAreTheSameFlag) {
  EXPECT_THAT(Parse("plan --compute 1 --compute-flops 2"), StatusIs(kInvalid, "is given 2 times"));
}

TEST(ParseCommandLineTest, AnUnknownFlagIsRefusedWithTheNearest) {
  EXPECT_THAT(Parse("plan --computer 1"), StatusIs(kInvalid, "nearest is --compute"));
}

TEST(ParseCommandLineTest, AFlagOfAnotherCommandIsRefused) {
  EXPECT_THAT(Parse("law list --compute 1"),
              StatusIs(kInvalid, "unknown flag --compute of rhumb law list"));
}

TEST(ParseCommandLineTest, AMissingValueAtTheEndIsRefused) {
  EXPECT_THAT(Parse("plan --compute"),
              StatusIs(kInvalid, "--compute (compute_flops) needs a value (FLOP)"));
}

TEST(ParseCommandLineTest, AFlagIsNoValueOfAnother) {
  EXPECT_THAT(Parse("plan --compute --deadline 3d"),
              StatusIs(kInvalid, "--compute (compute_flops) needs a value"));
}

TEST(ParseCommandLineTest, AnEmptyAssignmentIsRefused) {
  EXPECT_THAT(Parse("plan --compute= --deadline 3d"),
              StatusIs(kInvalid, "--compute (compute_flops): empty value"));
}

TEST(ParseCommandLineTest, AnEmptyWordIsRefusedAsAValue) {
  EXPECT_THAT(ParseCommandLine({"plan", "--law", ""}),
              StatusIs(kInvalid, "--law (law): empty value"));
}

TEST(ParseCommandLineTest, ASwitchTakesNoValue) {
  EXPECT_THAT(Parse("plan --compute 1 --json=false"), StatusIs(kInvalid, "--json takes no value"));
}

TEST(ParseCommandLineTest, AnUnknownCommandIsRefusedWithTheNearest) {
  EXPECT_THAT(Parse("plann"), StatusIs(kInvalid, "nearest is \"plan\""));
}

TEST(ParseCommandLineTest, AnUnknownSecondWordIsRefusedWithWhatThereIs) {
  EXPECT_THAT(Parse("cluster aply x"), StatusIs(kInvalid, "apply, list, show, delete"));
}

TEST(ParseCommandLineTest, TooManyArgumentsAreRefused) {
  EXPECT_THAT(Parse("law show a b"), StatusIs(kInvalid, "unexpected argument \"b\""));
}

TEST(ParseCommandLineTest, AMissingArgumentIsRefused) {
  EXPECT_THAT(Parse("law show"), StatusIs(kInvalid, "needs LAW"));
}

TEST(ParseCommandLineTest, HelpWinsOverMistakes) {
  const absl::StatusOr<CommandLine> line = Parse("plan --nonsense --help");
  ASSERT_THAT(line, IsOk());
  EXPECT_TRUE(line->help);
}

TEST(ParseCommandLineTest, HelpMayFollowGlobalFlags) {
  const absl::StatusOr<CommandLine> line = Parse("--addr=unix:///x help plan");
  ASSERT_THAT(line, IsOk());
  EXPECT_TRUE(line->help);
  ASSERT_NE(line->command, nullptr);
  EXPECT_EQ(CommandName(*line->command), "plan");
}

TEST(ParseCommandLineTest, AFlagOfTheCommandMayComeBeforeItsName) {
  EXPECT_THAT(Parse("--compute 1e21 plan"), StatusIs(kInvalid, "before"));
}

TEST(ParseCommandLineTest, HelpOfAGroupKnowsTheGroup) {
  const absl::StatusOr<CommandLine> line = Parse("help law");
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->command, nullptr);
  EXPECT_EQ(line->help_group, "law");
}

// Every flag must have one meaning, an explanation and, if it takes a value, a way to show it.
TEST(CommandTableTest, EveryCommandIsWhole) {
  for (const Command& command : Commands()) {
    SCOPED_TRACE(CommandName(command));
    EXPECT_FALSE(command.summary.empty());
    EXPECT_FALSE(command.examples.empty());
    EXPECT_NE(command.run, nullptr);
    std::vector<Flag> flags = command.flags;
    flags.insert(flags.end(), GlobalFlags().begin(), GlobalFlags().end());
    std::multiset<std::string> names;
    for (const Flag& flag : flags) {
      names.insert(flag.name);
      names.insert(flag.aliases.begin(), flag.aliases.end());
      EXPECT_FALSE(flag.help.empty()) << flag.name;
      EXPECT_FALSE(flag.group.empty()) << flag.name;
      EXPECT_EQ(flag.placeholder.empty(), flag.kind == FlagKind::kSwitch) << flag.name;
    }
    for (const std::string& name : names) EXPECT_EQ(names.count(name), 1u) << name;
  }
}

TEST(CommandTableTest, EveryExampleParses) {
  for (const Command& command : Commands()) {
    for (const Example& example : command.examples) {
      const absl::StatusOr<CommandLine> line = Parse(example.line);
      EXPECT_THAT(line, IsOk()) << example.line;
      if (line.ok()) {
        EXPECT_EQ(CommandName(*line->command), CommandName(command));
      }
    }
  }
}

}  // namespace
}  // namespace rhumb::cli
