// SPDX-License-Identifier: Apache-2.0
// The API over HTTP: unary calls, errors, identity, pages of other origins.
#include "daemon/http/gateway.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/json/json_reader.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/plan_service.pb.h"
#include "tests/daemon/http/http_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kQuestion[] = "{\"compute_flops\":1e21}";

TEST_F(HttpTest, PlanIsMadeAndReadBackByItsName) {
  Start();
  const HttpReply made = Ask(JsonRequest("POST", "/v1/plans", kQuestion));
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.headers.at("content-type"), "application/json");
  v1::Plan plan;
  ASSERT_THAT(ReadJson(made.body, &plan), IsOk());
  EXPECT_EQ(plan.state(), v1::Plan::STATE_FEASIBLE);
  const HttpReply read = Ask(JsonRequest("GET", "/v1/" + plan.name()));
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.body, made.body);
}

TEST_F(HttpTest, EveryMethodIsCalledByItsName) {
  Start();
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/PlanService/PredictLoss",
                                          "{\"param_count\":7e9,\"token_count\":1.4e12}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  v1::PredictLossResponse loss;
  ASSERT_THAT(ReadJson(reply.body, &loss), IsOk());
  EXPECT_NEAR(loss.loss().mean_nats(), 2.1, 0.3);
}

TEST_F(HttpTest, QueryParametersSetFields) {
  Start();
  const HttpReply reply = Ask(JsonRequest("GET", "/v1/laws?page_size=2&planable=true"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  v1::ListLawsResponse laws;
  ASSERT_THAT(ReadJson(reply.body, &laws), IsOk());
  EXPECT_EQ(laws.laws_size(), 2);
  EXPECT_FALSE(laws.next_page_token().empty());
}

TEST_F(HttpTest, QueryParametersReachIntoMessages) {
  Start();
  const HttpReply reply = Ask(JsonRequest(
      "POST", "/v1/configurations:check?layout.tensor_parallel_size=-3",
      "{\"param_count\":7e9,\"gpu_pool\":{\"gpu_type\":\"H100-SXM5-80GB\",\"count\":16}}"));
  ASSERT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("{\"field\":\"layout.tensor_parallel_size\""));
}

TEST_F(HttpTest, MessagesWithoutFieldsAreAnEmptyObject) {
  Start();
  const HttpReply made = Ask(JsonRequest("POST", "/v1/plans", kQuestion));
  v1::Plan plan;
  ASSERT_THAT(ReadJson(made.body, &plan), IsOk());
  EXPECT_EQ(Ask(JsonRequest("DELETE", "/v1/" + plan.name())).body, "{}\n");
  EXPECT_EQ(Ask(JsonRequest("GET", "/v1/" + plan.name())).status, 404);
}

TEST_F(HttpTest, HeadAnswersWithoutABody) {
  Start();
  HttpConnection connection(socket_path());
  connection.Send(JsonRequest("HEAD", "/v1/plans") + JsonRequest("GET", "/v1/laws/kaplan2020-n"));
  EXPECT_EQ(connection.Receive(/*has_body=*/false).status, 200);
  EXPECT_THAT(connection.Receive().body, HasSubstr("laws/kaplan2020-n"));
}

TEST_F(HttpTest, IndexListsEveryPath) {
  Start();
  const HttpReply reply = Ask(JsonRequest("GET", "/v1"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("\"path\":\"/v1/runs/{name}:finish\""));
}

// Errors.

TEST_F(HttpTest, EveryBadFieldOfAQuestionIsNamedAsOverGrpc) {
  Start();
  const HttpReply reply =
      Ask(JsonRequest("POST", "/v1/plans", "{\"compute_flops\":-1,\"level\":7}"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, AllOf(HasSubstr("\"code\":\"INVALID_ARGUMENT\""),
                                HasSubstr("{\"field\":\"compute_flops\",\"description\":"),
                                HasSubstr("{\"field\":\"level\",\"description\":")));
}

TEST_F(HttpTest, EveryFieldOfTheWrongKindIsNamedAtOnce) {
  Start();
  const HttpReply reply = Ask(JsonRequest(
      "POST", "/v1/plans",
      R"({"compute_flops":"much","level":true,"laws":"x","gpu_pools":[{"count":1.5}]})"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, AllOf(HasSubstr("{\"field\":\"compute_flops\""),
                                HasSubstr("{\"field\":\"level\""), HasSubstr("{\"field\":\"laws\""),
                                HasSubstr("{\"field\":\"gpu_pools[0].count\"")));
}

TEST_F(HttpTest, UnknownKeyOfABodyIsAViolationOfItsPath) {
  Start();
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/plans", "{\"layout\":{\"zero_stge\":1}}"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("{\"field\":\"layout.zero_stge\",\"description\":\"is not a "
                                    "known key; nearest: zero_stage"));
}

TEST_F(HttpTest, AllBadParametersAreNamedAtOnce) {
  Start();
  const HttpReply reply = Ask(JsonRequest("GET", "/v1/laws?page_sze=1&planable=maybe"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, AllOf(HasSubstr("{\"field\":\"page_sze\""),
                                HasSubstr("{\"field\":\"planable\",\"description\":\"must be true "
                                          "or false, got \\\"maybe\\\"\"}")));
}

TEST_F(HttpTest, FieldHasOnePlace) {
  Start();
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/runs/r-1:finish", "{\"name\":\"r-2\"}"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("{\"field\":\"name\",\"description\":\"is given in the body"));
}

TEST_F(HttpTest, MissingResourceIsNotFoundWithItsReason) {
  Start();
  const HttpReply reply = Ask(JsonRequest("GET", "/v1/plans/p-none"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.body,
              AllOf(HasSubstr("\"code\":\"NOT_FOUND\""), HasSubstr("\"reason\":\"PLAN_NOT_FOUND\""),
                    HasSubstr("\"field_violations\":[]")));
}

TEST_F(HttpTest, UnknownPathPointsToTheIndex) {
  Start();
  const HttpReply reply = Ask(JsonRequest("GET", "/v1/nonsense"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.body, AllOf(HasSubstr("NO_SUCH_PATH"), HasSubstr("GET /v1 lists")));
}

TEST_F(HttpTest, WrongMethodNamesTheRightOnes) {
  Start();
  const HttpReply reply = Ask(JsonRequest("PUT", "/v1/plans/p-1", "{}"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("allow"), "DELETE, GET");
}

TEST_F(HttpTest, BodyOfAFormIsRefused) {
  Start();
  const HttpReply reply =
      Ask("POST /v1/plans HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
          "application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b");
  EXPECT_EQ(reply.status, 415);
  EXPECT_THAT(reply.body, HasSubstr("Content-Type: application/json"));
}

TEST_F(HttpTest, BodyOverTheLimitIsRefusedBeforeItIsSent) {
  ServerOptions options = Options();
  options.max_message_bytes = 1 << 16;
  Start(options);
  const HttpReply reply =
      Ask("POST /v1/plans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n");
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("at most 65536 bytes"));
}

// Headers.

TEST_F(HttpTest, RequestIdComesBackAndVersionIsSaid) {
  Start();
  const HttpReply reply = Ask(JsonRequest("GET", "/v1/plans", "", "X-Request-Id: mine-42\r\n"));
  EXPECT_EQ(reply.headers.at("x-request-id"), "mine-42");
  EXPECT_EQ(reply.headers.at("x-rhumb-version"), ServerVersion());
  EXPECT_EQ(reply.headers.count("x-rhumb-time"), 1u);
}

TEST_F(HttpTest, ErrorsHaveARequestIdToo) {
  Start();
  EXPECT_EQ(Ask(JsonRequest("GET", "/v1/nonsense")).headers.at("x-request-id").size(), 16u);
}

TEST_F(HttpTest, DeadlineOfTheCallerReachesTheCall) {
  Start();
  const HttpReply reply =
      Ask(JsonRequest("POST", "/v1/plans",
                      "{\"gpu_pools\":[{\"gpu_type\":\"H100-SXM5-80GB\",\"count\":8192},"
                      "{\"gpu_type\":\"A100-SXM4-80GB\",\"count\":8192}],\"deadline_seconds\":1e7}",
                      "X-Rhumb-Timeout-Seconds: 0.000001\r\n"));
  EXPECT_EQ(reply.status, 504);
  EXPECT_THAT(reply.body, HasSubstr("DEADLINE_EXCEEDED"));
}

TEST_F(HttpTest, TimeoutThatIsNoneIsAViolation) {
  Start();
  const HttpReply reply =
      Ask(JsonRequest("GET", "/v1/plans", "", "X-Rhumb-Timeout-Seconds: soon\r\n"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("{\"field\":\"x-rhumb-timeout-seconds\""));
}

TEST_F(HttpTest, RequestsFollowEachOtherOnOneConnection) {
  Start();
  HttpConnection connection(socket_path());
  for (int i = 0; i < 20; ++i) {
    connection.Send(JsonRequest("GET", "/v1/laws/besiroglu2024"));
    ASSERT_EQ(connection.Receive().status, 200);
  }
}

TEST_F(HttpTest, ConnectionEndsWhenTheCallerAsks) {
  Start();
  HttpConnection connection(socket_path());
  connection.Send(JsonRequest("GET", "/v1/plans", "", "Connection: close\r\n"));
  EXPECT_EQ(connection.Receive().status, 200);
  EXPECT_TRUE(connection.IsClosedWithin(5));
}

// Identity.

TEST_F(HttpTest, CallerOnTheUnixSocketOwnsWhatItMakes) {
  Start();
  v1::Plan plan;
  ASSERT_THAT(ReadJson(Ask(JsonRequest("POST", "/v1/plans", kQuestion)).body, &plan), IsOk());
  EXPECT_EQ(plan.owner_uid(), static_cast<int64_t>(getuid()));
}

TEST_F(HttpTest, CallersOverTcpAreNobodyAndMayNotChangeAnything) {
  Start();
  v1::Plan plan;
  ASSERT_THAT(ReadJson(AskTcp(JsonRequest("POST", "/v1/plans", kQuestion)).body, &plan), IsOk());
  EXPECT_EQ(plan.owner_uid(), 65534);
  EXPECT_EQ(AskTcp(JsonRequest("DELETE", "/v1/" + plan.name())).status, 403);
}

// Only root can play another user.
TEST_F(HttpTest, AnotherUserOwnsPlansOfTheirOwnAndDeletesNoOneElses) {
  if (getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to call as another user";
  ServerOptions options = Options();
  options.listen_unix_mode = 0666;
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  Start(options);
  v1::Plan ours;
  ASSERT_THAT(ReadJson(Ask(JsonRequest("POST", "/v1/plans", kQuestion)).body, &ours), IsOk());
  // The effective user alone decides what SO_PEERCRED says, and changes back.
  ASSERT_EQ(seteuid(12345), 0);
  HttpConnection theirs(socket_path());
  ASSERT_EQ(seteuid(0), 0);
  theirs.Send(JsonRequest("POST", "/v1/plans", kQuestion));
  v1::Plan plan;
  ASSERT_THAT(ReadJson(theirs.Receive().body, &plan), IsOk());
  EXPECT_EQ(plan.owner_uid(), 12345);
  theirs.Send(JsonRequest("DELETE", "/v1/" + ours.name()));
  EXPECT_EQ(theirs.Receive().status, 403);
  theirs.Send(JsonRequest("DELETE", "/v1/" + plan.name()));
  EXPECT_EQ(theirs.Receive().status, 200);
}

// Pages of other origins.

TEST_F(HttpTest, NameThatPointsHereIsNotThisMachine) {
  Start();
  const HttpReply reply = AskTcp("GET /v1/plans HTTP/1.1\r\nHost: rebound.example:7449\r\n\r\n");
  EXPECT_EQ(reply.status, 403);
  EXPECT_THAT(reply.body, HasSubstr("HOST_NOT_LOOPBACK"));
}

TEST_F(HttpTest, RequestWithoutAHostIsRefusedOverTcp) {
  Start();
  EXPECT_EQ(AskTcp("GET /v1/plans HTTP/1.1\r\n\r\n").status, 403);
}

TEST_F(HttpTest, PageOfAnotherOriginChangesNothing) {
  Start();
  for (const char* header :
       {"Origin: http://evil.example\r\n", "Origin: null\r\n", "Origin: http://localhost:8080\r\n",
        "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"}) {
    const HttpReply reply = AskTcp(JsonRequest("POST", "/v1/plans", kQuestion, header));
    EXPECT_EQ(reply.status, 403) << header;
    EXPECT_THAT(reply.body, HasSubstr("CROSS_ORIGIN"));
  }
}

TEST_F(HttpTest, OwnPageMayAsk) {
  Start();
  const HttpReply reply =
      AskTcp(JsonRequest("POST", "/v1/plans", kQuestion,
                         "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
}

// Starting and stopping.

TEST_F(HttpTest, SocketHasTheModeOfTheOtherOne) {
  ServerOptions options = Options();
  options.listen_unix_mode = 0600;
  Start(options);
  struct stat info {};
  ASSERT_EQ(stat(socket_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(HttpTest, SocketIsGoneAfterDraining) {
  Start();
  server_->Drain();
  EXPECT_NE(access(socket_path().c_str(), F_OK), 0);
  EXPECT_FALSE(HttpConnection(server_->http_tcp_port()).connected());
}

TEST_F(HttpTest, StaleSocketOfADeadDaemonIsReplaced) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path().c_str(), sizeof(address.sun_path) - 1);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) _exit(1);
    listen(fd, 1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(access(socket_path().c_str(), F_OK), 0);
  Start();
  EXPECT_EQ(Ask(JsonRequest("GET", "/healthz")).status, 200);
}

TEST_F(HttpTest, SecondDaemonOnThePortIsUnavailable) {
  Start();
  ServerOptions second = Options();
  second.database_path = directory_.File("other.db");
  second.listen_unix_path = directory_.File("other.sock");
  second.http_unix_path = "";
  second.http_tcp = absl::StrCat("127.0.0.1:", server_->http_tcp_port());
  EXPECT_THAT(Server::Start(second), StatusIs(absl::StatusCode::kUnavailable, "cannot listen on"));
}

TEST_F(HttpTest, NetworkAddressIsRefused) {
  ServerOptions options = Options();
  options.http_tcp = "0.0.0.0:7449";
  EXPECT_THAT(Server::Start(options),
              StatusIs(absl::StatusCode::kInvalidArgument, "http_tcp must be a loopback address"));
}

// Streams of requests.

constexpr char kHeader[] = "{\"observation_set\":{\"name\":\"ladder\"},\"row_count\":2}";
constexpr char kRow[] =
    "{\"observations\":[{\"param_count\":1e9,\"token_count\":2e10,\"loss_nats\":3}]}";

TEST_F(HttpTest, ArrayIsAStreamOfMessages) {
  Start();
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/observations:import",
                                          absl::StrCat("[", kHeader, ",", kRow, ",", kRow, "]")));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("observations/ladder"));
}

TEST_F(HttpTest, LinesAreAStreamOfMessages) {
  Start();
  const std::string lines = absl::StrCat(kHeader, "\n", kRow, "\n\n", kRow, "\n");
  const HttpReply reply = Ask(absl::StrCat(
      "POST /v1/LawService/ImportObservations HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/x-ndjson\r\nContent-Length: ",
      lines.size(), "\r\n\r\n", lines));
  ASSERT_EQ(reply.status, 200) << reply.body;
}

TEST_F(HttpTest, StreamWithoutAMessageIsRefused) {
  Start();
  for (const char* path : {"/v1/observations:import", "/v1/RunService/ReportProgress"}) {
    const HttpReply reply = Ask(JsonRequest("POST", path, "[]"));
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(reply.body, HasSubstr("holds no message"));
  }
  const HttpReply lines =
      Ask("POST /v1/observations:import HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
          "application/x-ndjson\r\nContent-Length: 2\r\n\r\n\n\n");
  EXPECT_EQ(lines.status, 400);
}

TEST_F(HttpTest, BodyOfManyValuesOrKeysIsRefused) {
  Start();
  std::string values = "{\"samples\":[{}", keys = "{\"0\":0";
  for (int i = 1; i < 600'000; ++i) values += ",{}";
  for (int i = 1; i < 5000; ++i) absl::StrAppend(&keys, ",\"", i, "\":0");
  const HttpReply many = Ask(JsonRequest("POST", "/v1/RunService/ReportProgress", values + "]}"));
  EXPECT_EQ(many.status, 400);
  EXPECT_THAT(many.body, HasSubstr("more than 500000 values"));
  EXPECT_THAT(Ask(JsonRequest("POST", "/v1/plans", keys + "}")).body,
              HasSubstr("more than 4096 keys"));
}

TEST_F(HttpTest, BadMessageOfAStreamIsNamedByItsPlace) {
  Start();
  const HttpReply reply =
      Ask(JsonRequest("POST", "/v1/observations:import",
                      absl::StrCat("[", kHeader, ",{\"observations\":[{\"loss_nats\":true}]}]")));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("\"field\":\"[1].observations[0].loss_nats\""));
}

}  // namespace
}  // namespace rhumb::daemon
