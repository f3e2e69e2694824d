// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/doctor_checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

auto Found(CheckState state, const std::string& text) {
  return AllOf(Field("state", &Finding::state, state),
               Field("text", &Finding::text, HasSubstr(text)));
}

auto Advises(const std::string& remedy) {
  return Field("remedy", &Finding::remedy, HasSubstr(remedy));
}

Finding Get(const std::vector<Finding>& findings, const std::string& check) {
  for (const Finding& finding : findings) {
    if (finding.check == check) return finding;
  }
  ADD_FAILURE() << "no finding " << check;
  return {};
}

slurm::HelperResult Exited(int code, std::string out, std::string err = "") {
  return {.end = slurm::HelperResult::End::kExited,
          .exit_code = code,
          .out = std::move(out),
          .err = std::move(err)};
}

slurm::HelperResult TimedOut() { return {.end = slurm::HelperResult::End::kTimedOut}; }

constexpr char kConfig[] =
    "Configuration data as of 2026-11-28T12:00:00\n"
    "AuthInfo                = socket=/run/munge/m\n"
    "AuthType                = auth/munge\n"
    "CliFilterPlugins        = lua\n"
    "ClusterName             = mine\n"
    "PlugStackConfig         = /etc/slurm/plugstack.conf\n";

// A machine where all is well; tests break one thing of it.
class DoctorTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"sbatch", "scontrol", "sinfo", "munge", "unmunge"}) {
      programs_[program] = absl::StrCat("/usr/bin/", program);
    }
    answers_["/usr/bin/sbatch --version"] = Exited(0, "slurm 22.05.8\n");
    answers_["/usr/bin/scontrol ping"] = Exited(0, "Slurmctld(primary) at ctl is UP\n");
    answers_["/usr/bin/scontrol show config"] = Exited(0, kConfig);
    answers_["/usr/bin/sbatch --help"] = Exited(0, "      --rhumb=REQUEST   size the job\n");
    answers_["/usr/bin/rhumb --version"] = Exited(0, "rhumb 1.2.3\n");
    answers_[kAskDaemon] = Exited(0, "rhumb 1.2.3\n");
    answers_["/usr/bin/sinfo -h -o %G"] = Exited(0, "gpu:h100:8(S:0-1)\n(null)\n");
    files_["/etc/slurm/plugstack.conf"] = "include /etc/slurm/plugstack.conf.d/*.conf\n";
    files_["/etc/slurm/plugstack.conf.d/rhumb.conf"] =
        "# ours\noptional /usr/lib/rhumb/slurm/rhumb.so cluster=mine\n";
    files_["/etc/slurm/cli_filter.lua"] = "function rhumb_pre_submit(options, pack_offset)\nend\n";
    files_["/etc/rhumb/slurm-gpus.conf"] = "h100 = H100-SXM5-80GB\n";
  }

  DoctorSurroundings Surroundings() {
    return {.run =
                [this](const std::vector<std::string>& words) {
                  const std::string line = absl::StrJoin(words, " ");
                  asked_.push_back(line);
                  const auto found = answers_.find(line);
                  if (found != answers_.end()) return found->second;
                  return slurm::HelperResult{.problem = "No such file or directory"};
                },
            .find_program = [this](const std::string& program) { return programs_[program]; },
            .read_file = [this](const std::string& path) -> absl::StatusOr<std::string> {
              if (unreadable_ == path) return absl::FailedPreconditionError("cannot be read");
              const auto found = files_.find(path);
              if (found == files_.end()) return absl::NotFoundError("no such file");
              return found->second;
            },
            .glob =
                [this](const std::string& pattern) {
                  std::vector<std::string> paths;
                  const std::string folder = pattern.substr(0, pattern.find('*'));
                  for (const auto& [path, text] : files_) {
                    if (path.size() > folder.size() && path.substr(0, folder.size()) == folder) {
                      paths.push_back(path);
                    }
                  }
                  return paths;
                },
            .variable = [this](const std::string& name) { return variables_[name]; }};
  }

  SlurmSetup Config() {
    SlurmSetup setup;
    CheckSlurm(Surroundings(), setup);
    return setup;
  }
  std::vector<Finding> Slurm() {
    SlurmSetup setup;
    return CheckSlurm(Surroundings(), setup);
  }
  std::vector<Finding> Plugin() {
    return CheckPlugin(
        Config(), Surroundings(), "1.2.3",
        [](const std::string& cluster) {
          return cluster == "mine" ? absl::OkStatus() : absl::NotFoundError("unknown");
        },
        settings_);
  }
  std::vector<Finding> GpuNames(bool daemon = true) {
    KnowsGpuType knows;
    if (daemon) {
      knows = [](const std::string& type) {
        return type == "H100-SXM5-80GB" ? absl::OkStatus() : absl::NotFoundError("unknown");
      };
    }
    return CheckGpuNames(Config(), "/etc/rhumb/slurm-gpus.conf", knows, Surroundings());
  }

  static constexpr char kAskDaemon[] = "/usr/bin/rhumb version --no-local --quiet --timeout 2s";
  static constexpr char kGoRound[] =
      R"x(/bin/sh -c c=$("$1" -n ${3:+"$3"}) && echo "$c" | "$2" ${3:+"$3"} sh )x"
      "/usr/bin/munge /usr/bin/unmunge --socket=/run/munge/m";
  static constexpr char kSnippet[] = "/etc/slurm/plugstack.conf.d/rhumb.conf";
  std::map<std::string, std::string> programs_, files_, variables_;
  std::map<std::string, slurm::HelperResult> answers_;
  std::string unreadable_;
  std::vector<std::string> asked_;
  std::optional<slurm::Settings> settings_;
};

DaemonLook GoodLook() {
  return {.address = "unix:///run/rhumb/rhumbd.sock",
          .version = "1.2.3",
          .round_trip_ms = 0.42,
          .clock_lead_seconds = 0.01};
}

TEST(DoctorDaemonTest, ADaemonThatAnswersIsNamedWithItsRoundTrip) {
  const std::vector<Finding> findings = CheckDaemon(GoodLook(), "1.2.3");
  EXPECT_THAT(findings,
              ElementsAre(Found(CheckState::kOk, "unix:///run/rhumb/rhumbd.sock answers in 0.4 ms"),
                          Found(CheckState::kOk, "rhumb 1.2.3, rhumbd 1.2.3"),
                          Found(CheckState::kOk, "0.0 s ahead of this one")));
}

TEST(DoctorDaemonTest, AnotherVersionIsAWarning) {
  EXPECT_THAT(
      Get(CheckDaemon(GoodLook(), "1.2.4"), "versions"),
      AllOf(Found(CheckState::kWarn, "rhumb 1.2.4, rhumbd 1.2.3"), Advises("same version")));
}

TEST(DoctorDaemonTest, AClockThatIsOffIsAWarning) {
  DaemonLook look = GoodLook();
  look.clock_lead_seconds = -90;
  EXPECT_THAT(Get(CheckDaemon(look, "1.2.3"), "clocks"),
              AllOf(Found(CheckState::kWarn, "90 s behind this one"), Advises("NTP")));
}

TEST(DoctorDaemonTest, AnOldDaemonThatTellsNoTimeIsPassedOver) {
  DaemonLook look = GoodLook();
  look.clock_lead_seconds.reset();
  EXPECT_EQ(Get(CheckDaemon(look, "1.2.3"), "clocks").state, CheckState::kSkip);
}

TEST(DoctorDaemonTest, ASocketWithoutAnAnswerFails) {
  DaemonLook look;
  look.status = absl::UnavailableError("nothing answers at unix:///x");
  EXPECT_THAT(CheckDaemon(look, "1.2.3"),
              ElementsAre(Found(CheckState::kFail, "nothing answers at unix:///x"),
                          Found(CheckState::kSkip, ""), Found(CheckState::kSkip, "")));
}

TEST(DoctorDaemonTest, NoDaemonAnywhereIsAWarningBecauseTheCommandWorksWithoutOne) {
  DaemonLook look;
  look.status = absl::UnavailableError("no socket of a daemon");
  look.is_expected = false;
  EXPECT_THAT(Get(CheckDaemon(look, "1.2.3"), "daemon"),
              AllOf(Found(CheckState::kWarn, "no socket"), Advises("start rhumbd")));
}

TEST(DoctorDaemonTest, ASocketThatMayNotBeUsedIsAMatterOfItsMode) {
  DaemonLook look;
  look.status = absl::PermissionDeniedError("not allowed to use unix:///x");
  EXPECT_THAT(Get(CheckDaemon(look, "1.2.3"), "daemon"),
              AllOf(Found(CheckState::kFail, "not allowed"), Advises("server.socket_mode")));
}

TEST_F(DoctorTest, SlurmIsNamedWithItsVersionAndCluster) {
  EXPECT_THAT(Slurm(), ElementsAre(Found(CheckState::kOk, "slurm 22.05.8, /etc/slurm/slurm.conf"),
                                   Found(CheckState::kOk, "answers, cluster mine")));
}

TEST_F(DoctorTest, WithoutSlurmItsChecksAreSkippedAndNothingIsRun) {
  programs_.clear();
  std::vector<Finding> findings = Slurm();
  const SlurmSetup setup = Config();
  for (const Finding& each : Plugin()) findings.push_back(each);
  for (const Finding& each : GpuNames()) findings.push_back(each);
  findings.push_back(CheckMunge(setup, Surroundings()));
  EXPECT_THAT(findings, testing::Each(Field(&Finding::state, CheckState::kSkip)));
  EXPECT_EQ(findings.size(), 9);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(DoctorTest, CommandsWithoutAConfigurationFail) {
  answers_["/usr/bin/sbatch --version"] =
      Exited(1, "", "sbatch: error: lookup failed\nsbatch: fatal: Could not establish it\n");
  variables_["SLURM_CONF"] = "/opt/slurm.conf";
  EXPECT_THAT(Get(Slurm(), "slurm"),
              AllOf(Found(CheckState::kFail, "--version: sbatch: fatal: Could not establish it"),
                    Advises("/opt/slurm.conf")));
  EXPECT_THAT(Plugin(), testing::Each(Found(CheckState::kSkip, "commands do not work")));
}

TEST_F(DoctorTest, ASlurmctldThatIsDownFailsAndTheFileSaysTheRest) {
  answers_["/usr/bin/scontrol ping"] = Exited(0, "Slurmctld(primary) at ctl is DOWN\n");
  files_["/etc/slurm/slurm.conf"] = "clustername=fromfile # ours\nCliFilterPlugins=lua\n";
  SlurmSetup setup;
  EXPECT_THAT(Get(CheckSlurm(Surroundings(), setup), "slurmctld"),
              AllOf(Found(CheckState::kFail, "is DOWN"), Advises("whether slurmctld runs")));
  EXPECT_EQ(setup.cluster_name, "fromfile");
  EXPECT_EQ(setup.plugstack_file, "/etc/slurm/plugstack.conf");
}

TEST_F(DoctorTest, ASlurmctldThatHangsFailsWithoutWaitingOn) {
  answers_["/usr/bin/scontrol ping"] = TimedOut();
  EXPECT_THAT(Get(Slurm(), "slurmctld"), Found(CheckState::kFail, "no answer in time"));
}

TEST_F(DoctorTest, AMungeCredentialGoesRoundOnSlurmsOwnSocket) {
  answers_[kGoRound] = Exited(0, "STATUS: Success (0)\n");
  EXPECT_THAT(CheckMunge(Config(), Surroundings()), Found(CheckState::kOk, "goes round"));
}

TEST_F(DoctorTest, AMungeThatIsDownFails) {
  answers_[kGoRound] = Exited(6, "", "munge: Error: Failed to access \"/run/m\"\n");
  EXPECT_THAT(
      CheckMunge(Config(), Surroundings()),
      AllOf(Found(CheckState::kFail, "Failed to access"), Advises("systemctl status munge")));
}

TEST_F(DoctorTest, AnotherAuthenticationNeedsNoMunge) {
  answers_["/usr/bin/scontrol show config"] = Exited(0, "AuthType = auth/slurm\n");
  EXPECT_THAT(CheckMunge(Config(), Surroundings()), Found(CheckState::kSkip, "auth/slurm"));
}

TEST_F(DoctorTest, AnInstalledPluginIsWell) {
  EXPECT_THAT(
      Plugin(),
      ElementsAre(Found(CheckState::kOk, "sbatch has --rhumb"),
                  Found(CheckState::kOk,
                        absl::StrCat("optional /usr/lib/rhumb/slurm/rhumb.so in ", kSnippet)),
                  Found(CheckState::kOk, "/usr/bin/rhumb is rhumb 1.2.3 and reaches the daemon"),
                  Found(CheckState::kOk, "cli_filter.lua has Rhumb's part")));
  EXPECT_EQ(settings_->cluster, "mine");
}

TEST_F(DoctorTest, NoPluginIsNoFailure) {
  files_.erase(kSnippet);
  answers_["/usr/bin/sbatch --help"] = Exited(0, "--time\n");
  EXPECT_THAT(Plugin(), testing::Each(Found(CheckState::kSkip, "not installed here")));
}

TEST_F(DoctorTest, APluginThatSbatchDoesNotLoadFailsWithItsComplaint) {
  answers_["/usr/bin/sbatch --help"] = Exited(
      0, "--time\n", "sbatch: error: plugin_load_from_file: Incompatible Slurm plugin version\n");
  EXPECT_THAT(Get(Plugin(), "plugin"),
              AllOf(Found(CheckState::kFail, "Incompatible Slurm plugin version"),
                    Advises("this Slurm's version")));
}

TEST_F(DoctorTest, ARequiredPluginFails) {
  files_[kSnippet] = "required /usr/lib/rhumb/slurm/rhumb.so\n";
  EXPECT_THAT(Get(Plugin(), "plugstack"),
              AllOf(Found(CheckState::kFail, "required"), Advises("write optional")));
}

TEST_F(DoctorTest, AWrongSettingFails) {
  files_[kSnippet] = "optional /usr/lib/rhumb/slurm/rhumb.so deadline_ms=1\n";
  const std::vector<Finding> findings = Plugin();
  EXPECT_THAT(Get(findings, "plugstack"), Found(CheckState::kFail, "from 100 to 10000"));
  EXPECT_EQ(Get(findings, "helper").state, CheckState::kSkip);
}

TEST_F(DoctorTest, TwoLinesForThePluginFail) {
  files_["/etc/slurm/plugstack.conf"] += "optional /opt/rhumb.so\n";
  EXPECT_THAT(Get(Plugin(), "plugstack"),
              AllOf(Found(CheckState::kFail, "once more in"), Advises("keep one")));
}

TEST_F(DoctorTest, AMissingHelperFails) {
  answers_.erase("/usr/bin/rhumb --version");
  EXPECT_THAT(Get(Plugin(), "helper"),
              AllOf(Found(CheckState::kFail, "No such file"), Advises("helper=PATH")));
}

TEST_F(DoctorTest, AHelperOfAnotherVersionIsAWarning) {
  answers_["/usr/bin/rhumb --version"] = Exited(0, "rhumb 1.2.2\n");
  EXPECT_THAT(Get(Plugin(), "helper"),
              AllOf(Found(CheckState::kWarn, "is rhumb 1.2.2"), Advises("this is rhumb 1.2.3")));
}

TEST_F(DoctorTest, AHelperThatReachesNoDaemonFails) {
  files_[kSnippet] = "optional /usr/lib/rhumb/slurm/rhumb.so addr=unix:///x\n";
  answers_[absl::StrCat(kAskDaemon, " --addr unix:///x")] =
      Exited(5, "", "rhumb: error: daemon unavailable: refused\n");
  EXPECT_THAT(Get(Plugin(), "helper"),
              AllOf(Found(CheckState::kFail, "reaches no daemon at unix:///x"),
                    Field(&Finding::text, HasSubstr("daemon unavailable"))));
}

TEST_F(DoctorTest, AFilterWithoutRhumbsPartFails) {
  files_["/etc/slurm/cli_filter.lua"] = "function slurm_cli_pre_submit() end\n";
  EXPECT_THAT(Get(Plugin(), "cli_filter"),
              AllOf(Found(CheckState::kFail, "jobs with --rhumb are refused"),
                    Advises("rhumb_pre_submit()")));
}

TEST_F(DoctorTest, NoLuaAmongTheFiltersFails) {
  answers_["/usr/bin/scontrol show config"] =
      Exited(0, "CliFilterPlugins = (null)\nPlugStackConfig = /etc/slurm/plugstack.conf\n");
  EXPECT_THAT(Get(Plugin(), "cli_filter"),
              AllOf(Found(CheckState::kFail, "CliFilterPlugins"), Advises("CliFilterPlugins=lua")));
}

TEST_F(DoctorTest, TheFilterOfThisNodesFileCountsAndNotWhatSlurmctldSays) {
  files_["/etc/slurm/slurm.conf"] = "ClusterName=mine\n";
  EXPECT_THAT(Get(Plugin(), "cli_filter"),
              Found(CheckState::kFail, "\"\" in /etc/slurm/slurm.conf"));
}

TEST_F(DoctorTest, TheFilterIsFoundInAFileThatSlurmConfIncludes) {
  answers_["/usr/bin/scontrol show config"] = Exited(0, "CliFilterPlugins = (null)\n");
  files_["/etc/slurm/slurm.conf"] = "include site.conf\n";
  files_["/etc/slurm/site.conf"] = "CliFilterPlugins=lua\n";
  EXPECT_EQ(Get(Plugin(), "cli_filter").state, CheckState::kOk);
}

TEST_F(DoctorTest, ALineWithoutAClusterIsAWarning) {
  files_[kSnippet] = "optional /usr/lib/rhumb/slurm/rhumb.so\n";
  EXPECT_THAT(Get(Plugin(), "plugstack"),
              AllOf(Found(CheckState::kWarn, "has no cluster="), Advises("requests without GPUs")));
}

TEST_F(DoctorTest, AClusterThatTheDaemonDoesNotKnowIsAWarning) {
  files_[kSnippet] = "optional /usr/lib/rhumb/slurm/rhumb.so cluster=other\n";
  EXPECT_THAT(Get(Plugin(), "plugstack"),
              AllOf(Found(CheckState::kWarn, "cluster=other, which the daemon does not know"),
                    Advises("requests without GPUs")));
}

TEST_F(DoctorTest, NamesThatTableAndDaemonKnowAreWell) {
  EXPECT_THAT(GpuNames(), ElementsAre(Found(CheckState::kOk, "slurm-gpus.conf names 1 types"),
                                      Found(CheckState::kOk, "GPUs of sinfo: h100")));
}

TEST_F(DoctorTest, AMissingTableIsNoFailure) {
  files_.erase("/etc/rhumb/slurm-gpus.conf");
  EXPECT_THAT(Get(GpuNames(), "gpu_names"), Found(CheckState::kOk, "is not there"));
}

TEST_F(DoctorTest, AWrongLineOfTheTableFails) {
  files_["/etc/rhumb/slurm-gpus.conf"] = "\nh100\n";
  EXPECT_THAT(Get(GpuNames(), "gpu_names"),
              Found(CheckState::kFail, "line 2: must be NAME = TYPE"));
}

TEST_F(DoctorTest, ATableThatCannotBeReadFails) {
  unreadable_ = "/etc/rhumb/slurm-gpus.conf";
  EXPECT_THAT(Get(GpuNames(), "gpu_names"), Found(CheckState::kFail, "cannot be read"));
}

TEST_F(DoctorTest, ATypeThatTheDaemonDoesNotKnowIsAWarning) {
  files_["/etc/rhumb/slurm-gpus.conf"] += "x = X-1\n";
  EXPECT_THAT(Get(GpuNames(), "gpu_names"),
              AllOf(Found(CheckState::kWarn, "unknown to the daemon: X-1"), Advises("gpu list")));
}

TEST_F(DoctorTest, AGpuOfSinfoThatNobodyKnowsIsAWarning) {
  answers_["/usr/bin/sinfo -h -o %G"] = Exited(0, "gpu:h100:8,shard:2\ngpu:4\ngpu:mi300\n");
  EXPECT_THAT(Get(GpuNames(), "gres"),
              AllOf(Found(CheckState::kWarn, "of no known type: mi300, untyped"),
                    Advises("add rows NAME = TYPE")));
}

TEST_F(DoctorTest, WithoutADaemonNobodyJudgesTheNames) {
  EXPECT_EQ(Get(GpuNames(/*daemon=*/false), "gres").state, CheckState::kSkip);
}

v1::NodeInventory News() {
  v1::NodeInventory inventory;
  inventory.mutable_observe_time()->set_seconds(999);
  inventory.mutable_update_time()->set_seconds(1000);
  inventory.set_node_count(2);
  inventory.set_gpu_count(16);
  inventory.set_free_gpu_count(4);
  return inventory;
}

TEST(DoctorAgentTest, FreshNewsAreWell) {
  EXPECT_THAT(
      CheckAgent("mine", News(), 1030),
      ElementsAre(
          Found(CheckState::kOk, "last news of mine are of 31 s ago: 4 of 16 GPUs in 2 nodes free"),
          Found(CheckState::kOk, "1.0 s before"), Found(CheckState::kOk, "every GPU type")));
}

TEST(DoctorAgentTest, LateNewsAreAWarningAndStaleOnesAFailure) {
  EXPECT_THAT(Get(CheckAgent("mine", News(), 1400), "agent"),
              AllOf(Found(CheckState::kWarn, "401 s ago"), Advises("agent runs")));
  EXPECT_THAT(Get(CheckAgent("mine", News(), 1700), "agent"),
              Found(CheckState::kFail, "701 s ago"));
}

TEST(DoctorAgentTest, NewsThatCameLateAreAsOldAsWhatTheySaw) {
  v1::NodeInventory inventory = News();
  inventory.mutable_observe_time()->set_seconds(300);
  EXPECT_THAT(Get(CheckAgent("mine", inventory, 1001), "agent"),
              Found(CheckState::kFail, "701 s ago"));
}

TEST(DoctorAgentTest, AnAgentWhoseClockIsAheadIsAWarning) {
  v1::NodeInventory inventory = News();
  inventory.mutable_observe_time()->set_seconds(1060);
  EXPECT_THAT(Get(CheckAgent("mine", inventory, 1001), "agent_clock"),
              AllOf(Found(CheckState::kWarn, "60 s after"), Advises("NTP")));
}

TEST(DoctorAgentTest, UnknownTypesOfNodesAreAWarning) {
  v1::NodeInventory inventory = News();
  inventory.add_unknown_gpu_types("x9");
  EXPECT_THAT(Get(CheckAgent("mine", inventory, 1001), "gpu_types"),
              AllOf(Found(CheckState::kWarn, "x9"), Advises("slurm-gpus.conf")));
}

TEST(DoctorAgentTest, AClusterThatNobodyToldOfIsAWarning) {
  EXPECT_THAT(CheckAgent("mine", absl::NotFoundError("no"), 1),
              ElementsAre(AllOf(Found(CheckState::kWarn, "nodes of mine"), Advises("cluster sync")),
                          Found(CheckState::kSkip, ""), Found(CheckState::kSkip, "")));
}

TEST(DoctorAgentTest, WithoutAClusterOrADaemonItIsSkipped) {
  EXPECT_THAT(Get(CheckAgent("", absl::NotFoundError("no"), 1), "agent"),
              AllOf(Found(CheckState::kSkip, "no cluster"), Advises("--cluster")));
  EXPECT_THAT(Get(CheckAgent("mine", absl::UnavailableError("down"), 1), "agent"),
              Found(CheckState::kSkip, "no daemon"));
}

}  // namespace
}  // namespace rhumb::cli
