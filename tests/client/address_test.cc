// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::client {
namespace {

using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;

std::vector<std::string> Addresses(const AddressEnvironment& environment) {
  std::vector<std::string> addresses;
  const absl::StatusOr<std::vector<CandidateAddress>> candidates = CandidateAddresses(environment);
  EXPECT_TRUE(candidates.ok());
  for (const CandidateAddress& candidate : *candidates) addresses.push_back(candidate.address);
  return addresses;
}

class SocketTest : public ::testing::Test {
 protected:
  SocketTest() {
    char folder[] = "/tmp/rhumb-address-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~SocketTest() override { std::filesystem::remove_all(folder_); }

  std::string Path() const { return folder_ + "/rhumbd.sock"; }
  std::string Address() const { return absl::StrCat("unix://", Path()); }

  // A socket bound to Path(), listening or not; the caller closes it.
  int Bind(bool listening) const {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, Path().c_str(), sizeof(name.sun_path) - 1);
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    if (listening) {
      EXPECT_EQ(listen(fd, 1), 0);
    }
    return fd;
  }

  std::string folder_;
};

TEST(ParseAddressTest, AnAbsolutePathIsAUnixSocket) {
  EXPECT_THAT(ParseAddress("/run/rhumb/rhumbd.sock"),
              IsOkAndHolds(std::string("unix:///run/rhumb/rhumbd.sock")));
}

TEST(ParseAddressTest, HostAndPortStayAsTheyAre) {
  EXPECT_THAT(ParseAddress("localhost:7448"), IsOkAndHolds(std::string("localhost:7448")));
}

TEST(ParseAddressTest, AHostWithoutPortIsRefused) {
  EXPECT_THAT(ParseAddress("localhost"), StatusIs(absl::StatusCode::kInvalidArgument, "host:port"));
}

TEST(ParseAddressTest, APortBeyond65535IsRefused) {
  EXPECT_THAT(ParseAddress("localhost:65536"),
              StatusIs(absl::StatusCode::kInvalidArgument, "localhost:65536"));
}

TEST(ParseAddressTest, TwoSlashesBeforeAPathAreRefused) {
  EXPECT_THAT(ParseAddress("unix://run/x.sock"),
              StatusIs(absl::StatusCode::kInvalidArgument, "three slashes"));
}

TEST(ParseAddressTest, APathThatNoSocketCanHaveIsRefused) {
  EXPECT_THAT(ParseAddress("/" + std::string(200, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument, "too long"));
}

TEST(CandidateAddressesTest, TheEnvironmentComesBeforeTheRuntimeFolderBeforeTheSystem) {
  EXPECT_THAT(Addresses({.rhumb_addr = "unix:///a.sock", .xdg_runtime_dir = "/run/user/1"}),
              ElementsAre("unix:///a.sock", "unix:///run/user/1/rhumb/rhumbd.sock",
                          "unix:///run/rhumb/rhumbd.sock"));
}

TEST(CandidateAddressesTest, WithoutEnvironmentTheSystemsSocketIsLeft) {
  EXPECT_THAT(Addresses({}), ElementsAre("unix:///run/rhumb/rhumbd.sock"));
}

TEST(CandidateAddressesTest, ABadAddressNamesItsVariable) {
  EXPECT_THAT(CandidateAddresses({.rhumb_addr = "nonsense", .xdg_runtime_dir = {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "$RHUMB_ADDR"));
}

TEST_F(SocketTest, NoFileIsAbsent) { EXPECT_EQ(ProbeAddress(Address()), AddressState::kAbsent); }

TEST_F(SocketTest, AListenerIsFound) {
  const int fd = Bind(/*listening=*/true);
  EXPECT_EQ(ProbeAddress(Address()), AddressState::kListening);
  close(fd);
}

TEST_F(SocketTest, AStaleSocketFileRefuses) {
  close(Bind(/*listening=*/true));
  EXPECT_EQ(ProbeAddress(Address()), AddressState::kRefused);
}

TEST_F(SocketTest, AnOrdinaryFileRefuses) {
  std::ofstream(Path()) << "no socket";
  EXPECT_EQ(ProbeAddress(Address()), AddressState::kRefused);
}

TEST_F(SocketTest, AFolderWithoutPermissionIsForbidden) {
  if (geteuid() == 0) GTEST_SKIP() << "root may use every socket";
  const int fd = Bind(/*listening=*/true);
  std::filesystem::permissions(folder_, std::filesystem::perms::none);
  EXPECT_EQ(ProbeAddress(Address()), AddressState::kForbidden);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  close(fd);
}

}  // namespace
}  // namespace rhumb::client
