// SPDX-License-Identifier: Apache-2.0
// Slurm itself, and how it calls its GPUs.
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/doctor_checks.h"
#include "client/slurm/text.h"

namespace rhumb::cli {
namespace {

constexpr char kNoSlurm[] = "no sbatch in $PATH: this machine submits to no Slurm";

Finding Skip(const char* check, const std::string& why) {
  return {.check = check, .state = CheckState::kSkip, .text = why, .remedy = ""};
}

// Why `result` is no success; empty if it is one.
std::string ProblemOf(const slurm::HelperResult& result) {
  using End = slurm::HelperResult::End;
  if (result.end == End::kTimedOut) return "no answer in time";
  if (result.end == End::kFailed) return result.problem;
  if (result.end == End::kTooMuch) return "an answer without end";
  if (result.exit_code == 0) return "";
  // The last line: Slurm says details first, and what became of them then.
  absl::string_view text =
      absl::StripTrailingAsciiWhitespace(result.err.empty() ? result.out : result.err);
  const size_t line = text.rfind('\n');
  if (line != absl::string_view::npos) text.remove_prefix(line + 1);
  const std::string said = slurm::FirstParagraph(std::string(text), 200);
  return said.empty() ? absl::StrCat("exit code ", result.exit_code) : said;
}

// The value behind "KEY = " or "KEY=" in a line of its own; keys of slurm.conf have no case. The
// last one holds.
std::string ValueOf(const std::string& text, absl::string_view key) {
  std::string value;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos) continue;
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(line.substr(0, equals)), key)) continue;
    value = std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)));
  }
  return value == "(null)" ? "" : value;
}

// The lines of slurm.conf at `path` with those of the files that it includes; unset if it cannot be
// read. Names with % or of a folder's pattern are no file here.
std::optional<std::string> ReadSlurmConf(const std::string& path,
                                         const DoctorSurroundings& surroundings, int depth) {
  constexpr int kMaxIncludes = 5;  // more is a circle
  const absl::StatusOr<std::string> file = surroundings.read_file(path);
  if (!file.ok()) return std::nullopt;
  std::string text;
  for (const absl::string_view line : absl::StrSplit(*file, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(line.substr(0, line.find('#')), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.size() != 2 || !absl::EqualsIgnoreCase(words[0], "include")) {
      absl::StrAppend(&text, line, "\n");
      continue;
    }
    const std::string included = absl::StartsWith(words[1], "/")
                                     ? words[1]
                                     : absl::StrCat(path.substr(0, path.rfind('/')), "/", words[1]);
    if (depth < kMaxIncludes) {
      absl::StrAppend(&text, ReadSlurmConf(included, surroundings, depth + 1).value_or(""), "\n");
    }
  }
  return text;
}

// `configuration` is what slurmctld says; `own` the text of this node's file at `file`, if any.
void ReadSetup(const std::string& configuration, const std::optional<std::string>& own,
               const std::string& file, SlurmSetup& setup) {
  // Where slurmctld is down, the file says less surely what holds, but it can be looked at.
  const std::string& text = configuration.empty() && own.has_value() ? *own : configuration;
  setup.cluster_name = ValueOf(text, "ClusterName");
  setup.plugstack_file = ValueOf(own.value_or(configuration), "PlugStackConfig");
  if (setup.plugstack_file.empty()) setup.plugstack_file = setup.folder + "/plugstack.conf";
  setup.cli_filter_plugins = ValueOf(own.value_or(configuration), "CliFilterPlugins");
  setup.filter_source = own.has_value() ? file : "scontrol show config";
  setup.auth_type = ValueOf(text, "AuthType");
  if (setup.auth_type.empty()) setup.auth_type = "auth/munge";  // Slurm's default
  setup.auth_info = ValueOf(text, "AuthInfo");
}

// Names of GPUs in "gpu:h100:8(S:0-1),gpu:8,shard:2"; "untyped" for those without a type.
void AddGpuNames(absl::string_view gres, std::set<std::string>& names) {
  for (absl::string_view part : absl::StrSplit(gres, ',')) {
    part = part.substr(0, part.find('('));
    if (!absl::ConsumePrefix(&part, "gpu:")) continue;
    const size_t colon = part.find(':');
    int64_t count = 0;
    const bool has_type = colon != absl::string_view::npos || !absl::SimpleAtoi(part, &count);
    names.insert(has_type ? std::string(part.substr(0, colon)) : "untyped");
  }
}

}  // namespace

std::vector<Finding> CheckSlurm(const DoctorSurroundings& surroundings, SlurmSetup& setup) {
  const std::string sbatch = surroundings.find_program("sbatch");
  const std::string scontrol = surroundings.find_program("scontrol");
  setup.why_not = kNoSlurm;
  if (sbatch.empty()) return {Skip("slurm", kNoSlurm), Skip("slurmctld", kNoSlurm)};
  std::string file = surroundings.variable("SLURM_CONF");
  if (file.empty()) file = "/etc/slurm/slurm.conf";
  setup.folder = file.substr(0, file.rfind('/'));

  Finding version = {.check = "slurm"};
  const slurm::HelperResult said = surroundings.run({sbatch, "--version"});
  if (const std::string problem = ProblemOf(said); !problem.empty()) {
    version.state = CheckState::kFail;
    version.text = absl::StrCat(sbatch, " --version: ", problem);
    version.remedy = absl::StrCat("see to ", file, ", or set SLURM_CONF");
    setup.why_not = "Slurm's commands do not work";
    return {version, Skip("slurmctld", setup.why_not)};
  }
  setup.usable = true;
  version.text = absl::StrCat(std::string(absl::StripAsciiWhitespace(said.out)), ", ", file);

  Finding controller = {.check = "slurmctld"};
  const slurm::HelperResult ping = scontrol.empty()
                                       ? slurm::HelperResult{.problem = "no scontrol in $PATH"}
                                       : surroundings.run({scontrol, "ping"});
  std::string problem = ProblemOf(ping);
  if (problem.empty() && !absl::StrContains(ping.out, " is UP")) {
    problem = slurm::FirstParagraph(ping.out, 200);
  }
  std::string configuration;
  if (problem.empty()) {
    const slurm::HelperResult shown = surroundings.run({scontrol, "show", "config"});
    problem = ProblemOf(shown);
    if (problem.empty()) configuration = shown.out;
  }
  ReadSetup(configuration, ReadSlurmConf(file, surroundings, 0), file, setup);
  if (problem.empty()) {
    controller.text = absl::StrCat("answers, cluster ", setup.cluster_name);
  } else {
    controller.state = CheckState::kFail;
    controller.text = absl::StrCat("scontrol ping: ", problem);
    controller.remedy = "see whether slurmctld runs and can be reached from here";
  }
  return {version, controller};
}

Finding CheckMunge(const SlurmSetup& setup, const DoctorSurroundings& surroundings) {
  if (!setup.usable) return Skip("munge", setup.why_not);
  if (!absl::EndsWith(setup.auth_type, "munge")) {
    return Skip("munge", absl::StrCat("Slurm's AuthType is ", setup.auth_type));
  }
  const std::string munge = surroundings.find_program("munge");
  const std::string unmunge = surroundings.find_program("unmunge");
  if (munge.empty() || unmunge.empty()) return Skip("munge", "no munge and unmunge in $PATH");
  std::string socket;
  for (const absl::string_view part : absl::StrSplit(setup.auth_info, ',')) {
    if (absl::StartsWith(part, "socket=")) socket = absl::StrCat("--", part);
  }
  // A pipe has to be said to a shell; the words reach it as they are. Where munge fails there is
  // nothing to unmunge, whose own error would be the last line.
  const slurm::HelperResult result = surroundings.run(
      {"/bin/sh", "-c", R"(c=$("$1" -n ${3:+"$3"}) && echo "$c" | "$2" ${3:+"$3"})", "sh", munge,
       unmunge, socket});
  Finding finding = {.check = "munge", .text = "a credential goes round"};
  if (const std::string problem = ProblemOf(result); !problem.empty()) {
    finding.state = CheckState::kFail;
    finding.text = problem;
    finding.remedy = "see `systemctl status munge`: without it no command of Slurm works";
  }
  return finding;
}

std::vector<Finding> CheckGpuNames(const SlurmSetup& setup, const std::string& file,
                                   const KnowsGpuType& knows,
                                   const DoctorSurroundings& surroundings) {
  if (!setup.usable) return {Skip("gpu_names", setup.why_not), Skip("gres", setup.why_not)};
  Finding table = {.check = "gpu_names"};
  slurm::GpuNames names;
  const absl::StatusOr<std::string> text = surroundings.read_file(file);
  if (absl::IsNotFound(text.status())) {
    table.text = absl::StrCat(file, " is not there: a type is called by its first word, as h100");
  } else if (!text.ok()) {
    table.state = CheckState::kFail;
    table.text = absl::StrCat(file, ": ", text.status().message());
    table.remedy = "let everybody read it (mode 644)";
  } else {
    slurm::Outcome<slurm::GpuNames> read = slurm::GpuNames::Read(*text);
    if (!read.ok()) {
      table.state = CheckState::kFail;
      table.text = absl::StrCat(file, ": ", read.problem);
      table.remedy = "correct the line: until then every --rhumb is refused";
    } else {
      names = *std::move(read.value);
      std::vector<std::string> unknown;
      for (const auto& [name, type] : names.rows()) {
        if (knows && !knows(type).ok()) unknown.push_back(type);
      }
      table.text = absl::StrCat(file, " names ", names.rows().size(), " types");
      if (!unknown.empty()) {
        table.state = CheckState::kWarn;
        absl::StrAppend(&table.text, ", unknown to the daemon: ", absl::StrJoin(unknown, ", "));
        table.remedy = "write them as `rhumb gpu list` does, or add them with `rhumb gpu apply`";
      }
    }
  }

  const std::string sinfo = surroundings.find_program("sinfo");
  if (sinfo.empty()) return {table, Skip("gres", "no sinfo in $PATH")};
  const slurm::HelperResult listed = surroundings.run({sinfo, "-h", "-o", "%G"});
  if (const std::string problem = ProblemOf(listed); !problem.empty()) {
    return {table, Skip("gres", absl::StrCat("sinfo: ", problem))};
  }
  std::set<std::string> used;
  for (const absl::string_view line : absl::StrSplit(listed.out, '\n')) AddGpuNames(line, used);
  Finding gres = {.check = "gres"};
  if (used.empty()) {
    gres.state = CheckState::kWarn;
    gres.text = "sinfo shows no GPU on any node";
    gres.remedy = "see to Gres= in slurm.conf and to gres.conf";
    return {table, gres};
  }
  if (!knows) return {table, Skip("gres", "no daemon answers, which knows the GPU types")};
  std::vector<std::string> unknown;
  for (const std::string& name : used) {
    if (!knows(names.TypeOf(name)).ok()) unknown.push_back(name);
  }
  gres.text = absl::StrCat("GPUs of sinfo: ", absl::StrJoin(used, ", "));
  if (!unknown.empty()) {
    gres.state = CheckState::kWarn;
    absl::StrAppend(&gres.text, "; of no known type: ", absl::StrJoin(unknown, ", "));
    gres.remedy =
        absl::StrCat("add rows NAME = TYPE to ", file, " (`rhumb gpu list` has the types)");
  }
  return {table, gres};
}

}  // namespace rhumb::cli
