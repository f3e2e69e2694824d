// SPDX-License-Identifier: Apache-2.0
// rhumb run replan against scripted services: what is asked, how the answer reads.
#include "client/cli/replan_command.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "rhumb/v1/run_service.grpc.pb.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

v1::Plan MakePlan(const std::string& name, int64_t gpu_count) {
  v1::Plan plan;
  plan.set_name(name);
  plan.set_state(v1::Plan::STATE_FEASIBLE);
  plan.set_token_count(100'000'000'000);
  plan.mutable_allocation()->set_gpu_type("H100-SXM5-80GB");
  plan.mutable_allocation()->set_gpu_count(gpu_count);
  plan.mutable_allocation()->set_gpus_per_node(8);
  plan.mutable_allocation()->set_node_count(gpu_count / 8);
  plan.mutable_layout()->set_tensor_parallel_size(4);
  plan.mutable_layout()->set_pipeline_parallel_size(1);
  plan.mutable_layout()->set_data_parallel_size(gpu_count / 4);
  plan.mutable_layout()->set_framework("megatron");
  plan.mutable_time()->set_step_seconds(2.5);
  plan.mutable_time()->set_wall_seconds(864'000);
  plan.mutable_cost()->set_gpu_hours(1000);
  plan.mutable_cost()->set_total_usd(2500);
  return plan;
}

class ScriptedRuns final : public v1::RunService::Service {
 public:
  grpc::Status GetRun(grpc::ServerContext*, const v1::GetRunRequest*, v1::Run* response) override {
    response->set_name("runs/r-1");
    response->set_plan("plans/p-old");
    return grpc::Status::OK;
  }
  grpc::Status ReplanRun(grpc::ServerContext*, const v1::ReplanRunRequest* request,
                         v1::ReplanRunResponse* response) override {
    asked.push_back(*request);
    *response = answer;
    return grpc::Status::OK;
  }
  std::vector<v1::ReplanRunRequest> asked;
  v1::ReplanRunResponse answer;
};

class ScriptedPlans final : public v1::PlanService::Service {
 public:
  grpc::Status GetPlan(grpc::ServerContext*, const v1::GetPlanRequest*,
                       v1::Plan* response) override {
    *response = MakePlan("plans/p-old", 32);
    return grpc::Status::OK;
  }
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

class ReplanCommandTest : public ::testing::Test {
 protected:
  ReplanCommandTest() {
    *runs_.answer.mutable_plan() = MakePlan("plans/p-new", 24);
    runs_.answer.mutable_run()->set_name("runs/r-1");
    runs_.answer.mutable_run()->set_plan("plans/p-new");
    Advise("CHANGE", "gpu_count from 32 to 24", "");
    Advise("LAST_STEP", "the run ends after step 777", "--train-iters 777");
    grpc::ServerBuilder builder;
    builder.RegisterService(&runs_);
    builder.RegisterService(&plans_);
    server_ = builder.BuildAndStart();
  }
  void Advise(const std::string& code, const std::string& text, const std::string& directive) {
    v1::Advice& advice = *runs_.answer.add_advice();
    advice.set_code(code);
    advice.set_text(text);
    advice.set_directive(directive);
  }
  Outcome RunLine(absl::string_view line) {
    std::ostringstream out, err;
    Context context;
    context.out = &out;
    context.err = &err;
    context.out_terminal.width = 200;
    context.open_home = [this](const Invocation&, Context&) -> absl::StatusOr<Home> {
      Home home;
      home.client =
          std::make_unique<client::Client>(server_->InProcessChannel(grpc::ChannelArguments()));
      return home;
    };
    const int code = rhumb::cli::Run(
        std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())), context);
    return {code, out.str(), err.str()};
  }

  ScriptedRuns runs_;
  ScriptedPlans plans_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ReplanCommandTest, FlagsBecomeTheRequest) {
  const Outcome outcome = RunLine(
      "run replan runs/r-1 --gpus 24xH100-SXM5-80GB --deadline 9d --budget 5000 --tokens "
      "80B --shorten --batch-tolerance 5% --reason rack --done-tokens 20B --dry-run");
  ASSERT_EQ(outcome.code, kExitOk) << outcome.err;
  ASSERT_THAT(runs_.asked, SizeIs(1));
  const v1::ReplanRunRequest& asked = runs_.asked[0];
  EXPECT_EQ(asked.name(), "runs/r-1");
  ASSERT_EQ(asked.gpu_pools_size(), 1);
  EXPECT_EQ(asked.gpu_pools(0).count(), 24);
  EXPECT_EQ(asked.deadline_seconds(), 9 * 86400);
  EXPECT_EQ(asked.budget_usd(), 5000);
  EXPECT_EQ(asked.token_count(), 80'000'000'000);
  EXPECT_TRUE(asked.shorten());
  EXPECT_EQ(asked.batch_tolerance_fraction(), 0.05);
  EXPECT_EQ(asked.reason(), "rack");
  EXPECT_EQ(asked.done_token_count(), 20'000'000'000);
  EXPECT_TRUE(asked.validate_only());
  EXPECT_THAT(outcome.err, HasSubstr("nothing was changed"));
}

TEST_F(ReplanCommandTest, LostNodesAreTakenFromThePlanInForce) {
  ASSERT_EQ(RunLine("run replan runs/r-1 --lost-nodes 1").code, kExitOk);
  ASSERT_THAT(runs_.asked, SizeIs(1));
  ASSERT_EQ(runs_.asked[0].gpu_pools_size(), 1);
  const v1::GpuPool& pool = runs_.asked[0].gpu_pools(0);
  EXPECT_EQ(pool.gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(pool.count(), 24);
  EXPECT_EQ(pool.gpus_per_node(), 8);
  EXPECT_EQ(pool.price_usd_per_gpu_hour(), 2.5);
}

TEST_F(ReplanCommandTest, LosingAllNodesIsAMistakeThatAsksNobody) {
  const Outcome outcome = RunLine("run replan runs/r-1 --lost-nodes 4");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("leaves nothing: the plan in force has 4 nodes"));
  EXPECT_THAT(runs_.asked, IsEmpty());
}

TEST_F(ReplanCommandTest, LostNodesAndGpusContradictEachOther) {
  EXPECT_EQ(RunLine("run replan runs/r-1 --lost-nodes 1 --gpus 8xH100-SXM5-80GB").code, kExitUsage);
}

TEST_F(ReplanCommandTest, OldAndNewStandBesideEachOther) {
  const Outcome outcome = RunLine("run replan runs/r-1");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("The rest of runs/r-1 takes 10 d on 24 H100-SXM5-80GB"),
                                 HasSubstr("IN FORCE"), HasSubstr("32 x H100-SXM5-80GB"),
                                 HasSubstr("24 x H100-SXM5-80GB")));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("gpu_count from 32 to 24"),
                                 HasSubstr("--train-iters 777"), HasSubstr("plans/p-new")));
}

TEST_F(ReplanCommandTest, APlanThatIsNotStoredHasNoName) {
  runs_.answer.mutable_run()->set_plan("plans/p-old");
  EXPECT_THAT(RunLine("run replan runs/r-1 --dry-run").out, Not(HasSubstr("plans/p-new")));
}

TEST_F(ReplanCommandTest, TheAnswerIsADocumentToo) {
  const Outcome outcome = RunLine("run replan runs/r-1 -o json");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\"advice\""), HasSubstr("\"LAST_STEP\"")));
}

TEST_F(ReplanCommandTest, AnInfeasibleRestIsExitThree) {
  runs_.answer.Clear();
  runs_.answer.mutable_plan()->set_state(v1::Plan::STATE_INFEASIBLE);
  runs_.answer.mutable_run()->set_name("runs/r-1");
  Advise("RELAX", "raise deadline_seconds", "--deadline 90000s");
  const Outcome outcome = RunLine("run replan runs/r-1 --deadline 1h");
  EXPECT_EQ(outcome.code, kExitNo);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("No plan for the rest of runs/r-1"),
                                 HasSubstr("--deadline 90000s"), Not(HasSubstr("IN FORCE"))));
}

TEST(ReadToleranceTest, PercentAndSharesAreTheSame) {
  EXPECT_THAT(ReadTolerance("5%"), IsOkAndHolds(0.05));
  EXPECT_THAT(ReadTolerance("0.05"), IsOkAndHolds(0.05));
}

TEST(ReadToleranceTest, NothingAndMoreThanAllAreRefused) {
  EXPECT_THAT(ReadTolerance("0%"), StatusIs(kInvalid, "--batch-tolerance"));
  EXPECT_THAT(ReadTolerance("101%"), StatusIs(kInvalid, "at most 100%"));
  EXPECT_THAT(ReadTolerance("some"), StatusIs(kInvalid, "got \"some\""));
}

}  // namespace
}  // namespace rhumb::cli
