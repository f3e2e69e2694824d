// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_scripts.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::cli {
namespace {

using ::testing::HasSubstr;

// What bash offers for the last of `words` (a bash array's content), sorted, one a line.
std::string Offered(const std::string& words) {
  const std::string script = absl::StrCat(BashCompletion(), "COMP_WORDS=(", words,
                                          ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_rhumb\n"
                                          "printf '%s\\n' \"${COMPREPLY[@]}\" | sort\n");
  char name[] = "/tmp/rhumb-completion-XXXXXX";
  const int fd = mkstemp(name);
  FILE* file = fdopen(fd, "w");
  std::fputs(script.c_str(), file);
  std::fclose(file);
  FILE* pipe = popen(absl::StrCat("bash --norc ", name, " 2>&1").c_str(), "r");
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  pclose(pipe);
  std::remove(name);
  return output;
}

TEST(BashCompletionTest, FirstWordsAreCommands) { EXPECT_EQ(Offered("rhumb pl"), "plan\nplans\n"); }

TEST(BashCompletionTest, SecondWordsBelongToTheFirst) {
  EXPECT_EQ(Offered("rhumb cluster ''"),
            "apply\ndelete\nlist\nnodes\nrelease\nreservations\nreserve\nshow\nsync\n");
}

TEST(BashCompletionTest, FlagsBelongToTheCommand) {
  EXPECT_EQ(Offered("rhumb plan --dead"), "--deadline\n");
}

TEST(BashCompletionTest, FlagsOfOtherCommandsAreNotOffered) {
  EXPECT_EQ(Offered("rhumb law list --dead"), "\n");
}

TEST(BashCompletionTest, ValuesOfAChoiceAreOffered) {
  EXPECT_EQ(Offered("rhumb plan --objective l"), "lifetime-cost\nloss\n");
}

TEST(BashCompletionTest, ANumberIsNotGuessed) {
  EXPECT_EQ(Offered("rhumb plan --compute ''"), "\n");
}

TEST(CompletionTest, EveryFlagIsInEveryScript) {
  const std::string bash = BashCompletion(), zsh = ZshCompletion(), fish = FishCompletion();
  for (const Command& command : Commands()) {
    for (const Flag& flag : command.flags) {
      EXPECT_THAT(bash, HasSubstr(absl::StrCat("--", flag.name)));
      EXPECT_THAT(zsh, HasSubstr(absl::StrCat("--", flag.name)));
      EXPECT_THAT(fish, HasSubstr(absl::StrCat(" -l ", flag.name, " ")));
    }
  }
}

TEST(CompletionTest, LawNamesAreAskedOfTheProgram) {
  EXPECT_THAT(BashCompletion(),
              HasSubstr("\"plan:--law\") COMPREPLY=($(compgen -W \"$(rhumb law list -o name"));
}

TEST(CompletionTest, RunsArePossibleArgumentsOfTheirCommands) {
  EXPECT_EQ(Offered("rhumb run ''"), "compare\ncreate\ndrift\nfinish\nlist\nlog\nreplan\nshow\n");
  EXPECT_THAT(BashCompletion(), HasSubstr("$(rhumb run list -o name -q"));
}

}  // namespace
}  // namespace rhumb::cli
