// SPDX-License-Identifier: Apache-2.0
// Streams, slow callers and probes: what holds a thread, and what must not.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/http/http_fixture.h"

namespace rhumb::daemon {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// Minutes of work, so that it is still going on when it is looked at.
constexpr char kLongFit[] =
    "{\"observations\":\"ladder\",\"options\":{\"family\":\"chinchilla\",\"bootstrap_count\":"
    "100000,"
    "\"method\":\"NLS\"}}";

class HttpStreamTest : public HttpTest {
 protected:
  // Streams that have begun.
  std::vector<std::unique_ptr<HttpConnection>> OpenStreams(int count) {
    std::vector<std::unique_ptr<HttpConnection>> streams;
    for (int i = 0; i < count; ++i) {
      streams.push_back(std::make_unique<HttpConnection>(socket_path()));
      streams.back()->Send(JsonRequest("POST", "/v1/laws:fit", kLongFit));
      EXPECT_THAT(streams.back()->ReceiveHead(), StartsWith("HTTP/1.1 200 ")) << i;
    }
    return streams;
  }
};

TEST_F(HttpStreamTest, FitTellsProgressThenItsResultThenTheEnd) {
  Start();
  ImportRuns("ladder", 49);
  const HttpReply reply =
      Ask(JsonRequest("POST", "/v1/laws:fit",
                      "{\"observations\":\"ladder\",\"options\":{\"family\":\"chinchilla\"}}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream");
  EXPECT_THAT(
      reply.body,
      AllOf(StartsWith("data: {\"progress\":{\"fraction\":0,\"stage\":\"waiting\"}}\n\n"),
            HasSubstr("data: {\"result\":{\"law\":{"), EndsWith("\n\nevent: end\ndata: {}\n\n")));
}

TEST_F(HttpStreamTest, RequestThatCannotBeReadHasItsStatus) {
  Start();
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/laws:fit", "{\"observation\":1}"));
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("\"field\":\"observation\""));
}

TEST_F(HttpStreamTest, FailureOnTheWayIsAnEvent) {
  Start();
  ImportRuns("ladder", 49);
  const HttpReply reply =
      Ask(JsonRequest("POST", "/v1/laws:fit", kLongFit, "X-Rhumb-Timeout-Seconds: 0.5\r\n"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("event: error\ndata: {\"code\":\"DEADLINE_EXCEEDED\""));
}

TEST_F(HttpStreamTest, CallerThatGoesEndsItsFit) {
  Start();
  ImportRuns("ladder", 49);
  // Two fits run at once and the third waits: it begins once one of them has been given up.
  auto streams = OpenStreams(2);
  streams.clear();
  const auto began = Clock::now();
  const HttpReply reply =
      Ask(JsonRequest("POST", "/v1/laws:fit",
                      "{\"observations\":\"ladder\",\"options\":{\"family\":\"chinchilla\"}}"));
  EXPECT_THAT(reply.body, HasSubstr("event: end"));
  EXPECT_LT(SecondsSince(began), 10);
}

TEST_F(HttpStreamTest, CallerThatGoesEndsItsUnaryCall) {
  Start();
  ImportRuns("ladder", 49);
  {
    HttpConnection gone(socket_path());
    gone.Send(JsonRequest("POST", "/v1/laws:backtest",
                          "{\"observations\":\"ladder\",\"options\":{\"family\":\"auto\","
                          "\"bootstrap_count\":100000}}"));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // so that it has begun
  }
  const std::string ended = "rhumb_rpc_requests_total{code=\"CANCELLED\",method=\"BacktestLaw\"";
  std::string text;
  for (const auto began = Clock::now();
       !absl::StrContains(text, ended) && SecondsSince(began) < 20;)
    text = Ask(JsonRequest("GET", "/metrics")).body;
  EXPECT_THAT(text, HasSubstr(ended));
}

TEST_F(HttpStreamTest, StreamBeyondTheLastSlotIsToldToComeBack) {
  ServerOptions options = Options();
  options.http_thread_count = 8;
  Start(options);
  ImportRuns("ladder", 49);
  const auto streams = OpenStreams(4);
  const HttpReply reply = Ask(JsonRequest("POST", "/v1/laws:fit", kLongFit));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.at("retry-after"), "5");
  EXPECT_THAT(reply.body, HasSubstr("TOO_MANY_STREAMS"));
  // Unary calls have the other half of the threads.
  EXPECT_EQ(Ask(JsonRequest("GET", "/v1/plans")).status, 200);
  EXPECT_EQ(Ask(JsonRequest("GET", "/healthz")).status, 200);
}

TEST_F(HttpStreamTest, SlotIsFreeAgainOnceItsCallerHasGone) {
  ServerOptions options = Options();
  options.http_thread_count = 2;
  Start(options);
  ImportRuns("ladder", 49);
  OpenStreams(1).clear();
  int status = 503;
  for (const auto began = Clock::now(); status == 503 && SecondsSince(began) < 20;) {
    HttpConnection next(socket_path());
    next.Send(JsonRequest("POST", "/v1/laws:fit", kLongFit));
    status = std::atoi(next.ReceiveHead().c_str() + std::strlen("HTTP/1.1 "));
  }
  EXPECT_EQ(status, 200);
}

TEST_F(HttpStreamTest, DrainEndsStreamsWithAnEventAndInTime) {
  ServerOptions options = Options();
  options.drain_seconds = 30;
  Start(options);
  ImportRuns("ladder", 49);
  const auto streams = OpenStreams(1);
  const auto began = Clock::now();
  std::thread drain([&] { server_->Drain(); });
  std::string last, part;
  while (!(part = streams[0]->ReceiveChunk()).empty()) last = part;
  EXPECT_THAT(last, HasSubstr("event: error\ndata: {\"code\":\"UNAVAILABLE\""));
  drain.join();
  EXPECT_LT(SecondsSince(began), 5);  // of the 30 that calls would get
}

// Slow and silent callers.

TEST_F(HttpStreamTest, HundredsOfSlowCallersHoldNoThread) {
  ServerOptions options = Options();
  options.http_thread_count = 2;
  Start(options);
  std::vector<std::unique_ptr<HttpConnection>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<HttpConnection>(socket_path()));
    ASSERT_TRUE(slow.back()->connected());
    // A third each stop in the head, in a body, in a chunk.
    slow.back()->Send(i % 3 == 0 ? "GET /v1/plans HTTP/1.1\r\nHost: loc"
                      : i % 3 == 1
                          ? "POST /v1/plans HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"
                          : "POST /v1/plans HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{");
  }
  const auto began = Clock::now();
  EXPECT_EQ(Ask(JsonRequest("GET", "/healthz")).status, 200);
  EXPECT_EQ(Ask(JsonRequest("GET", "/v1/plans")).status, 200);
  EXPECT_LT(SecondsSince(began), 2);
}

TEST_F(HttpStreamTest, CallersBeyondTheLimitPushOutThoseThatWaitedLongest) {
  Start();
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 1100; ++i) {
    idle.push_back(std::make_unique<HttpConnection>(server_->http_tcp_port()));
    if (!idle.back()->connected())
      GTEST_SKIP() << "SKIPPED: descriptors of this process are used up";
  }
  EXPECT_TRUE(idle[0]->IsClosedWithin(5));
  EXPECT_EQ(AskTcp(JsonRequest("GET", "/healthz")).status, 200);
}

// Probes.

TEST_F(HttpStreamTest, ProbesAnswerWhileEveryThreadIsTaken) {
  ServerOptions options = Options();
  options.http_thread_count = 2;
  Start(options);
  ImportRuns("ladder", 49);
  // One stream and one unary call that takes long are both threads.
  const auto streams = OpenStreams(1);
  HttpConnection busy(socket_path());
  busy.Send(JsonRequest("POST", "/v1/LawService/BacktestLaw",
                        "{\"observations\":\"ladder\",\"options\":{\"family\":\"auto\","
                        "\"bootstrap_count\":100000}}"));
  for (const char* path : {"/healthz", "/livez?verbose", "/readyz", "/metrics"})
    EXPECT_EQ(Ask(JsonRequest("GET", path)).status, 200) << path;
}

TEST_F(HttpStreamTest, ReadinessSaysWhatItLookedAt) {
  Start();
  EXPECT_EQ(Ask(JsonRequest("GET", "/readyz?verbose")).body, "[+]serving ok\n[+]database ok\nok\n");
  EXPECT_EQ(Ask(JsonRequest("GET", "/livez")).body, "ok\n");
}

TEST_F(HttpStreamTest, ProbesAreOnlyRead) {
  Start();
  const HttpReply reply = Ask(JsonRequest("POST", "/healthz", "{}"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD");
}

}  // namespace
}  // namespace rhumb::daemon
