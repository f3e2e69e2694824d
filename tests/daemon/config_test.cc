// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;
using ::rhumb::testing_support::WriteFile;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string OriginOf(const Config& config, const std::string& key) {
  for (const ConfigValue& value : config.values) {
    if (value.key == key) return value.origin;
  }
  return "no such key";
}

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    sources_.config_path = directory_.File("rhumbd.toml");
    std::filesystem::create_directory(directory_.File("rhumbd.d"));
  }
  void Main(const std::string& text) { WriteFile(sources_.config_path, text); }
  void DropIn(const std::string& name, const std::string& text) {
    WriteFile(directory_.File("rhumbd.d/" + name), text);
  }

  TempDirectory directory_;
  ConfigSources sources_;
};

TEST_F(ConfigTest, WithoutAnySourceEverythingIsDefault) {
  const auto config = LoadConfig(sources_);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.database_path, "/var/lib/rhumb/rhumb.db");
  EXPECT_EQ(config->server.listen_unix_mode, 0660);
  EXPECT_EQ(OriginOf(*config, "log.level"), "default");
}

TEST_F(ConfigTest, LaterSourcesWinAndSayWhoTheyAre) {
  Main("[store]\ndatabase = \"/a\"\n[log]\nlevel = \"debug\"\n[server]\ndrain_seconds = 3\n");
  DropIn("10-a.toml", "[store]\ndatabase = \"/b\"\n[server]\ndrain_seconds = 4.5\n");
  DropIn("20-b.toml", "[store]\ndatabase = \"/c\"\n");
  sources_.environment = {"HOME=/root", "RHUMBD_LOG_LEVEL=error", "RHUMBD_STORE_DATABASE=/d"};
  sources_.flags = {{"store.database", "/e", "--database"}};
  const auto config = LoadConfig(sources_);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.database_path, "/e");
  EXPECT_EQ(OriginOf(*config, "store.database"), "--database");
  EXPECT_EQ(config->log.level, LogLevel::kError);
  EXPECT_EQ(OriginOf(*config, "log.level"), "RHUMBD_LOG_LEVEL");
  EXPECT_EQ(config->server.drain_seconds, 4.5);
  EXPECT_EQ(OriginOf(*config, "server.drain_seconds"), directory_.File("rhumbd.d/10-a.toml:4"));
}

TEST_F(ConfigTest, HttpSocketLiesBesideTheOtherOne) {
  Main("[server]\nsocket = \"/run/site/plan.d/rhumbd.sock\"\n");
  const auto config = LoadConfig(sources_);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.http_unix_path, "/run/site/plan.d/rhumbd-http.sock");
  EXPECT_EQ(OriginOf(*config, "http.socket"), "default");
}

TEST_F(ConfigTest, HttpIsOffWhereItsSocketIsEmpty) {
  Main("[http]\nsocket = \"\"\n");
  const auto config = LoadConfig(sources_);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.http_unix_path, "");
}

TEST_F(ConfigTest, UnknownKeyIsRefusedWithItsLine) {
  Main("[store]\ndatabase = \"/a\"\nfile = \"/b\"\n");
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "rhumbd.toml:3:"));
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "store.file is not a known key"));
}

TEST_F(ConfigTest, UnknownTableIsRefused) {
  Main("verbose = true\n");
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "verbose is not a known table"));
}

TEST_F(ConfigTest, BrokenTomlIsRefusedWithItsLine) {
  Main("[store\n");
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "rhumbd.toml:1:"));
}

TEST_F(ConfigTest, ValueOfTheWrongKindIsRefused) {
  Main("[limits]\nmax_threads = \"many\"\n");
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "limits.max_threads must be an integer"));
}

TEST_F(ConfigTest, BadLogLevelListsTheLevels) {
  sources_.flags = {{"log.level", "loud", "--log-level"}};
  EXPECT_THAT(LoadConfig(sources_),
              StatusIs(kInvalid, "--log-level: log.level must be one of debug, info"));
}

TEST_F(ConfigTest, BadSocketModeIsRefused) {
  Main("[server]\nsocket_mode = \"rw\"\n");
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "server.socket_mode must be an octal mode"));
}

TEST_F(ConfigTest, AgesOfSamplesAreReadWithTheirOrigin) {
  Main("[runs]\nraw_seconds = 600\nten_second_days = 3\n");
  sources_.environment = {"RHUMBD_RUNS_FIVE_MINUTE_DAYS=30"};
  const auto config = LoadConfig(sources_);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->server.run_raw_seconds, 600);
  EXPECT_EQ(config->server.run_ten_second_days, 3);
  EXPECT_EQ(config->server.run_five_minute_days, 30);
  EXPECT_EQ(OriginOf(*config, "runs.five_minute_days"), "RHUMBD_RUNS_FIVE_MINUTE_DAYS");
  EXPECT_NE(PrintConfig(*config).find("[runs]\nraw_seconds = 600  # "), std::string::npos);
}

TEST_F(ConfigTest, AnAgeOfSamplesMustBeAnInteger) {
  Main("[runs]\nten_second_days = 1.5\n");
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "runs.ten_second_days must be an integer"));
}

TEST_F(ConfigTest, UnknownVariableIsRefused) {
  sources_.environment = {"RHUMBD_STORE_DATABSE=/a"};
  EXPECT_THAT(LoadConfig(sources_),
              StatusIs(kInvalid, "RHUMBD_STORE_DATABSE is not a known variable"));
}

TEST_F(ConfigTest, AFileThatWasAskedForMustBeThere) {
  sources_.config_path_given = true;
  EXPECT_THAT(LoadConfig(sources_), StatusIs(kInvalid, "cannot open"));
}

TEST_F(ConfigTest, PrintedConfigReadsBackTheSame) {
  Main("[store]\ndatabase = \"/with \\\"quote\"\n[limits]\nmax_threads = 64\n");
  const auto config = LoadConfig(sources_);
  ASSERT_THAT(config, IsOk());
  const std::string printed = PrintConfig(*config);
  EXPECT_NE(printed.find("max_threads = 64  # " + sources_.config_path + ":4"), std::string::npos)
      << printed;
  Main(printed);
  const auto again = LoadConfig(sources_);
  ASSERT_THAT(again, IsOk()) << printed;
  EXPECT_EQ(again->server.database_path, "/with \"quote");
  EXPECT_EQ(again->server.max_thread_count, 64);
}

TEST(LogTest, LogfmtQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(FormatLogLine(LogFormat::kLogfmt, LogLevel::kInfo, "T", "rpc",
                          {{"code", "OK"}, {"text", "a \"b\"\n"}}),
            "ts=T level=info msg=\"rpc\" code=OK text=\"a \\\"b\\\"\\u000a\"");
}

TEST(LogTest, JsonLineIsOneObject) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, LogLevel::kError, "T", "x", {{"a", "1"}}),
            "{\"ts\":\"T\",\"level\":\"error\",\"msg\":\"x\",\"a\":\"1\"}");
}

}  // namespace
}  // namespace rhumb::daemon
