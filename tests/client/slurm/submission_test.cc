// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace rhumb::slurm {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kPlan[] =
    "export RHUMB_PLAN=plans/p-1\nexport RHUMB_GPU_TYPE=H100-SXM5-80GB\nexport RHUMB_GPU_COUNT=16\n"
    "export RHUMB_NODE_COUNT=2\nexport RHUMB_WALL_SECONDS=86400\n";

// One run of sbatch without Slurm.
class SubmissionTest : public testing::Test {
 protected:
  Submission Begin(std::vector<std::string> words = {}) {
    Surroundings surroundings;
    surroundings.run_helper = [this](const std::string&, const std::vector<std::string>& arguments,
                                     int64_t) {
      asked_.push_back(arguments);
      return answer_;
    };
    surroundings.set_variable = [this](const std::string& name, const std::string& value) {
      environment_[name] = value;
    };
    surroundings.unset_variable = [this](const std::string& name) { environment_.erase(name); };
    surroundings.read_file = [this](const std::string&) { return Good(table_); };
    surroundings.expect_filter = [] { return std::string("/proc/self/fd/9"); };
    surroundings.filter_answered = [this] { return filter_answers_; };
    surroundings.variable_names = [this] {
      std::vector<std::string> names;
      for (const auto& [name, value] : environment_) names.push_back(name);
      return names;
    };
    surroundings.variable = [this](const std::string& name) {
      const auto found = environment_.find(name);
      return found == environment_.end() ? "" : found->second;
    };
    surroundings.is_step = is_step_;
    surroundings.job_id = "7";
    return Submission(words, surroundings);
  }
  void Answer(int exit_code, std::string out, std::string err = "") {
    answer_ = {.end = HelperResult::End::kExited,
               .exit_code = exit_code,
               .out = std::move(out),
               .err = std::move(err)};
  }
  void SetUp() override { Answer(0, kPlan); }

  std::map<std::string, std::string> environment_;
  std::vector<std::vector<std::string>> asked_;
  HelperResult answer_;
  std::string table_;
  bool is_step_ = false;
  bool filter_answers_ = true;
};

TEST_F(SubmissionTest, APlanIsSetInTheEnvironment) {
  Submission submission = Begin();
  EXPECT_FALSE(submission.AddRequest("gpus=16xh100,deadline=1d").refused);
  EXPECT_FALSE(submission.Finish().refused);
  EXPECT_THAT(environment_, Contains(Pair("RHUMB_PLAN", "plans/p-1")));
  EXPECT_THAT(environment_, Contains(Pair("RHUMB_SLURM_NODES", "2")));
  EXPECT_THAT(environment_, Contains(Pair("RHUMB_SLURM_GPUS_PER_NODE", "h100:8")));
  EXPECT_THAT(environment_, Contains(Pair("RHUMB_SLURM_PLANNED_MINUTES", "1440")));
}

TEST_F(SubmissionTest, WithoutARequestNothingIsAskedOrSet) {
  Submission submission = Begin({"helper=nonsense"});
  EXPECT_EQ(submission.Finish().line, "");
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(environment_, IsEmpty());
}

TEST_F(SubmissionTest, WhatAnEnclosingJobLeftIsForgotten) {
  environment_ = {{"RHUMB_SLURM_PLAN", "plans/p-0"},
                  {"SLURM_SPANK__SLURM_SPANK_OPTION_rhumb_rhumb", "x"},
                  {"_SLURM_SPANK_OPTION_rhumb_rhumb", "x"},
                  {"SLURM_SPANK_RHUMB_PLAN", "x"},
                  {"RHUMB_ADDR", "kept"},
                  {"RHUMB_PLAN", "kept"}};
  Begin().ForgetInherited();
  EXPECT_THAT(environment_, ElementsAre(Key("RHUMB_ADDR"), Key("RHUMB_PLAN")));
}

TEST_F(SubmissionTest, RequestsAddUpAndAreAskedOnce) {
  Submission submission = Begin();
  Answer(2, "", "rhumb: error: nothing bounds the training\nrhumb: rhumb plan --help shows\n");
  EXPECT_FALSE(submission.AddRequest("gpus=16xh100").refused);
  Answer(0, kPlan);
  EXPECT_FALSE(submission.AddRequest("deadline=1d").refused);
  EXPECT_FALSE(submission.AddRequest("deadline=1d").refused);
  EXPECT_THAT(asked_, SizeIs(2));
  EXPECT_THAT(asked_.back(), Contains("--gpus=16xh100"));
  EXPECT_FALSE(submission.Finish().refused);
}

TEST_F(SubmissionTest, AnAnswerThatIsNoPlanIsRefusedAtTheEnd) {
  Submission submission = Begin();
  Answer(3, "", "No plan meets this question: a and b\ncannot be met together.\n\nWould do  c\n");
  EXPECT_FALSE(submission.AddRequest("gpus=16xh100").refused);
  const Verdict verdict = submission.Finish();
  EXPECT_TRUE(verdict.refused);
  EXPECT_EQ(verdict.line,
            "No plan meets this question: a and b cannot be met together.; `rhumb plan` with the "
            "same flags says more");
}

TEST_F(SubmissionTest, APlanThatALaterRequestSpoilsIsWithdrawn) {
  Submission submission = Begin();
  EXPECT_FALSE(submission.AddRequest("gpus=16xh100,deadline=1d").refused);
  Answer(3, "", "No plan\n");
  EXPECT_FALSE(submission.AddRequest("target-loss=1").refused);
  EXPECT_THAT(environment_, Not(Contains(Key("RHUMB_PLAN"))));
  EXPECT_THAT(environment_, Not(Contains(Key("RHUMB_SLURM_NODES"))));
  EXPECT_TRUE(submission.Finish().refused);
}

TEST_F(SubmissionTest, NobodyToSizeTheJobIsRefused) {
  filter_answers_ = false;
  Submission submission = Begin();
  EXPECT_FALSE(submission.AddRequest("gpus=16xh100").refused);
  EXPECT_THAT(submission.Finish().line, HasSubstr("cli_filter.lua is not loaded"));
}

TEST_F(SubmissionTest, AdviceIsSaidAndChangesNothing) {
  filter_answers_ = false;
  Submission submission = Begin({"policy=advise"});
  const Verdict verdict = submission.AddRequest("gpus=16xh100");
  EXPECT_FALSE(verdict.refused);
  EXPECT_THAT(verdict.line, HasSubstr("would ask for --nodes=2 --ntasks-per-node=8"));
  EXPECT_THAT(environment_, Not(Contains(Key("RHUMB_SLURM_NODES"))));
  EXPECT_FALSE(submission.Finish().refused);
}

TEST_F(SubmissionTest, OneJobOfAChainIsSaidOnceAtTheEnd) {
  Answer(0,
         std::string(kPlan) + "export RHUMB_JOB_COUNT=3\nexport RHUMB_JOB_LIMIT_SECONDS=36000\n");
  Submission submission = Begin();
  EXPECT_EQ(submission.AddRequest("gpus=16xh100,deadline=1d").line, "");
  const Verdict verdict = submission.Finish();
  EXPECT_FALSE(verdict.refused);
  EXPECT_EQ(verdict.line,
            "plans/p-1 takes 3 jobs, of which this is one: `rhumb submit` chains them");
  EXPECT_THAT(environment_, Contains(Pair("RHUMB_SLURM_TIME", "0-10:00:00")));
  EXPECT_THAT(environment_, Contains(Pair("RHUMB_JOB_COUNT", "3")));
}

TEST_F(SubmissionTest, AStepHasItsJobsSize) {
  is_step_ = true;
  const Verdict verdict = Begin().AddRequest("gpus=16xh100");
  EXPECT_FALSE(verdict.refused);
  EXPECT_THAT(verdict.line, HasSubstr("this is a step of job 7"));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(SubmissionTest, AStepKeepsThePlanOfItsOwnJob) {
  is_step_ = true;
  environment_ = {{"RHUMB_JOB_ID", "7"}, {"RHUMB_PLAN", "plans/p-0"}, {"RHUMB_ADDR", "unix:///x"}};
  Submission submission = Begin();
  submission.ForgetInherited();
  EXPECT_THAT(submission.variables(), ElementsAre(Pair("RHUMB_PLAN", "plans/p-0")));
  EXPECT_FALSE(submission.Finish().refused);
}

TEST_F(SubmissionTest, AStepInTheShellOfSallocKeepsItsPlan) {
  is_step_ = true;
  environment_ = {{"RHUMB_SLURM_PLAN", "plans/p-0"}, {"RHUMB_PLAN", "plans/p-0"}};
  Submission submission = Begin();
  submission.ForgetInherited();
  EXPECT_THAT(submission.variables(), ElementsAre(Pair("RHUMB_PLAN", "plans/p-0")));
}

TEST_F(SubmissionTest, AStepOfAJobThatMerelyInheritedAPlanHasNone) {
  is_step_ = true;
  environment_ = {{"RHUMB_JOB_ID", "6"}, {"RHUMB_PLAN", "plans/p-0"}};
  Submission submission = Begin();
  submission.ForgetInherited();
  EXPECT_THAT(submission.variables(), IsEmpty());
}

TEST_F(SubmissionTest, GpusOfAPlanOnWhatIsFreeArePromisedOnce) {
  Submission submission = Begin({"reserve=yes", "cluster=mine"});
  EXPECT_FALSE(submission.AddRequest("deadline=1d").refused);
  EXPECT_FALSE(submission.AddRequest("unique-tokens=1T").refused);
  EXPECT_THAT(asked_, SizeIs(2));
  EXPECT_FALSE(submission.Finish().refused);
  ASSERT_THAT(asked_, SizeIs(3));
  EXPECT_THAT(asked_.back(), Contains("--reserve"));
  EXPECT_THAT(asked_.back(), Contains("plans/p-1"));
}

TEST_F(SubmissionTest, NothingIsPromisedThatWasNotAskedForAsFree) {
  for (const auto& [words, request] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"reserve=yes", "cluster=mine"}, "gpus=16xh100,deadline=1d"},
           {{"reserve=yes", "cluster=mine", "free=no"}, "deadline=1d"},
           {{"reserve=yes", "cluster=mine"}, "plan=plans/p-1"},
           {{"cluster=mine"}, "deadline=1d"}}) {
    asked_.clear();
    Submission submission = Begin(words);
    EXPECT_FALSE(submission.AddRequest(request).refused);
    EXPECT_FALSE(submission.Finish().refused);
    EXPECT_THAT(asked_, SizeIs(1)) << request;
  }
}

TEST_F(SubmissionTest, WhereSomebodyWasFasterTheSubmissionIsRefusedInOneLine) {
  Submission submission = Begin({"reserve=yes", "cluster=mine"});
  EXPECT_FALSE(submission.AddRequest("deadline=1d").refused);
  Answer(1, "", "rhumb: error: 16 H100-SXM5-80GB asked for on clusters/mine: 8 can be had now\n");
  EXPECT_EQ(
      submission.Finish().line,
      "16 H100-SXM5-80GB asked for on clusters/mine: 8 can be had now; submit again, for what "
      "is free then");
}

TEST_F(SubmissionTest, ASecondComponentIsRefused) {
  Submission submission = Begin();
  submission.Finish();
  EXPECT_THAT(submission.AddRequest("gpus=16xh100").line, HasSubstr("heterogeneous"));
}

TEST_F(SubmissionTest, WrongSettingsAreSaidWhereTheyMatter) {
  EXPECT_THAT(Begin({"deadline_ms=0"}).AddRequest("gpus=16xh100").line,
              HasSubstr("deadline_ms=0: must be"));
  table_ = "h100";
  EXPECT_THAT(Begin().AddRequest("gpus=16xh100").line,
              HasSubstr("/etc/rhumb/slurm-gpus.conf: line 1"));
}

TEST_F(SubmissionTest, WhatKeepsTheHelperFromAnsweringIsRefusedAtOnce) {
  Answer(5, "", "rhumb: error: daemon unavailable: no socket; --local answers without one\n");
  EXPECT_EQ(Begin().AddRequest("gpus=16xh100").line,
            "daemon unavailable: no socket; submit without --rhumb, or when the daemon answers "
            "again");
  Answer(0, "<html>");
  EXPECT_THAT(Begin().AddRequest("gpus=16xh100").line, HasSubstr("answered what is no plan"));
  answer_ = {.end = HelperResult::End::kTimedOut};
  EXPECT_THAT(Begin({"deadline_ms=1500"}).AddRequest("gpus=16xh100").line,
              HasSubstr("no answer within 1.5 s"));
  answer_ = {.end = HelperResult::End::kTooMuch};
  EXPECT_THAT(Begin().AddRequest("gpus=16xh100").line, HasSubstr("without end"));
  answer_ = {.end = HelperResult::End::kFailed, .problem = "No such file"};
  EXPECT_THAT(Begin().AddRequest("gpus=16xh100").line,
              HasSubstr("cannot run /usr/bin/rhumb: No such file"));
  Answer(1, "", "");
  EXPECT_THAT(Begin().AddRequest("gpus=16xh100").line, HasSubstr("ended with code 1"));
}

}  // namespace
}  // namespace rhumb::slurm
