// SPDX-License-Identifier: Apache-2.0
#include "daemon/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/daemon/service_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::grpc::health::v1::Health;
using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;
using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;
using ::rhumb::testing_support::WriteFile;

using Code = absl::StatusCode;

class ServerTest : public ::testing::Test {
 protected:
  ServerOptions DaemonOptions() const {
    ServerOptions options;
    options.database_path = directory_.File("rhumb.db");
    options.listen_unix_path = directory_.File("rhumbd.sock");
    return options;
  }
  std::shared_ptr<grpc::Channel> Connect() const {
    return grpc::CreateChannel("unix:" + directory_.File("rhumbd.sock"),
                               grpc::InsecureChannelCredentials());
  }

  TempDirectory directory_;
};

TEST_F(ServerTest, AnswersOnItsUnixSocketWithTheCallersUid) {
  auto server = Server::Start(DaemonOptions());
  ASSERT_THAT(server, IsOk());
  v1::PlanService::Stub plans(Connect());
  v1::CreatePlanRequest request;
  request.set_compute_flops(1e21);
  const auto answer = Ask(plans, &v1::PlanService::Stub::CreatePlan, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.owner_uid(), static_cast<int64_t>(getuid()));
  EXPECT_THAT((*server)->storage_status(), IsOk());
}

TEST_F(ServerTest, TcpCallersAreNobodyAndMayNotChangeAnything) {
  ServerOptions options = DaemonOptions();
  options.listen_tcp = "127.0.0.1:0";
  auto server = Server::Start(options);
  ASSERT_THAT(server, IsOk());
  const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", (*server)->tcp_port()),
                                           grpc::InsecureChannelCredentials());
  v1::ClusterService::Stub clusters(channel);
  v1::ApplyClusterRequest request;
  request.mutable_cluster()->set_name("alpha");
  auto* pool = request.mutable_cluster()->add_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_node_count(1);
  pool->set_gpus_per_node(8);
  const auto refused = Ask(clusters, &v1::ClusterService::Stub::ApplyCluster, request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(refused.status), "NOT_OPERATOR");
  v1::PlanService::Stub plans(channel);
  v1::CreatePlanRequest question;
  question.set_compute_flops(1e21);
  const auto plan = Ask(plans, &v1::PlanService::Stub::CreatePlan, question);
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.owner_uid(), 65534);
  v1::DeletePlanRequest remove;
  remove.set_name(plan.response.name());
  EXPECT_EQ(Ask(plans, &v1::PlanService::Stub::DeletePlan, remove).status.error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

// Not a test of its own: the caller of AnotherUserOwnsPlans..., in a process that the test starts.
// Reads the server's directory and the name of somebody else's plan from $RHUMB_TEST_CALLER, says
// what it saw on descriptor 3.
TEST(AnotherUser, DISABLED_Calls) {
  const std::string plan_and_directory = std::getenv("RHUMB_TEST_CALLER");
  const size_t space = plan_and_directory.find(' ');
  ASSERT_EQ(setuid(12345), 0);
  const auto channel =
      grpc::CreateChannel("unix:" + plan_and_directory.substr(space + 1) + "/rhumbd.sock",
                          grpc::InsecureChannelCredentials());
  v1::PlanService::Stub plans(channel);
  v1::CreatePlanRequest question;
  question.set_compute_flops(1e21);
  const auto mine = Ask(plans, &v1::PlanService::Stub::CreatePlan, question);
  v1::DeletePlanRequest remove;
  remove.set_name(plan_and_directory.substr(0, space));
  const auto theirs = Ask(plans, &v1::PlanService::Stub::DeletePlan, remove);
  remove.set_name(mine.response.name());
  const auto own = Ask(plans, &v1::PlanService::Stub::DeletePlan, remove);
  const std::string text = absl::StrCat(mine.response.owner_uid(), " ", theirs.status.error_code(),
                                        " ", own.status.error_code(), " ", mine.response.name());
  ASSERT_GT(write(3, text.data(), text.size()), 0);
}

// Only root can play another user.
TEST_F(ServerTest, AnotherUserOwnsPlansOfTheirOwnAndChangesNoOneElses) {
  if (getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to call as another user";
  ServerOptions options = DaemonOptions();
  options.listen_unix_mode = 0666;
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  auto server = Server::Start(options);
  ASSERT_THAT(server, IsOk());
  v1::PlanService::Stub plans(Connect());
  v1::CreatePlanRequest question;
  question.set_compute_flops(1e21);
  const auto ours = Ask(plans, &v1::PlanService::Stub::CreatePlan, question);
  ASSERT_TRUE(ours.status.ok());
  int result[2];
  ASSERT_EQ(pipe(result), 0);
  const std::string variable =
      "RHUMB_TEST_CALLER=" + ours.response.name() + " " + directory_.path();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    dup2(result[1], 3);
    const char* const arguments[] = {"caller", "--gtest_filter=AnotherUser.*",
                                     "--gtest_also_run_disabled_tests", nullptr};
    const char* const environment[] = {variable.c_str(), nullptr};
    execve("/proc/self/exe", const_cast<char**>(arguments), const_cast<char**>(environment));
    _exit(127);
  }
  close(result[1]);
  char text[256] = {};
  ASSERT_GT(read(result[0], text, sizeof(text) - 1), 0);
  close(result[0]);
  int status = 0;
  waitpid(child, &status, 0);
  // 7 is PERMISSION_DENIED.
  EXPECT_EQ(std::string(text).substr(0, 10), "12345 7 0 ") << text;
  // Same question, other owner: another plan.
  EXPECT_EQ(std::string(text).find(ours.response.name()), std::string::npos);
}

TEST_F(ServerTest, SecondDaemonOnTheDatabaseIsUnavailable) {
  auto first = Server::Start(DaemonOptions());
  ASSERT_THAT(first, IsOk());
  ServerOptions second = DaemonOptions();
  second.listen_unix_path = directory_.File("other.sock");
  EXPECT_THAT(Server::Start(second), StatusIs(Code::kUnavailable, "another rhumbd"));
}

TEST_F(ServerTest, SecondDaemonOnTheSocketIsUnavailableAndTheFirstGoesOn) {
  auto first = Server::Start(DaemonOptions());
  ASSERT_THAT(first, IsOk());
  ServerOptions second = DaemonOptions();
  second.database_path = directory_.File("other.db");
  EXPECT_THAT(Server::Start(second), StatusIs(Code::kUnavailable, "another process listens"));
  Health::Stub health(Connect());
  EXPECT_TRUE(Ask(health, &Health::Stub::Check, HealthCheckRequest()).status.ok());
}

struct BadOptions {
  const char* name;
  void (*spoil)(ServerOptions&);
  const char* message;
};
class ServerOptionsTest : public ::testing::TestWithParam<BadOptions> {};

TEST_P(ServerOptionsTest, AreRefusedBeforeAnythingOpens) {
  const TempDirectory directory;
  ServerOptions options;
  options.database_path = directory.File("rhumb.db");
  options.listen_unix_path = directory.File("s");
  GetParam().spoil(options);
  EXPECT_THAT(Server::Start(options), StatusIs(Code::kInvalidArgument, GetParam().message));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

INSTANTIATE_TEST_SUITE_P(
    Server, ServerOptionsTest,
    ::testing::Values(
        BadOptions{"NetworkAddress", [](ServerOptions& o) { o.listen_tcp = "0.0.0.0:7448"; },
                   "must be a loopback"},
        BadOptions{"Name", [](ServerOptions& o) { o.listen_tcp = "example.org:7448"; },
                   "must be a loopback"},
        BadOptions{"AnyV6", [](ServerOptions& o) { o.listen_tcp = "[::]:7448"; },
                   "must be a loopback"},
        BadOptions{"NoPort", [](ServerOptions& o) { o.listen_tcp = "127.0.0.1"; },
                   "must be HOST:PORT"},
        BadOptions{"Nothing", [](ServerOptions& o) { o.listen_unix_path.clear(); },
                   "must be given"},
        BadOptions{"NoDatabase", [](ServerOptions& o) { o.database_path.clear(); },
                   "database_path"},
        BadOptions{"Threads", [](ServerOptions& o) { o.max_thread_count = 0; }, "max_thread_count"},
        BadOptions{"RawSeconds", [](ServerOptions& o) { o.run_raw_seconds = 59; },
                   "run_raw_seconds must be from 60 to 2592000, got 59"},
        BadOptions{"RawSecondsBeyondTenSecondDays",
                   [](ServerOptions& o) { o.run_raw_seconds = 2 * 86400; },
                   "run_raw_seconds must be less than run_ten_second_days (2"},
        BadOptions{"TenSecondDays", [](ServerOptions& o) { o.run_ten_second_days = 0; },
                   "run_ten_second_days must be from 1"},
        BadOptions{"FiveMinuteDays", [](ServerOptions& o) { o.run_five_minute_days = 40'000; },
                   "run_five_minute_days must be from 1 to 36500, got 40000"},
        BadOptions{"FiveMinuteDaysWithinTenSecondDays",
                   [](ServerOptions& o) { o.run_five_minute_days = 2; },
                   "run_five_minute_days must be more than run_ten_second_days (2), got 2"},
        BadOptions{"InProcess", [](ServerOptions& o) { o.in_process_only = true; }, "excludes"}),
    [](const auto& bad) { return bad.param.name; });

TEST_F(ServerTest, InProcessServerAnswersWithoutAnyFile) {
  ServerOptions options;
  options.in_process_only = true;
  WriteFile(directory_.File("file"), "");
  options.database_path = directory_.File("file/rhumb.db");
  auto server = Server::Start(options);
  ASSERT_THAT(server, IsOk());
  EXPECT_THAT((*server)->storage_status(),
              StatusIs(Code::kFailedPrecondition, directory_.File("file")));
  v1::PlanService::Stub plans((*server)->InProcessChannel());
  v1::CreatePlanRequest request;
  request.set_compute_flops(1e21);
  EXPECT_TRUE(Ask(plans, &v1::PlanService::Stub::CreatePlan, request).status.ok());
}

TEST_F(ServerTest, InProcessServerAnswersBesideADamagedFileAndLeavesIt) {
  const std::string garbage(10000, 'g');
  WriteFile(directory_.File("rhumb.db"), garbage);
  ServerOptions options;
  options.in_process_only = true;
  options.database_path = directory_.File("rhumb.db");
  auto server = Server::Start(options);
  ASSERT_THAT(server, IsOk());
  EXPECT_THAT((*server)->storage_status(), StatusIs(Code::kDataLoss, "not a SQLite database"));
  (*server)->Drain();
  EXPECT_EQ(testing_support::ReadFile(directory_.File("rhumb.db")), garbage);
}

TEST_F(ServerTest, DaemonRefusesADamagedFile) {
  WriteFile(directory_.File("rhumb.db"), std::string(10000, 'g'));
  EXPECT_THAT(Server::Start(DaemonOptions()), StatusIs(Code::kDataLoss, "not a SQLite database"));
}

TEST_F(ServerTest, HealthKnowsItsServices) {
  auto server = Server::Start(DaemonOptions());
  ASSERT_THAT(server, IsOk());
  Health::Stub health((*server)->InProcessChannel());
  HealthCheckRequest request;
  EXPECT_EQ(Ask(health, &Health::Stub::Check, request).response.status(),
            HealthCheckResponse::SERVING);
  request.set_service("rhumb.v1.PlanService");
  EXPECT_EQ(Ask(health, &Health::Stub::Check, request).response.status(),
            HealthCheckResponse::SERVING);
  request.set_service("nonsense");
  EXPECT_EQ(Ask(health, &Health::Stub::Check, request).status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServerTest, DrainTellsWatchersFirstAndDoesNotWaitForThem) {
  auto server = Server::Start(DaemonOptions());
  ASSERT_THAT(server, IsOk());
  Health::Stub health(Connect());
  grpc::ClientContext context;
  const auto stream = health.Watch(&context, HealthCheckRequest());
  HealthCheckResponse update;
  ASSERT_TRUE(stream->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::SERVING);
  const auto began = std::chrono::steady_clock::now();
  std::thread drain([&] { (*server)->Drain(); });
  ASSERT_TRUE(stream->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(stream->Read(&update));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drain.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST_F(ServerTest, ManyWatchersHoldNoThread) {
  ServerOptions options = DaemonOptions();
  options.max_thread_count = 8;
  auto server = Server::Start(options);
  ASSERT_THAT(server, IsOk());
  const auto channel = Connect();
  Health::Stub health(channel);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>> streams;
  for (int i = 0; i < 40; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(health.Watch(contexts.back().get(), HealthCheckRequest()));
    HealthCheckResponse update;
    ASSERT_TRUE(streams.back()->Read(&update));
  }
  v1::LawService::Stub laws(channel);
  EXPECT_TRUE(Ask(laws, &v1::LawService::Stub::ListLaws, v1::ListLawsRequest()).status.ok());
  for (auto& context : contexts) context->TryCancel();
  for (auto& stream : streams) (void)stream->Finish();
}

TEST_F(ServerTest, DrainLetsACallInFlightFinish) {
  auto server = Server::Start(DaemonOptions());
  ASSERT_THAT(server, IsOk());
  v1::PlanService::Stub plans(Connect());
  v1::CreatePlanRequest request;
  request.add_gpu_pools()->set_gpu_type("H100-SXM5-80GB");
  request.mutable_gpu_pools(0)->set_count(512);
  request.set_deadline_seconds(20 * 86400);
  Answer<v1::Plan> answer;
  std::thread caller([&] { answer = Ask(plans, &v1::PlanService::Stub::CreatePlan, request); });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  (*server)->Drain();
  caller.join();
  // Either it came before the drain and is answered in full, or it was told to go elsewhere.
  if (answer.status.ok()) {
    EXPECT_TRUE(answer.response.search().complete());
  } else {
    // gRPC itself cancels a call that it had not handed over yet.
    EXPECT_TRUE(answer.status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                answer.status.error_code() == grpc::StatusCode::CANCELLED)
        << answer.status.error_message();
  }
}

TEST_F(ServerTest, StoredPlansOutliveTheServer) {
  std::string name;
  {
    auto server = Server::Start(DaemonOptions());
    ASSERT_THAT(server, IsOk());
    v1::PlanService::Stub plans((*server)->InProcessChannel());
    v1::CreatePlanRequest request;
    request.set_compute_flops(1e21);
    name = Ask(plans, &v1::PlanService::Stub::CreatePlan, request).response.name();
  }
  auto server = Server::Start(DaemonOptions());
  ASSERT_THAT(server, IsOk());
  v1::PlanService::Stub plans(Connect());
  v1::GetPlanRequest request;
  request.set_name(name);
  EXPECT_TRUE(Ask(plans, &v1::PlanService::Stub::GetPlan, request).status.ok());
}

}  // namespace
}  // namespace rhumb::daemon
