// SPDX-License-Identifier: Apache-2.0
// Whole commands against a scripted service: what is asked, what is printed where, which exit code.
#include "client/cli/run.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/error_details.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/exit_code.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"
#include "rhumb/v1/law_service.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"

namespace rhumb::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

grpc::Status Refusal(const std::vector<std::pair<std::string, std::string>>& violations) {
  google::rpc::BadRequest bad_request;
  for (const auto& [field, description] : violations) {
    auto* violation = bad_request.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
  }
  google::rpc::Status details;
  details.set_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  details.set_message("invalid request");
  details.add_details()->PackFrom(bad_request);
  grpc::Status status;
  EXPECT_TRUE(grpc::SetErrorDetails(details, &status).ok());
  return status;
}

class ScriptedPlans final : public v1::PlanService::Service {
 public:
  grpc::Status CreatePlan(grpc::ServerContext*, const v1::CreatePlanRequest* request,
                          v1::Plan* response) override {
    requests.push_back(*request);
    *response = plan;
    response->set_name(absl::StrCat("plans/p-", requests.size()));
    return status;
  }
  grpc::Status DeletePlan(grpc::ServerContext*, const v1::DeletePlanRequest* request,
                          google::protobuf::Empty*) override {
    deletes.push_back(*request);
    return status;
  }
  grpc::Status CheckConfiguration(grpc::ServerContext*, const v1::CheckConfigurationRequest*,
                                  v1::CheckConfigurationResponse* response) override {
    *response = check;
    return status;
  }

  v1::Plan plan;
  v1::CheckConfigurationResponse check;
  grpc::Status status;
  std::vector<v1::CreatePlanRequest> requests;
  std::vector<v1::DeletePlanRequest> deletes;
};

// Two pages.
class ScriptedLaws final : public v1::LawService::Service {
 public:
  grpc::Status ListLaws(grpc::ServerContext*, const v1::ListLawsRequest* request,
                        v1::ListLawsResponse* response) override {
    response->add_laws()->set_name(request->page_token().empty() ? "laws/a" : "laws/b");
    if (request->page_token().empty()) response->set_next_page_token("second");
    return grpc::Status::OK;
  }
  grpc::Status GetLaw(grpc::ServerContext*, const v1::GetLawRequest*, v1::Law*) override {
    return {grpc::StatusCode::NOT_FOUND, "unknown law"};
  }
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

class RunTest : public ::testing::Test {
 protected:
  RunTest() {
    plans_.plan.set_state(v1::Plan::STATE_FEASIBLE);
    grpc::ServerBuilder builder;
    builder.RegisterService(&plans_);
    builder.RegisterService(&laws_);
    server_ = builder.BuildAndStart();
  }

  Outcome RunLine(absl::string_view line) {
    std::ostringstream out, err;
    Context context;
    context.out = &out;
    context.err = &err;
    context.open_home = [this](const Invocation&, Context&) -> absl::StatusOr<Home> {
      ++opened_;
      if (!home_status_.ok()) return home_status_;
      Home home;
      home.client =
          std::make_unique<client::Client>(server_->InProcessChannel(grpc::ChannelArguments()));
      return home;
    };
    const int code = rhumb::cli::Run(
        std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())), context);
    return {code, out.str(), err.str()};
  }

  ScriptedPlans plans_;
  ScriptedLaws laws_;
  std::unique_ptr<grpc::Server> server_;
  absl::Status home_status_;
  int opened_ = 0;
};

TEST_F(RunTest, APlanIsPrintedOnStdout) {
  const Outcome outcome = RunLine("plan --compute 1e21 -o name");
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_EQ(outcome.out, "plans/p-1\n");
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(RunTest, AnInfeasiblePlanIsAnAnswerWithExitThree) {
  plans_.plan.set_state(v1::Plan::STATE_INFEASIBLE);
  const Outcome outcome = RunLine("plan --compute 1e21");
  EXPECT_EQ(outcome.code, kExitNo);
  EXPECT_THAT(outcome.out, StartsWith("No plan meets this question"));
}

TEST_F(RunTest, AStoppedSearchWithoutAPlanIsATimeout) {
  plans_.plan.set_state(v1::Plan::STATE_INFEASIBLE);
  plans_.plan.mutable_search()->set_complete(false);
  EXPECT_EQ(RunLine("plan --compute 1e21").code, kExitUnavailable);
}

TEST_F(RunTest, AMistakeAsksNobodyAndPrintsNothing) {
  const Outcome outcome = RunLine("plan --compute lots");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("--compute (compute_flops)"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(RunTest, EveryRefusedFieldIsNamedByItsFlag) {
  plans_.status = Refusal({{"deadline_seconds", "must be positive"},
                           {"gpu_pools[0].gpu_type", "is unknown"},
                           {"layout.zero_stage", "is at most 3"},
                           {"other", "is odd"}});
  const Outcome outcome = RunLine("plan --compute 1e21");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("--deadline (deadline_seconds): must be positive\n"));
  EXPECT_THAT(outcome.err, HasSubstr("--gpus (gpu_pools[0].gpu_type): is unknown\n"));
  EXPECT_THAT(outcome.err, HasSubstr("--zero-stage (layout.zero_stage): is at most 3\n"));
  EXPECT_THAT(outcome.err, HasSubstr("other: is odd\n"));
}

TEST_F(RunTest, RefusalsNameFieldsInsideTheirTextByFlags) {
  plans_.status = Refusal(
      {{"compute_flops", "give one of compute_flops, gpu_hours, or param_count with token_count."},
       {"layout", "tensor_parallel_size must divide num_attention_heads"},
       {"gpu_type", "the cluster has none"}});
  const Outcome outcome = RunLine("plan --compute 1e21");
  EXPECT_THAT(outcome.err,
              HasSubstr("--compute (compute_flops): give one of --compute, --gpu-hours, or "
                        "--params with --tokens.\n"));
  EXPECT_THAT(outcome.err, HasSubstr("error: --tensor-parallel-size must divide "
                                     "num_attention_heads\n"));
  EXPECT_THAT(outcome.err, HasSubstr("--gpu (gpu_type): the cluster has none\n"));
}

TEST_F(RunTest, WhatMustOrMustNotBeGivenIsSaidInFlags) {
  plans_.status = Refusal({{"architecture", "or param_count must be given"},
                           {"gpu_pool", "and cluster exclude each other"}});
  const Outcome outcome = RunLine("check --level 0.5");
  EXPECT_THAT(outcome.err, HasSubstr("error: give --arch or --params\n"));
  EXPECT_THAT(outcome.err, HasSubstr("error: --gpus and --cluster exclude each other\n"));
}

TEST_F(RunTest, ABatchThatIsNoMultipleIsToldTheNearestOnes) {
  plans_.status = Refusal(
      {{"global_batch_tokens", "must be a multiple of the sequence length 8192, got 1000001"},
       {"layout",
        "global_batch_tokens must be a multiple of micro-batch x sequence = 500, got 7"}});
  const Outcome outcome = RunLine("plan --batch-tokens 1000001");
  EXPECT_THAT(outcome.err, HasSubstr("got 1000001; nearest: 999424 and 1007616\n"));
  EXPECT_THAT(outcome.err, HasSubstr("= 500, got 7; nearest: 500\n"));
}

TEST_F(RunTest, ASweepAsksOnceAValueAndAnswersAList) {
  const Outcome outcome = RunLine("plan --deadline 1d,2d,3d --json");
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(plans_.requests.size(), 3u);
  EXPECT_EQ(plans_.requests[2].deadline_seconds(), 3 * 86400.0);
  EXPECT_THAT(outcome.out, HasSubstr("\"plans\": ["));
  EXPECT_THAT(outcome.out, HasSubstr("plans/p-3"));
}

TEST_F(RunTest, APriceIsForGpusWithoutOneOfTheirOwn) {
  RunLine("plan --deadline 1d --gpus 8xA@3 --gpus 8xB --price 2");
  ASSERT_EQ(plans_.requests.size(), 1u);
  EXPECT_EQ(plans_.requests[0].gpu_pools(0).price_usd_per_gpu_hour(), 3);
  EXPECT_FALSE(plans_.requests[0].gpu_pools(1).has_price_usd_per_gpu_hour());
  EXPECT_EQ(plans_.requests[0].price_usd_per_gpu_hour(), 2);
}

TEST_F(RunTest, NodeDetailsAreForEveryPool) {
  RunLine("plan --deadline 1d --gpus 8xA --gpus 8xB --gpus-per-node 4");
  ASSERT_EQ(plans_.requests.size(), 1u);
  EXPECT_EQ(plans_.requests[0].gpu_pools(0).gpus_per_node(), 4);
  EXPECT_EQ(plans_.requests[0].gpu_pools(1).gpus_per_node(), 4);
}

TEST_F(RunTest, DryRunOfADeleteIsAskedFor) {
  const Outcome outcome = RunLine("plans delete p-1 --dry-run");
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(plans_.deletes.size(), 1u);
  EXPECT_TRUE(plans_.deletes[0].validate_only());
  EXPECT_THAT(outcome.err, HasSubstr("would be deleted"));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(RunTest, QuietLeavesOutRemarks) {
  EXPECT_THAT(RunLine("plans delete p-1 -q").err, IsEmpty());
}

TEST_F(RunTest, PermissionDeniedIsExitSix) {
  plans_.status = {grpc::StatusCode::PERMISSION_DENIED, "not yours"};
  const Outcome outcome = RunLine("plans delete p-1");
  EXPECT_EQ(outcome.code, kExitPermission);
  EXPECT_THAT(outcome.err, HasSubstr("not yours"));
}

TEST_F(RunTest, AMissingResourceIsExitFour) {
  EXPECT_EQ(RunLine("law show x").code, kExitNotFound);
}

TEST_F(RunTest, NoDaemonIsExitFive) {
  home_status_ = absl::UnavailableError("refused");
  EXPECT_EQ(RunLine("law list").code, kExitUnavailable);
}

TEST_F(RunTest, WhatDoesNotFitIsExitThree) {
  EXPECT_EQ(RunLine("check --params 7B --gpus 8xA").code, kExitNo);
}

TEST_F(RunTest, WhatFitsButDoesNotFinishIsExitThree) {
  plans_.check.set_fits(true);
  plans_.check.set_finishes(false);
  EXPECT_EQ(RunLine("check --params 7B --gpus 8xA").code, kExitNo);
}

TEST_F(RunTest, WhatFitsIsExitZero) {
  plans_.check.set_fits(true);
  EXPECT_EQ(RunLine("check --params 7B --gpus 8xA").code, kExitOk);
}

TEST_F(RunTest, ListsGatherAllPages) {
  EXPECT_EQ(RunLine("law list -o name").out, "laws/a\nlaws/b\n");
}

TEST_F(RunTest, HelpIsOnStdoutAndOk) {
  const Outcome outcome = RunLine("plan --help");
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, HasSubstr("--deadline TIME"));
  EXPECT_THAT(outcome.out, HasSubstr("Examples"));
}

TEST_F(RunTest, NoCommandShowsTheHelpOnStderr) {
  const Outcome outcome = RunLine("");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr("Commands"));
}

TEST_F(RunTest, ColourComesOnlyWhenAskedFor) {
  EXPECT_THAT(RunLine("plan --compute 1e21").out, Not(HasSubstr("\033[")));
  EXPECT_THAT(RunLine("plan --compute 1e21 --color always").out, HasSubstr("\033["));
}

}  // namespace
}  // namespace rhumb::cli
