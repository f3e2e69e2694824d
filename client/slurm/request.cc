// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/request.h"

#include <algorithm>
#include <array>

#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

// Flags of `rhumb plan` that are the plugin's or the administrator's to give.
constexpr std::array<std::string_view, 22> kReserved = {
    "addr",    "local",   "no-local",      "timeout", "emit",    "output",   "o",        "json",
    "explain", "why-not", "validate-only", "dry-run", "save",    "parsable", "noheader", "color",
    "quiet",   "help",    "plot",          "verbose", "version", "reserve"};

bool IsFlagName(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

std::vector<std::string>* FindFlag(Request& request, std::string_view name) {
  for (auto& [known, values] : request.flags) {
    if (known == name) return &values;
  }
  return nullptr;
}

bool Names(const Request& request, std::string_view flag) {
  return std::any_of(request.flags.begin(), request.flags.end(),
                     [flag](const auto& each) { return each.first == flag; });
}

// Adds one part of the text; the problem, or empty.
std::string AddPart(std::string_view part, Request& request) {
  const size_t equals = part.find('=');
  std::string name(Trim(part.substr(0, equals)));
  if (!IsFlagName(name)) {
    return "\"" + std::string(part) +
           "\" is no FLAG=VALUE; write plan=NAME, or flags of `rhumb plan` without dashes as "
           "gpus=16xh100,deadline=24h";
  }
  std::replace(name.begin(), name.end(), '_', '-');
  const std::string value(equals == std::string_view::npos ? std::string_view()
                                                           : Trim(part.substr(equals + 1)));
  if (equals != std::string_view::npos && value.empty()) return name + "= has no value";
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
    return name + " cannot be given here: it is about the answer's form or the daemon";
  }
  if (name == "plan") {
    if (value.empty()) return "plan has no name; write plan=NAME as `rhumb plans list` shows it";
    if (!request.plan.empty()) return "plan= is given twice";
    request.plan = value;
    return "";
  }
  if (std::vector<std::string>* values = FindFlag(request, name)) {
    values->push_back(value);
  } else {
    request.flags.push_back({name, {value}});
  }
  return "";
}

// Whether the request says itself which GPUs it is about.
bool SaysWhere(const Request& request) {
  return Names(request, "gpus") || Names(request, "gpu") || Names(request, "cluster") ||
         Names(request, "file");
}

// What every call of the helper ends with.
void AddCommonArguments(const Settings& settings, std::vector<std::string>& arguments) {
  if (!settings.addr.empty()) arguments.push_back("--addr=" + settings.addr);
  // The helper gives up a little earlier by itself, and then says what it waited for.
  const std::string timeout = std::to_string(settings.deadline_milliseconds * 0.9 / 1000);
  arguments.insert(arguments.end(),
                   {"--no-local", "--quiet", "--emit=env", "--timeout=" + timeout + "s"});
}

}  // namespace

Outcome<Request> ReadRequest(std::string_view text) {
  Request request;
  const char separator = text.find(';') == std::string_view::npos ? ',' : ';';
  bool any = false;
  for (const std::string_view part : Split(text, separator)) {
    if (Trim(part).empty()) continue;
    any = true;
    const std::string problem = AddPart(Trim(part), request);
    if (!problem.empty()) return Problem<Request>(problem);
  }
  if (!any) {
    return Problem<Request>(
        "--rhumb asks for nothing; write plan=NAME, or flags of `rhumb plan` without dashes as "
        "gpus=16xh100,deadline=24h");
  }
  if (!request.plan.empty() && !request.flags.empty()) {
    return Problem<Request>("plan= is a whole answer: " + request.flags.front().first +
                            " cannot stand beside it");
  }
  return Good(request);
}

Request Merge(Request earlier, const Request& later) {
  if (!later.plan.empty() || !earlier.plan.empty()) return later;
  for (const auto& [name, values] : later.flags) {
    if (std::vector<std::string>* known = FindFlag(earlier, name)) {
      *known = values;
    } else {
      earlier.flags.push_back({name, values});
    }
  }
  return earlier;
}

std::vector<std::string> HelperArguments(const Request& request, const Settings& settings,
                                         const GpuNames& names) {
  std::vector<std::string> arguments;
  if (!request.plan.empty()) {
    arguments = {"plans", "show", request.plan};
  } else {
    arguments = {"plan"};
    for (const auto& [name, values] : request.flags) {
      for (const std::string& value : values) {
        std::string word = "--" + name;
        if (!value.empty()) {
          word += "=";
          word += name == "gpus"  ? names.PoolOf(value)
                  : name == "gpu" ? names.TypeOf(value)
                                  : value;
        }
        arguments.push_back(std::move(word));
      }
    }
    if (!SaysWhere(request) && !settings.cluster.empty()) {
      arguments.push_back("--cluster=" + settings.cluster);
      if (settings.free && !Names(request, "free")) arguments.push_back("--free");
    }
  }
  AddCommonArguments(settings, arguments);
  return arguments;
}

bool AsksForFreeGpus(const Request& request, const Settings& settings) {
  if (!request.plan.empty()) return false;
  return Names(request, "free") ||
         (settings.free && !settings.cluster.empty() && !SaysWhere(request));
}

std::vector<std::string> PromiseArguments(const std::string& plan, const Settings& settings) {
  std::vector<std::string> arguments = {"plans", "show", plan, "--reserve"};
  AddCommonArguments(settings, arguments);
  return arguments;
}

}  // namespace rhumb::slurm
