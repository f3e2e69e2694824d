// SPDX-License-Identifier: Apache-2.0
// What a command of `rhumb` is, as data: parsing, help and completion all read the same table.
#ifndef RHUMB_CLIENT_CLI_COMMAND_H_
#define RHUMB_CLIENT_CLI_COMMAND_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::cli {

struct Context;

// How the text after a flag is read.
enum class FlagKind {
  kSwitch,          // no value
  kText,            // as it stands
  kFile,            // a path
  kChoice,          // one of `choices`
  kCount,           // 7e9, 7B, 1.4T
  kNumber,          // a plain number
  kDuration,        // 90m, 21d, 1d12h
  kDurationOrDate,  // also 2027-03-01: the time from now until then
  kUsd,             // 25000, $25k
  kBytes,           // 80GiB
  kGpuPool,         // 256xH100-SXM5-80GB[@USD]
};

// What a shell may offer after a flag or as an argument.
enum class Completion { kNone, kFile, kLaw, kGpu, kCluster, kPlan, kRun };

struct Flag {
  std::string name = {};  // without dashes
  // The request field it sets, as a path ("layout.zero_stage"); empty if the command reads it
  // itself.
  std::string field = {};
  FlagKind kind = FlagKind::kText;
  std::string placeholder = {};  // as help shows the value; empty for switches
  std::string help = {};
  std::string group = {};  // heading in the help
  std::vector<std::string> choices = {};
  bool repeatable = false;
  Completion completion = Completion::kNone;
  char short_name = 0;
  std::vector<std::string> aliases = {};  // accepted, not shown in the help
};

struct Argument {
  std::string name = {};
  std::string help = {};
  Completion completion = Completion::kNone;
  std::vector<std::string> choices = {};
  bool optional = false;  // optional ones stand before the others
};

struct Example {
  std::string line;  // without the leading "rhumb"
  std::string text;
};

// A parsed command line: what was given, unread. Valid as far as names and numbers of values go.
struct Invocation {
  std::map<std::string, std::vector<std::string>>
      flags;  // by long name; a switch has one empty value
  std::vector<std::string> arguments;
  std::vector<std::string> passed_on;  // words behind "--", where the command passes them on

  bool Has(absl::string_view flag) const { return flags.count(std::string(flag)) > 0; }
  // The last value given, or `fallback`.
  std::string Value(absl::string_view flag, absl::string_view fallback = "") const {
    const auto found = flags.find(std::string(flag));
    return found == flags.end() ? std::string(fallback) : found->second.back();
  }
};

struct Command {
  std::vector<std::string> words = {};  // {"law", "list"}
  std::string summary = {};             // one line
  std::string description = {};         // paragraphs, may be empty
  std::vector<Argument> arguments = {};
  std::string passes_on = {};    // what words behind "--" are where another program gets them
  std::vector<Flag> flags = {};  // besides GlobalFlags()
  std::vector<Example> examples = {};
  // Answers the exit code. Everything for the person goes to the context.
  int (*run)(const Invocation& invocation, Context& context) = nullptr;
};

// Every command, in the order of the help.
const std::vector<Command>& Commands();

// Flags that every command takes.
const std::vector<Flag>& GlobalFlags();

// "law list".
std::string CommandName(const Command& command);

// How messages name the flag: "--deadline (deadline_seconds)".
std::string FlagTitle(const Flag& flag);

// The flag of `command` or the global flag called `name`, or null.
const Flag* FindFlag(const Command& command, absl::string_view name);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_COMMAND_H_
