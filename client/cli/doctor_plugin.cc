// SPDX-License-Identifier: Apache-2.0
// The Slurm plugin: loaded, how plugstack.conf names it, whom it runs, who sizes jobs by it.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/doctor_checks.h"
#include "client/slurm/text.h"

namespace rhumb::cli {
namespace {

constexpr char kNotInstalled[] = "the plugin is not installed here; `rhumb submit` needs none";
// plugstack.conf includes files that include files; more is a circle.
constexpr int kMaxIncludes = 5;
// `rhumb --version` starts with this.
constexpr char kProgram[] = "rhumb ";

Finding Skip(const char* check, const std::string& why) {
  return {.check = check, .state = CheckState::kSkip, .text = why, .remedy = ""};
}

// The line of the plugin in plugstack.conf.
struct PlugstackLine {
  std::string file, mode, plugin;
  std::vector<std::string> settings;
};

// Adds the lines of `path` and of what it includes that name a rhumb.so.
void FindLines(const std::string& path, const DoctorSurroundings& surroundings, int depth,
               std::vector<PlugstackLine>& lines) {
  const absl::StatusOr<std::string> text = surroundings.read_file(path);
  if (!text.ok() || depth > kMaxIncludes) return;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    line = line.substr(0, line.find('#'));
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.size() < 2) continue;
    if (words[0] == "include") {
      for (const std::string& included : surroundings.glob(words[1])) {
        FindLines(included, surroundings, depth + 1, lines);
      }
    } else if (absl::EndsWith(words[1], "rhumb.so")) {
      lines.push_back({.file = path,
                       .mode = words[0],
                       .plugin = words[1],
                       .settings = {words.begin() + 2, words.end()}});
    }
  }
}

// What Slurm says of a plugin that it does not load.
std::string ComplaintOf(const slurm::HelperResult& help) {
  for (const absl::string_view line : absl::StrSplit(help.err, '\n')) {
    if (absl::StrContains(line, "error") || absl::StrContains(line, "ncompatible")) {
      return absl::StrCat(" (", slurm::FirstParagraph(std::string(line), 160), ")");
    }
  }
  return "";
}

Finding CheckLoaded(const slurm::HelperResult& help, const std::vector<PlugstackLine>& lines) {
  Finding finding = {.check = "plugin"};
  const bool loaded = absl::StrContains(help.out, "--rhumb=");
  if (loaded) {
    finding.text = "sbatch has --rhumb";
  } else if (lines.empty()) {
    return Skip("plugin", kNotInstalled);
  } else {
    finding.state = CheckState::kFail;
    finding.text = absl::StrCat(lines[0].file, " names ", lines[0].plugin,
                                ", and sbatch does not load it", ComplaintOf(help));
    finding.remedy =
        "install the package of this Slurm's version, or build it with that version's "
        "slurm/spank.h (deploy/slurm/install)";
  }
  return finding;
}

Finding CheckPlugstack(const SlurmSetup& setup, const std::vector<PlugstackLine>& lines,
                       bool loaded, const KnowsCluster& knows,
                       std::optional<slurm::Settings>& settings) {
  if (lines.empty()) {
    if (!loaded) return Skip("plugstack", kNotInstalled);
    return {.check = "plugstack",
            .state = CheckState::kWarn,
            .text = absl::StrCat("no line for rhumb.so in ", setup.plugstack_file),
            .remedy = "let users read plugstack.conf and what it includes"};
  }
  const PlugstackLine& line = lines[0];
  Finding finding = {.check = "plugstack",
                     .text = absl::StrCat(line.mode, " ", line.plugin, " in ", line.file)};
  const slurm::Outcome<slurm::Settings> read = slurm::ReadSettings(line.settings);
  if (read.ok()) settings = *read;
  if (line.mode != "optional") {
    finding.state = CheckState::kFail;
    finding.remedy = absl::StrCat(
        "write optional instead of ", line.mode,
        ": where the file is missing or of another version, every command of Slurm would fail");
  } else if (lines.size() > 1) {
    finding.state = CheckState::kFail;
    absl::StrAppend(&finding.text, ", and once more in ", lines[1].file);
    finding.remedy = "keep one of the lines";
  } else if (!read.ok()) {
    finding.state = CheckState::kFail;
    finding.text = absl::StrCat(line.file, ": ", read.problem);
    finding.remedy = "correct it: until then every --rhumb is refused";
  } else if (read->cluster.empty()) {
    finding.state = CheckState::kWarn;
    absl::StrAppend(&finding.text, " has no cluster=");
    finding.remedy =
        "add cluster=NAME (`rhumb cluster list`): without it requests without GPUs are refused";
  } else if (knows && absl::IsNotFound(knows(read->cluster))) {
    finding.state = CheckState::kWarn;
    absl::StrAppend(&finding.text, " has cluster=", read->cluster,
                    ", which the daemon does not know");
    finding.remedy =
        "start its agent, or `rhumb cluster apply FILE`, or correct the name (`rhumb cluster "
        "list`): until then requests without GPUs are refused";
  }
  return finding;
}

// The helper as the plugin runs it: is it there, which version, does it reach a daemon?
Finding CheckHelper(const slurm::Settings& settings, const DoctorSurroundings& surroundings,
                    const std::string& client_version) {
  using End = slurm::HelperResult::End;
  Finding finding = {.check = "helper", .state = CheckState::kFail};
  const slurm::HelperResult version = surroundings.run({settings.helper, "--version"});
  if (version.end != End::kExited || version.exit_code != 0 ||
      !absl::StartsWith(version.out, kProgram)) {
    finding.text = absl::StrCat(settings.helper, " cannot be run: ",
                                version.end == End::kTimedOut ? "no answer in time"
                                : version.end == End::kFailed ? version.problem
                                                              : "it is no rhumb");
    finding.remedy = "install rhumb there, or say helper=PATH in plugstack.conf";
    return finding;
  }
  std::vector<std::string> words = {
      settings.helper, "version",   "--no-local",
      "--quiet",       "--timeout", absl::StrCat(settings.deadline_milliseconds * 1e-3, "s")};
  if (!settings.addr.empty()) words.insert(words.end(), {"--addr", settings.addr});
  const slurm::HelperResult asked = surroundings.run(words);
  const std::string where = settings.addr.empty() ? "" : absl::StrCat(" at ", settings.addr);
  if (asked.end != End::kExited || asked.exit_code != 0) {
    finding.text = absl::StrCat(settings.helper, " reaches no daemon", where);
    const std::string said = slurm::FirstParagraph(asked.err, 200);
    if (!said.empty()) absl::StrAppend(&finding.text, " (", said, ")");
    finding.remedy =
        "start rhumbd, or say addr=ADDRESS in plugstack.conf; until then every --rhumb is refused";
    return finding;
  }
  const std::string own = absl::StrCat(kProgram, client_version);
  const std::string helpers(absl::StripAsciiWhitespace(version.out));
  finding.state = helpers == own ? CheckState::kOk : CheckState::kWarn;
  finding.text = absl::StrCat(settings.helper, " is ", helpers, " and reaches the daemon", where);
  if (helpers != own) {
    finding.remedy = absl::StrCat("this is ", own, ": install the same version of both");
  }
  return finding;
}

Finding CheckFilter(const SlurmSetup& setup, const DoctorSurroundings& surroundings) {
  Finding finding = {.check = "cli_filter", .state = CheckState::kFail};
  const std::string file = setup.folder + "/cli_filter.lua";
  if (!absl::StrContains(setup.cli_filter_plugins, "lua")) {
    finding.text =
        absl::StrCat("CliFilterPlugins is \"", setup.cli_filter_plugins, "\" in ",
                     setup.filter_source, ": jobs with --rhumb are refused, as nobody sizes them");
    finding.remedy =
        "set CliFilterPlugins=lua in the slurm.conf of every node where jobs are submitted";
    return finding;
  }
  const absl::StatusOr<std::string> text = surroundings.read_file(file);
  if (!text.ok() || !absl::StrContains(*text, "rhumb_pre_submit")) {
    finding.text = absl::StrCat(file, text.ok() ? " has not Rhumb's part" : " cannot be read",
                                ": jobs with --rhumb are refused, as nobody sizes them");
    finding.remedy =
        "install deploy/slurm/cli_filter.lua, or call rhumb_pre_submit() from your own "
        "(docs/slurm.md)";
    return finding;
  }
  finding.state = CheckState::kOk;
  finding.text = absl::StrCat(file, " has Rhumb's part");
  return finding;
}

}  // namespace

std::vector<Finding> CheckPlugin(const SlurmSetup& setup, const DoctorSurroundings& surroundings,
                                 const std::string& client_version, const KnowsCluster& knows,
                                 std::optional<slurm::Settings>& settings) {
  settings.reset();
  if (!setup.usable) {
    std::vector<Finding> findings;
    for (const char* check : {"plugin", "plugstack", "helper", "cli_filter"}) {
      findings.push_back(Skip(check, setup.why_not));
    }
    return findings;
  }
  std::vector<PlugstackLine> lines;
  FindLines(setup.plugstack_file, surroundings, 0, lines);
  const slurm::HelperResult help =
      surroundings.run({surroundings.find_program("sbatch"), "--help"});
  const bool loaded = absl::StrContains(help.out, "--rhumb=");
  std::vector<Finding> findings = {CheckLoaded(help, lines),
                                   CheckPlugstack(setup, lines, loaded, knows, settings)};
  if (!loaded && lines.empty()) {
    findings.push_back(Skip("helper", kNotInstalled));
    findings.push_back(Skip("cli_filter", kNotInstalled));
    return findings;
  }
  findings.push_back(settings.has_value() ? CheckHelper(*settings, surroundings, client_version)
                                          : Skip("helper", "plugstack.conf does not say which"));
  findings.push_back(CheckFilter(setup, surroundings));
  return findings;
}

}  // namespace rhumb::cli
