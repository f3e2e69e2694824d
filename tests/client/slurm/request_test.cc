// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rhumb::slurm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Request Read(std::string_view text) {
  const Outcome<Request> request = ReadRequest(text);
  EXPECT_TRUE(request.ok()) << text << ": " << request.problem;
  return request.ok() ? *request : Request();
}

std::vector<std::string> Arguments(std::string_view text, const Settings& settings = {}) {
  std::vector<std::string> arguments = HelperArguments(Read(text), settings, GpuNames());
  // What every question ends with.
  EXPECT_EQ(arguments.back(), "--timeout=1.800000s");
  arguments.resize(arguments.size() - 4);
  return arguments;
}

TEST(RequestTest, FlagsAreSeparatedByCommas) {
  EXPECT_THAT(Read("gpus=16xh100, deadline=24h,free").flags,
              ElementsAre(Pair("gpus", ElementsAre("16xh100")),
                          Pair("deadline", ElementsAre("24h")), Pair("free", ElementsAre(""))));
}

TEST(RequestTest, OneSemicolonLeavesCommasToValues) {
  EXPECT_THAT(
      Read("gpus=16xh100;file=a,b.toml;").flags,
      ElementsAre(Pair("gpus", ElementsAre("16xh100")), Pair("file", ElementsAre("a,b.toml"))));
}

TEST(RequestTest, ARepeatedFlagHasSeveralValues) {
  EXPECT_THAT(Read("gpus=16xh100,gpus=8xa100").flags,
              ElementsAre(Pair("gpus", ElementsAre("16xh100", "8xa100"))));
}

TEST(RequestTest, UnderscoresAreDashes) {
  EXPECT_THAT(Read("unique_tokens=2T").flags,
              ElementsAre(Pair("unique-tokens", ElementsAre("2T"))));
}

TEST(RequestTest, APlanStandsAlone) {
  EXPECT_EQ(Read("plan=plans/p-1").plan, "plans/p-1");
  EXPECT_THAT(ReadRequest("plan=plans/p-1,deadline=1d").problem,
              HasSubstr("deadline cannot stand beside it"));
}

TEST(RequestTest, WhatIsNoRequestIsRefused) {
  EXPECT_THAT(ReadRequest("").problem, HasSubstr("asks for nothing"));
  EXPECT_THAT(ReadRequest(" ,; ").problem, HasSubstr("is no FLAG=VALUE"));
  EXPECT_THAT(ReadRequest("--gpus=8xh100").problem, HasSubstr("is no FLAG=VALUE"));
  EXPECT_THAT(ReadRequest("gpus=").problem, HasSubstr("gpus= has no value"));
  EXPECT_THAT(ReadRequest("plan").problem, HasSubstr("plan has no name"));
}

TEST(RequestTest, FlagsAboutOutputOrDaemonAreRefused) {
  for (const char* flag : {"emit=sbatch", "addr=x", "local", "timeout=9h", "save=/tmp/x", "json"}) {
    EXPECT_THAT(ReadRequest(flag).problem, HasSubstr("cannot be given here")) << flag;
  }
}

TEST(RequestTest, TheLaterRequestHolds) {
  const Request merged = Merge(Read("gpus=16xh100,deadline=1d"), Read("deadline=2d,free"));
  EXPECT_EQ(merged, Read("gpus=16xh100,deadline=2d,free"));
  EXPECT_EQ(Merge(Read("gpus=16xh100"), Read("plan=plans/p-1")), Read("plan=plans/p-1"));
  EXPECT_EQ(Merge(Read("plan=plans/p-1"), Read("gpus=16xh100")), Read("gpus=16xh100"));
}

TEST(RequestTest, BecomesFlagsOfOneWordEach) {
  EXPECT_THAT(Arguments("gpus=16xh100,deadline=-1 --local,free"),
              ElementsAre("plan", "--gpus=16xh100", "--deadline=-1 --local", "--free"));
  EXPECT_THAT(Arguments("plan=plans/p-1"), ElementsAre("plans", "show", "plans/p-1"));
}

TEST(RequestTest, TheClusterIsTheSitesWhereNoGpusAreNamed) {
  Settings settings;
  settings.cluster = "mine";
  EXPECT_THAT(Arguments("deadline=1d", settings),
              ElementsAre("plan", "--deadline=1d", "--cluster=mine", "--free"));
  EXPECT_THAT(Arguments("gpus=8xh100", settings), ElementsAre("plan", "--gpus=8xh100"));
  settings.free = false;
  EXPECT_THAT(Arguments("deadline=1d", settings),
              ElementsAre("plan", "--deadline=1d", "--cluster=mine"));
  EXPECT_THAT(Arguments("deadline=1d,free", settings),
              ElementsAre("plan", "--deadline=1d", "--free", "--cluster=mine"));
}

TEST(RequestTest, NeverAnswersInProcess) {
  const std::vector<std::string> arguments =
      HelperArguments(Read("plan=plans/p-1"), Settings(), GpuNames());
  EXPECT_THAT(arguments, testing::Contains("--no-local"));
}

TEST(SettingsTest, DefaultsNeedNoWords) {
  const Outcome<Settings> settings = ReadSettings({});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->helper, "/usr/bin/rhumb");
  EXPECT_EQ(settings->deadline_milliseconds, 2000);
}

TEST(SettingsTest, ReadsEveryKey) {
  const Outcome<Settings> settings =
      ReadSettings({"helper=/a", "addr=unix:///b", "cluster=c", "free=no", "gpus=/d",
                    "deadline_ms=500", "policy=advise", "reserve=yes"});
  ASSERT_TRUE(settings.ok()) << settings.problem;
  EXPECT_EQ(settings->addr, "unix:///b");
  EXPECT_EQ(settings->cluster, "c");
  EXPECT_FALSE(settings->free);
  EXPECT_EQ(settings->policy, Policy::kAdvise);
  EXPECT_TRUE(settings->reserve);
}

TEST(SettingsTest, WrongWordsNameKeyAndWhatIsAllowed) {
  EXPECT_THAT(ReadSettings({"helper=rhumb"}).problem,
              HasSubstr("helper=rhumb: must be an absolute"));
  EXPECT_THAT(ReadSettings({"deadline_ms=60000"}).problem, HasSubstr("from 100 to 10000"));
  EXPECT_THAT(ReadSettings({"deadline_ms=2s"}).problem, HasSubstr("from 100 to 10000"));
  EXPECT_THAT(ReadSettings({"free=maybe"}).problem, HasSubstr("yes or no"));
  EXPECT_THAT(ReadSettings({"reserve=1"}).problem, HasSubstr("yes or no"));
  EXPECT_THAT(ReadSettings({"policy=enforce"}).problem, HasSubstr("fill or advise"));
  EXPECT_THAT(ReadSettings({"colour=red"}).problem, HasSubstr("is not one of helper, addr"));
  EXPECT_THAT(ReadSettings({"helper"}).problem, HasSubstr("no KEY=VALUE"));
}

TEST(GpuNamesTest, TranslatesBothWays) {
  const Outcome<GpuNames> names =
      GpuNames::Read("# site\nhopper = H100-SXM5-80GB  # new\nh100=H100-SXM5-80GB\n");
  ASSERT_TRUE(names.ok()) << names.problem;
  EXPECT_EQ(names->TypeOf("H100"), "H100-SXM5-80GB");
  EXPECT_EQ(names->NameOf("h100_sxm5-80gb"), "hopper");
  EXPECT_EQ(names->PoolOf("16xhopper@2.5"), "16xH100-SXM5-80GB@2.5");
  EXPECT_EQ(names->PoolOf("16xother"), "16xother");
  EXPECT_EQ(names->PoolOf("16"), "16");
}

TEST(GpuNamesTest, WithoutARowATypeHasTheCataloguesShortAlias) {
  EXPECT_EQ(GpuNames().NameOf("H100-SXM5-80GB"), "h100");
  EXPECT_EQ(GpuNames().TypeOf("h100"), "h100");
}

TEST(GpuNamesTest, UntypedGpusHaveNoName) {
  EXPECT_EQ(GpuNames::Read("untyped = H100-SXM5-80GB\n")->NameOf("H100-SXM5-80GB"), "");
}

TEST(GpuNamesTest, AWrongRowIsNamedByLine) {
  EXPECT_THAT(GpuNames::Read("\nh100\n").problem, HasSubstr("line 2"));
  EXPECT_THAT(GpuNames::Read("a:b = H100").problem, HasSubstr("line 1"));
}

}  // namespace
}  // namespace rhumb::slurm
