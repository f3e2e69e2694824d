// SPDX-License-Identifier: Apache-2.0
// A daemon with HTTP on a unix socket and on TCP, and questions to it.
#ifndef RHUMB_TESTS_DAEMON_HTTP_HTTP_FIXTURE_H_
#define RHUMB_TESTS_DAEMON_HTTP_HTTP_FIXTURE_H_

#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/server.h"
#include "gtest/gtest.h"
#include "tests/daemon/http/http_client.h"
#include "tests/daemon/temp_directory.h"

namespace rhumb::daemon {

class HttpTest : public ::testing::Test {
 protected:
  ServerOptions Options() const {
    ServerOptions options;
    options.database_path = directory_.File("rhumb.db");
    options.listen_unix_path = directory_.File("rhumbd.sock");
    options.http_unix_path = directory_.File("rhumbd-http.sock");
    options.http_tcp = "127.0.0.1:0";
    options.drain_seconds = 2;
    return options;
  }

  void Start(const ServerOptions& options) {
    auto server = Server::Start(options);
    if (!server.ok()) {
      ADD_FAILURE() << server.status();
      std::abort();
    }
    server_ = *std::move(server);
  }
  void Start() { Start(Options()); }

  std::string socket_path() const { return directory_.File("rhumbd-http.sock"); }

  // Over the unix socket, on a connection of its own.
  HttpReply Ask(const std::string& request) const {
    HttpConnection connection(socket_path());
    connection.Send(request);
    return connection.Receive();
  }
  HttpReply AskTcp(const std::string& request) const {
    HttpConnection connection(server_->http_tcp_port());
    connection.Send(request);
    return connection.Receive();
  }

  // Stores `count` runs that a law can be fitted to, as observations/NAME.
  void ImportRuns(const std::string& name, int count) const {
    std::string body = absl::StrCat(
        "{\"observation_set\":{\"name\":\"", name,
        "\",\"param_count_convention\":\"TOTAL\"},\"row_count\":", count, ",\"observations\":[");
    for (int i = 0; i < count; ++i) {
      const double params = 1e8 * (1 + i % 7), tokens = 2e9 * (1 + i / 7);
      const double loss = 1.8 + 480 / std::pow(params, 0.35) + 2100 / std::pow(tokens, 0.37);
      absl::StrAppend(&body, i == 0 ? "" : ",", "{\"param_count\":", params,
                      ",\"token_count\":", tokens, ",\"loss_nats\":", loss, "}");
    }
    const HttpReply reply = Ask(JsonRequest("POST", "/v1/observations:import", body + "]}"));
    ASSERT_EQ(reply.status, 200) << reply.body;
  }

  testing_support::TempDirectory directory_;
  std::unique_ptr<Server> server_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_TESTS_DAEMON_HTTP_HTTP_FIXTURE_H_
