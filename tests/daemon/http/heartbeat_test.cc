// SPDX-License-Identifier: Apache-2.0
// A stream that has nothing to say: health's Watch, offered by a gateway of its own, as any service
// whose descriptors are linked.
#include <grpcpp/server_builder.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "daemon/health.h"
#include "daemon/http/gateway.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/http/http_client.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::testing::HasSubstr;

class HeartbeatTest : public ::testing::Test {
 protected:
  HeartbeatTest() : health_({}) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&health_);
    grpc_ = builder.BuildAndStart();
    GatewayOptions options;
    options.listener.unix_path = directory_.File("http.sock");
    options.listener.thread_count = 4;
    options.listener.head_timeout = std::chrono::milliseconds(300);
    options.api.heartbeat = std::chrono::milliseconds(300);
    options.services = {"grpc.health.v1.Health"};
    auto gateway = Gateway::Bind(options);
    if (!gateway.ok()) std::abort();
    gateway_ = *std::move(gateway);
    gateway_->Start(*grpc_, peers_, {}, metrics_);
    health_.SetServing();
  }
  ~HeartbeatTest() override {
    gateway_->BeginDrain();
    health_.Drain();
    grpc_->Shutdown(std::chrono::system_clock::now());
    gateway_->Stop();
  }

  testing_support::TempDirectory directory_;
  Metrics metrics_;
  PeerRegistry peers_;
  HealthService health_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(HeartbeatTest, SilentStreamSaysThatItIsStillThere) {
  HttpConnection stream(directory_.File("http.sock"));
  stream.Send(JsonRequest("POST", "/v1/Health/Watch"));
  EXPECT_THAT(stream.ReceiveHead(), HasSubstr("text/event-stream"));
  EXPECT_EQ(stream.ReceiveChunk(), "data: {\"status\":\"SERVING\"}\n\n");
  EXPECT_EQ(stream.ReceiveChunk(), ": still here\n\n");
  EXPECT_EQ(stream.ReceiveChunk(), ": still here\n\n");
}

TEST_F(HeartbeatTest, DrainEndsASilentStream) {
  HttpConnection stream(directory_.File("http.sock"));
  stream.Send(JsonRequest("POST", "/v1/Health/Watch"));
  stream.ReceiveHead();
  stream.ReceiveChunk();
  gateway_->BeginDrain();
  std::string last, part;
  while (!(part = stream.ReceiveChunk()).empty()) last = part;
  EXPECT_THAT(last, HasSubstr("\"reason\":\"DRAINING\""));
}

TEST_F(HeartbeatTest, StreamToAnOldCallerEndsWithItsConnection) {
  HttpConnection stream(directory_.File("http.sock"));
  stream.Send("POST /v1/Health/Watch HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(stream.ReceiveHead(), ::testing::Not(HasSubstr("chunked")));
  gateway_->BeginDrain();
  EXPECT_TRUE(stream.IsClosedWithin(5));
}

TEST_F(HeartbeatTest, UnaryMethodOfAnyServiceIsOffered) {
  HttpConnection connection(directory_.File("http.sock"));
  connection.Send(JsonRequest("POST", "/v1/Health/Check"));
  EXPECT_EQ(connection.Receive().body, "{\"status\":\"SERVING\"}\n");
}

TEST_F(HeartbeatTest, RequestThatIsNotWholeInTimeIsRefused) {
  HttpConnection connection(directory_.File("http.sock"));
  connection.Send("POST /v1/Health/Check HTTP/1.1\r\nHost: loc");
  const HttpReply reply = connection.Receive();
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(reply.body, HasSubstr("SLOW_REQUEST"));
}

TEST_F(HeartbeatTest, ConnectionThatNeverSaysAnythingIsClosed) {
  HttpConnection connection(directory_.File("http.sock"));
  EXPECT_TRUE(connection.IsClosedWithin(5));
}

}  // namespace
}  // namespace rhumb::daemon
