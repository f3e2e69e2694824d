// SPDX-License-Identifier: Apache-2.0
#include "client/cli/submit_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/context.h"
#include "client/cli/submit_chain.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing_support::IsOk;
using testing_support::StatusIs;

slurm::JobDecision Decision(int64_t job_count) {
  return {.plan = "plans/p-1",
          .nodes = 2,
          .tasks_per_node = 8,
          .gpu_name = "h100",
          .job_count = job_count,
          .minutes = 30,
          .planned_minutes = 30};
}

absl::StatusOr<std::vector<std::string>> Ask(const std::vector<std::string>& given,
                                             const std::string& script = "#!/bin/bash\n",
                                             int64_t job_count = 3) {
  return SubmitOptions(Decision(job_count), {}, script, given,
                       ChainLink{.first_job = "7", .previous_job = "8"});
}

TEST(SubmitOptions, AJobOfAChainWaitsForTheOneBefore) {
  const auto words = Ask({});
  ASSERT_THAT(words, IsOk());
  EXPECT_THAT(*words, Contains("--dependency=afterany:8"));
}

TEST(SubmitOptions, TheUsersOwnDependencyHoldsForEveryJobOfAChain) {
  for (const std::vector<std::string>& given :
       std::vector<std::vector<std::string>>{{"--dependency=afterok:5"},
                                             {"--dependency", "afterok:5"},
                                             {"-d", "afterok:5"},
                                             {"-dafterok:5"}}) {
    const auto words = Ask(given);
    ASSERT_THAT(words, IsOk());
    EXPECT_THAT(*words, Contains("--dependency=afterok:5,afterany:8")) << given[0];
  }
  const auto words = Ask({}, "#!/bin/bash\n#SBATCH --dependency=\"afterok:5\"\n");
  ASSERT_THAT(words, IsOk());
  EXPECT_THAT(*words, Contains("--dependency=afterok:5,afterany:8"));
}

TEST(SubmitOptions, ADependencyOnOneOfSeveralIsRefusedBesideAChainAlone) {
  EXPECT_THAT(Ask({"--dependency=afterok:5?afterok:6"}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "cannot stand beside plans/p-1"));
  EXPECT_THAT(
      SubmitOptions(Decision(1), {}, "", {"--dependency=afterok:5?afterok:6"}, std::nullopt),
      IsOk());
}

TEST(SubmitOptions, AnOptionThatIsCutShortIsRefused) {
  struct Case {
    const char *option, *text;
  };
  for (const Case& each :
       {Case{"--tim=1", "write --time out: --tim=1"}, Case{"--nod=1", "write --nodes out"},
        Case{"--arr=0-2", "write --array out"},
        Case{"--dep=afterok:5", "write --dependency out"}}) {
    EXPECT_THAT(Ask({each.option}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, each.text));
    EXPECT_THAT(Ask({}, std::string("#!/bin/bash\n#SBATCH ") + each.option + "\n").status(),
                StatusIs(absl::StatusCode::kInvalidArgument, each.text));
  }
}

TEST(SubmitOptions, OptionsThatBeginLikeOthersAreTakenWhereWrittenOut) {
  for (const char* option : {"--gpus=16", "--ntasks=16", "--export=ALL", "--time-min=10",
                             "--nodelist=n1", "--gres-flags=enforce-binding", "--mem=0"}) {
    EXPECT_THAT(Ask({option}), IsOk()) << option;
  }
}

TEST(SubmitChain, ASignalStopsItBehindTheSubmissionUnderWay) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "submit_chain_signal";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "sbatch") << "#!/bin/sh\nkill -TERM $PPID\nsleep 0.2\necho 41\n";
  std::filesystem::permissions(folder / "sbatch", std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  setenv("PATH", (folder.string() + ":" + path).c_str(), 1);
  std::ostringstream out, err;
  Context context;
  context.out = &out;
  context.err = &err;
  EXPECT_EQ(SubmitChain({.decision = Decision(3), .path = "job.sh"}, context), 128 + SIGTERM);
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(out.str(), "Submitted batch job 41 (1 of 3)\n");
  EXPECT_THAT(err.str(), HasSubstr("job 2 of 3 was not submitted; cancel those in the queue with: "
                                   "scancel 41\n"));
}

}  // namespace
}  // namespace rhumb::cli
