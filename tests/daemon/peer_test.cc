// SPDX-License-Identifier: Apache-2.0
#include "daemon/peer.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rhumb/v1/law_service.grpc.pb.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;
using ::rhumb::testing_support::WriteFile;

TEST(PeerRegistryTest, ADescriptorIsWhoeverWasRegisteredLast) {
  PeerRegistry peers;
  peers.Register(7, 1000);
  EXPECT_EQ(peers.Find("fd:7").uid, 1000);
  peers.Register(7, 1001);
  EXPECT_EQ(peers.Find("fd:7").uid, 1001);
  EXPECT_TRUE(peers.Find("fd:7").known);
}

TEST(PeerRegistryTest, NobodyIsKnownWithoutRegistration) {
  const PeerRegistry peers;
  for (const char* peer : {"fd:7", "fd:", "ipv4:127.0.0.1:5000", "unix:/x", "", "fd:7x"}) {
    EXPECT_FALSE(peers.Find(peer).known) << peer;
    EXPECT_FALSE(peers.Find(peer).MayChange(0)) << peer;
    EXPECT_FALSE(peers.Find(peer).MayChange(kNobodyUid)) << peer;
  }
}

TEST(PeerRegistryTest, EveryCallIsOurOwnWhereNobodyElseCanCall) {
  EXPECT_EQ(PeerRegistry(true).Find("unknown").uid, static_cast<int64_t>(geteuid()));
  EXPECT_FALSE(PeerRegistry(false).Find("unknown").known);
}

TEST(CallerTest, OwnersRootAndTheDaemonsUserMayChange) {
  EXPECT_TRUE((Caller{1000, true}).MayChange(1000));
  EXPECT_FALSE((Caller{1000, true}).MayChange(1001));
  EXPECT_TRUE((Caller{0, true}).MayChange(1001));
  EXPECT_TRUE((Caller{static_cast<int64_t>(geteuid()), true}).MayChange(1001));
}

TEST(UnixAcceptorTest, LiveSocketIsNotStolen) {
  const TempDirectory directory;
  PeerRegistry peers;
  auto first = UnixAcceptor::Listen(directory.File("s"), 0600, peers);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(UnixAcceptor::Listen(directory.File("s"), 0600, peers),
              StatusIs(absl::StatusCode::kUnavailable, "another process listens"));
}

TEST(UnixAcceptorTest, StaleSocketIsReplaced) {
  const TempDirectory directory;
  const std::string path = directory.File("s");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(dead);
  PeerRegistry peers;
  EXPECT_THAT(UnixAcceptor::Listen(path, 0600, peers), IsOk());
}

TEST(UnixAcceptorTest, PlainFileIsNeverRemoved) {
  const TempDirectory directory;
  WriteFile(directory.File("s"), "precious");
  PeerRegistry peers;
  EXPECT_THAT(UnixAcceptor::Listen(directory.File("s"), 0600, peers),
              StatusIs(absl::StatusCode::kFailedPrecondition, "is not a socket"));
  EXPECT_EQ(testing_support::ReadFile(directory.File("s")), "precious");
}

TEST(UnixAcceptorTest, OverlongPathIsRefused) {
  PeerRegistry peers;
  EXPECT_THAT(UnixAcceptor::Listen("/tmp/" + std::string(200, 'x'), 0600, peers),
              StatusIs(absl::StatusCode::kFailedPrecondition, "shorter than"));
}

TEST(UnixAcceptorTest, SocketHasTheModeAndGoesAway) {
  const TempDirectory directory;
  PeerRegistry peers;
  struct stat info {};
  {
    auto acceptor = UnixAcceptor::Listen(directory.File("s"), 0640, peers);
    ASSERT_THAT(acceptor, IsOk());
    ASSERT_EQ(stat(directory.File("s").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0640u);
  }
  EXPECT_NE(stat(directory.File("s").c_str(), &info), 0);
}

// Holds its call until told to go on, and shows the peer it saw.
class SlowLawService final : public v1::LawService::Service {
 public:
  grpc::Status GetLaw(grpc::ServerContext* context, const v1::GetLawRequest*, v1::Law*) override {
    peer_.set_value(context->peer());
    gate_.get_future().wait();
    cancelled_.set_value(context->IsCancelled());
    return grpc::Status::OK;
  }
  std::promise<std::string> peer_;
  std::promise<void> gate_;
  std::promise<bool> cancelled_;
};

// The safety of PeerRegistry rests on this: while a call runs, its descriptor stays open even
// though the caller has gone, so that no other connection can get the number.
TEST(PeerRegistryTest, ADescriptorStaysTakenWhileACallOfADeadConnectionRuns) {
  SlowLawService service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const TempDirectory directory;
  PeerRegistry peers;
  auto acceptor = UnixAcceptor::Listen(directory.File("s"), 0600, peers);
  ASSERT_THAT(acceptor, IsOk());
  (*acceptor)->Start([&](int fd) { grpc::AddInsecureChannelFromFd(server.get(), fd); });
  auto stub = std::make_unique<v1::LawService::Stub>(
      grpc::CreateChannel("unix:" + directory.File("s"), grpc::InsecureChannelCredentials()));

  grpc::ClientContext context;
  std::thread caller([&] {
    v1::Law law;
    (void)stub->GetLaw(&context, v1::GetLawRequest(), &law);
  });
  const std::string peer = service.peer_.get_future().get();
  EXPECT_EQ(peers.Find(peer).uid, static_cast<int64_t>(getuid()));
  const std::string fd_path = "/proc/self/fd/" + std::string(absl::StripPrefix(peer, "fd:"));
  char before[64] = {}, after[64] = {};
  ASSERT_GT(readlink(fd_path.c_str(), before, sizeof(before) - 1), 0);
  context.TryCancel();
  caller.join();
  stub.reset();  // closes the caller's end
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_GT(readlink(fd_path.c_str(), after, sizeof(after) - 1), 0) << "closed while a call runs";
  EXPECT_STREQ(before, after);
  service.gate_.set_value();
  EXPECT_TRUE(service.cancelled_.get_future().get());
  (*acceptor)->Stop();
  server->Shutdown();
}

}  // namespace
}  // namespace rhumb::daemon
