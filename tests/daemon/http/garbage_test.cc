// SPDX-License-Identifier: Apache-2.0
// Random and hostile requests: the daemon answers each with an error that is JSON, or closes the
// connection, and goes on.
#include <google/protobuf/stubs/logging.h>

#include <atomic>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/json/json_tree.h"
#include "tests/daemon/http/http_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;

// Whether an error body has what every one has.
bool IsErrorBody(const std::string& body) {
  const auto tree = ParseJsonTree(body);
  if (!tree.ok() || tree->kind != JsonValue::Kind::kObject) return false;
  int known = 0;
  for (const auto& [key, value] : tree->members) {
    known += key == "code" && value.kind == JsonValue::Kind::kString && !value.text.empty();
    known += key == "message" && value.kind == JsonValue::Kind::kString && !value.text.empty();
    known += key == "field_violations" && value.kind == JsonValue::Kind::kArray;
  }
  return known == 3;
}

class HttpGarbageTest : public HttpTest {
 protected:
  HttpGarbageTest() {
    complaint_count_ = 0;
    // Text that is no UTF-8 must not come so far that protobuf complains of it on stderr.
    before_ = google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*, int,
                                                 const std::string&) { ++complaint_count_; });
    Start();
  }
  ~HttpGarbageTest() override {
    google::protobuf::SetLogHandler(before_);
    EXPECT_EQ(complaint_count_, 0);
  }

  // Sends `request` and judges the reply; true if it was an error.
  bool AnswersWell(const std::string& request) {
    HttpConnection connection(server_->http_tcp_port());
    connection.Send(request);
    const HttpReply reply = connection.Receive(!absl::StartsWith(request, "HEAD"));
    EXPECT_NE(reply.status, 0) << request.substr(0, 300);
    if (reply.status < 400) return false;
    EXPECT_TRUE(absl::StartsWith(request, "HEAD") || IsErrorBody(reply.body))
        << reply.status << " " << reply.body << " to " << request.substr(0, 300);
    EXPECT_NE(reply.status, 500) << reply.body << " to " << request.substr(0, 300);
    return true;
  }

  std::string Pick(const std::vector<std::string>& from) { return from[random_() % from.size()]; }

  // JSON that is often wrong.
  std::string AnyJson(int depth = 0) {
    switch (random_() % (depth > 4 ? 6 : 9)) {
      case 0:
        return Pick({"1e999", "-0", "1e-999", "NaN", "Infinity", "-Infinity", "0x10", "01", "1.",
                     ".5", "9223372036854775808", "-9223372036854775809", "1e308",
                     std::string(5000, '9')});
      case 1:
        return Pick({"null", "true", "false", "nul", "True", ""});
      case 2:
        return Pick({"\"\"", "\"\\ud800\"", "\"\\u0000\"", "\"\xff\xfe\"", "\"\xc0\x80\"",
                     "\"\xed\xa0\x80\"", "\"unclosed", "\"\\x\"", "\"line\nfeed\"",
                     absl::StrCat("\"", std::string(70'000, 'a'), "\"")});
      case 3:
        return absl::StrCat(random_() % 100'000);
      case 4:
        return Pick({"\"LOSS\"", "\"H100-SXM5-80GB\"", "\"besiroglu2024\"", "1e21", "7e9", "-1"});
      case 5:
        return Pick({"[", "{", "}", "[,]", "{,}", "{\"a\"}", "{\"a\":}", "[1 2]", "//x", "{}{}"});
      case 6:
        return absl::StrCat("[", AnyJson(depth + 1), ",", AnyJson(depth + 1), "]");
      default:
        return absl::StrCat("{\"", Key(), "\":", AnyJson(depth + 1), ",\"", Key(),
                            "\":", AnyJson(depth + 1), "}");
    }
  }

  std::string Key() {
    return Pick({"compute_flops", "param_count", "gpu_pools",    "gpu_type",  "count",  "layout",
                 "law",           "name",        "level",        "objective", "run",    "jobs",
                 "cluster",       "nodes",       "observations", "options",   "inputs", "page_size",
                 "page_token",    "request_id",  "architecture", "nonsense",  "",       "a.b",
                 "\\u0000",       "\xff"});
  }

  std::string AnyPath() {
    if (random_() % 3 == 0) {
      return absl::StrCat(
          "/v1/", Pick({"PlanService/", "LawService/", "ClusterService/", "RunService/"}),
          Pick({"CreatePlan", "CheckConfiguration", "PredictLoss", "BacktestLaw",
                "ImportObservations", "SyncNodes", "ApplyCluster", "CreateRun", "SyncJobs",
                "CreateLaw", "Nonsense", "SuggestExperiments", "ApplyGpuType"}));
    }
    std::string path;
    for (size_t i = random_() % 5; i > 0; --i) {
      path += Pick({"/v1",
                    "/plans",
                    "/laws",
                    "/",
                    "//",
                    "/..",
                    "/%2e%2e",
                    "/%00",
                    "/%",
                    "/%zz",
                    "/%ff",
                    "/%0d%0aSet-Cookie:x",
                    ":finish",
                    "/runs",
                    "/nodes",
                    "?page_size=",
                    "?a=b&a=c",
                    "#x",
                    "?layout.=1",
                    "?.=.",
                    "?%ff=%ff",
                    "&planable=true",
                    "=9e99",
                    "/gpuTypes",
                    "@1",
                    ";",
                    std::string(9000, 'p'),
                    "?x=" + std::string(7000, 'q')});
    }
    return path.empty() ? "/" : path;
  }

  std::mt19937_64 random_{20261121};
  google::protobuf::LogHandler* before_ = nullptr;
  static inline std::atomic<int> complaint_count_{0};
};

TEST_F(HttpGarbageTest, JsonOfAnyKindIsAnsweredOrRefused) {
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string path = absl::StrCat(
        "/v1/",
        Pick({"PlanService/CreatePlan", "PlanService/CheckConfiguration", "PlanService/PredictLoss",
              "LawService/CreateLaw", "LawService/BacktestLaw", "LawService/ImportObservations",
              "ClusterService/SyncNodes", "ClusterService/ApplyCluster", "RunService/CreateRun",
              "RunService/SyncJobs", "LawService/SuggestExperiments"}));
    const std::string body = AnyJson();
    refused += AnswersWell(JsonRequest("POST", path, body.empty() ? " " : body));
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, 2500);  // most of it is wrong
}

TEST_F(HttpGarbageTest, TargetOfAnyKindIsAnsweredOrRefused) {
  for (int i = 0; i < 3000; ++i) {
    const std::string method = Pick({"GET", "POST", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS",
                                     "TRACE", "CONNECT", "PRI", "get", "FOO", "M-SEARCH"});
    AnswersWell(JsonRequest(method, AnyPath(), random_() % 2 == 0 ? "" : AnyJson(4)));
    if (HasFailure()) return;
  }
}

TEST_F(HttpGarbageTest, HeaderOfAnyKindIsAnsweredOrRefused) {
  for (int i = 0; i < 2000; ++i) {
    std::string more;
    for (size_t count = random_() % 4; count > 0; --count) {
      more += Pick({"X-Request-Id: a\r\nX-Evil: b\r\n",
                    "X-Request-Id: \xff\x01\r\n",
                    "traceparent: 00-0\r\n",
                    "Range: bytes=0-,-1,5-2\r\n",
                    "Range: nonsense\r\n",
                    "Accept-Encoding: gzip, br\r\n",
                    "Expect: 100-continue\r\n",
                    "Connection: Keep-Alive, Upgrade\r\n",
                    "Upgrade: h2c\r\n",
                    "Content-Type: multipart/form-data; boundary=\r\n",
                    "Host: evil\r\n",
                    "Cookie: a=b\r\n",
                    "X-Rhumb-Timeout-Seconds: -1\r\n",
                    "X-Rhumb-Timeout-Seconds: \xff\r\n",
                    "Content-Type: \xff\r\n",
                    "X-Rhumb-Timeout-Seconds: nan\r\n",
                    "X-Rhumb-Timeout-Seconds: 1e400\r\n",
                    "grpc-timeout: 99999999999H\r\n",
                    "grpc-timeout: 1x\r\n",
                    "Content-Length: 0\r\n",
                    "Authorization: Basic Og==\r\n",
                    absl::StrCat("X-Long: ", std::string(8100, 'h'), "\r\n"),
                    "A: \x01\r\n",
                    "B\r\n",
                    ": c\r\n",
                    "REMOTE_ADDR: 1.2.3.4\r\n",
                    "Content-Encoding: gzip\r\n"});
    }
    AnswersWell(JsonRequest(Pick({"GET", "POST", "HEAD"}),
                            Pick({"/v1/plans", "/healthz", "/metrics"}), "", more));
    if (HasFailure()) return;
  }
}

// Whatever bytes come, the next caller is answered.
TEST_F(HttpGarbageTest, BytesOfAnyKindLeaveTheDaemonServing) {
  for (int i = 0; i < 2000; ++i) {
    HttpConnection connection(socket_path());
    std::string bytes;
    for (size_t count = random_() % 200; count > 0; --count)
      bytes += random_() % 3 == 0
                   ? Pick({"\r\n", " HTTP/1.1\r\n", "GET / ", ":", "POST /v1/plans "})
                   : std::string(1, static_cast<char>(random_()));
    connection.Send(bytes);
  }
  EXPECT_EQ(Ask(JsonRequest("GET", "/readyz")).status, 200);
}

TEST_F(HttpGarbageTest, DeepNestingIsRefusedByItsPath) {
  std::string body = "{\"architecture\":";
  for (int i = 0; i < 100'000; ++i) body += "[";
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/plans", body));
  EXPECT_EQ(reply.status, 400);
  EXPECT_TRUE(IsErrorBody(reply.body)) << reply.body;
  EXPECT_THAT(reply.body, ::testing::HasSubstr("nested deeper"));
}

TEST_F(HttpGarbageTest, HeadersOfRepliesHoldNothingThatCallersSent) {
  HttpConnection connection(socket_path());
  connection.Send(
      "GET /v1/plans/%0d%0aX-Evil:%20b HTTP/1.1\r\nHost: localhost\r\n"
      "X-Request-Id: a%0d%0aX-Evil: b\r\n\r\n");
  const HttpReply reply = connection.Receive();
  EXPECT_EQ(reply.headers.count("x-evil"), 0u);
}

}  // namespace
}  // namespace rhumb::daemon
