// SPDX-License-Identifier: Apache-2.0
// The client library against a server of the test's own on a unix socket.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/error_details.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "tests/matchers.h"

namespace rhumb::client {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;

// Answers `status` to the first `failures` calls, then a plan.
class ScriptedPlanService final : public v1::PlanService::Service {
 public:
  grpc::Status CreatePlan(grpc::ServerContext* context, const v1::CreatePlanRequest* request,
                          v1::Plan* response) override {
    ++calls;
    if (calls <= failures) return status;
    while (hang && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    response->set_name(absl::StrCat("plans/", request->law()));
    return grpc::Status::OK;
  }
  grpc::Status DeletePlan(grpc::ServerContext*, const v1::DeletePlanRequest*,
                          google::protobuf::Empty*) override {
    ++calls;
    return status;
  }

  std::atomic<int> calls = 0;
  std::atomic<bool> hang = false;
  int failures = 0;
  grpc::Status status = {grpc::StatusCode::UNAVAILABLE, "draining"};
};

class ScriptedHealth final : public ::grpc::health::v1::Health::Service {
 public:
  grpc::Status Check(grpc::ServerContext* context, const ::grpc::health::v1::HealthCheckRequest*,
                     ::grpc::health::v1::HealthCheckResponse* response) override {
    context->AddInitialMetadata("x-rhumb-version", "9.8.7");
    if (!time.empty()) context->AddInitialMetadata("x-rhumb-time", time);
    response->set_status(::grpc::health::v1::HealthCheckResponse::SERVING);
    return grpc::Status::OK;
  }

  std::string time;
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    char folder[] = "/tmp/rhumb-client-XXXXXX";
    folder_ = mkdtemp(folder);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(Address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    builder.RegisterService(&health_);
    server_ = builder.BuildAndStart();
  }
  ~ClientTest() override {
    service_.hang = false;
    server_->Shutdown();
    std::filesystem::remove_all(folder_);
  }

  std::string Address() const { return absl::StrCat("unix://", folder_, "/rhumbd.sock"); }

  std::unique_ptr<Client> Connected(ClientOptions options = {}) {
    options.initial_backoff = absl::Milliseconds(1);
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(Address(), options);
    EXPECT_THAT(client, IsOk());
    return *std::move(client);
  }

  std::string folder_;
  ScriptedPlanService service_;
  ScriptedHealth health_;
  std::unique_ptr<grpc::Server> server_;
};

v1::CreatePlanRequest Question(const std::string& law) {
  v1::CreatePlanRequest request;
  request.set_law(law);
  return request;
}

TEST_F(ClientTest, AnAnswerComesBack) {
  const absl::StatusOr<v1::Plan> plan = Connected()->CreatePlan(Question("x"));
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->name(), "plans/x");
}

TEST_F(ClientTest, AnIdempotentCallIsRepeatedWhileTheDaemonIsUnavailable) {
  service_.failures = 3;
  EXPECT_THAT(Connected()->CreatePlan(Question("x")), IsOk());
  EXPECT_EQ(service_.calls, 4);
}

TEST_F(ClientTest, AttemptsEnd) {
  service_.failures = 100;
  EXPECT_THAT(Connected({.max_attempts = 2})->CreatePlan(Question("x")),
              StatusIs(absl::StatusCode::kUnavailable, "draining"));
  EXPECT_EQ(service_.calls, 2);
}

TEST_F(ClientTest, ADeleteIsNeverRepeated) {
  EXPECT_THAT(Connected()->DeletePlan({}), StatusIs(absl::StatusCode::kUnavailable, "draining"));
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(ClientTest, ARefusalIsNotRepeated) {
  service_.failures = 1;
  service_.status = {grpc::StatusCode::INVALID_ARGUMENT, "no"};
  EXPECT_THAT(Connected()->CreatePlan(Question("x")),
              StatusIs(absl::StatusCode::kInvalidArgument, "no"));
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(ClientTest, AllFieldViolationsAreDecoded) {
  google::rpc::BadRequest bad_request;
  for (const char* field : {"compute_flops", "level"}) {
    auto* violation = bad_request.add_field_violations();
    violation->set_field(field);
    violation->set_description("must be positive");
  }
  google::rpc::Status details;
  details.set_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  details.set_message("invalid request");
  details.add_details()->PackFrom(bad_request);
  service_.failures = 1;
  ASSERT_TRUE(grpc::SetErrorDetails(details, &service_.status).ok());

  const RpcError error = DescribeError(Connected()->CreatePlan(Question("x")).status());

  EXPECT_EQ(error.code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(error.message, "invalid request");
  EXPECT_THAT(error.field_violations,
              ElementsAre(FieldViolation{"compute_flops", "must be positive"},
                          FieldViolation{"level", "must be positive"}));
}

TEST_F(ClientTest, TheReasonOfAnErrorIsDecoded) {
  google::rpc::ErrorInfo info;
  info.set_reason("NOT_OWNER");
  google::rpc::Status details;
  details.set_code(static_cast<int>(grpc::StatusCode::PERMISSION_DENIED));
  details.add_details()->PackFrom(info);
  service_.failures = 1;
  ASSERT_TRUE(grpc::SetErrorDetails(details, &service_.status).ok());

  EXPECT_EQ(DescribeError(Connected()->CreatePlan(Question("x")).status()).reason, "NOT_OWNER");
}

TEST_F(ClientTest, AStatusWithoutDetailsIsDescribedByCodeAndMessage) {
  const RpcError error = DescribeError(absl::NotFoundError("gone"));
  EXPECT_EQ(error.code, absl::StatusCode::kNotFound);
  EXPECT_EQ(error.message, "gone");
}

TEST_F(ClientTest, ASlowAnswerEndsWithTheDeadline) {
  service_.hang = true;
  EXPECT_THAT(Connected({.timeout = absl::Milliseconds(200)})->CreatePlan(Question("x")),
              StatusIs(absl::StatusCode::kDeadlineExceeded, ""));
}

TEST_F(ClientTest, TheDaemonsVersionIsRead) {
  EXPECT_THAT(Connected()->ServerVersion(), IsOkAndHolds(std::string("9.8.7")));
}

TEST_F(ClientTest, TheDaemonsClockIsRead) {
  health_.time = "1795892191.250";
  const absl::StatusOr<ServerFacts> facts = Connected()->DescribeServer();
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->version, "9.8.7");
  EXPECT_EQ(facts->unix_seconds, 1795892191.25);
}

TEST_F(ClientTest, ADaemonThatTellsNoTimeHasNone) {
  EXPECT_EQ(Connected()->DescribeServer()->unix_seconds, std::nullopt);
}

TEST(ConnectTest, AListenerThatNeverSpeaksIsUnavailable) {
  char folder[] = "/tmp/rhumb-mute-XXXXXX";
  const std::string path = absl::StrCat(mkdtemp(folder), "/rhumbd.sock");
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof(name.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(listen(fd, 4), 0);

  EXPECT_THAT(Client::Connect(path, {.connect_timeout = absl::Milliseconds(200)}),
              StatusIs(absl::StatusCode::kUnavailable, "no answer"));

  close(fd);
  std::filesystem::remove_all(folder);
}

TEST(ConnectTest, ASocketThatIsNotThereIsUnavailableAtOnce) {
  EXPECT_THAT(Client::Connect("/tmp/no-such-rhumbd.sock", {.connect_timeout = absl::Hours(1)}),
              StatusIs(absl::StatusCode::kUnavailable, "no socket at"));
}

TEST(ConnectTest, ABadAddressIsRefused) {
  EXPECT_THAT(Client::Connect("nowhere"), StatusIs(absl::StatusCode::kInvalidArgument, "nowhere"));
}

}  // namespace
}  // namespace rhumb::client
