// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/settings.h"

#include <optional>
#include <string_view>

#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

constexpr char kKeys[] = "helper, addr, cluster, free, gpus, deadline_ms, policy, reserve";

std::string Wrong(std::string_view key, std::string_view value, std::string_view allowed) {
  return "plugstack.conf: " + std::string(key) + "=" + std::string(value) + ": must be " +
         std::string(allowed);
}

// Sets one key; the problem, or empty.
std::string Set(std::string_view key, std::string_view value, Settings& settings) {
  const bool is_path = key == "helper" || key == "gpus";
  if (is_path && (value.empty() || value.front() != '/')) {
    return Wrong(key, value, "an absolute path");
  }
  if (key == "helper") {
    settings.helper = value;
  } else if (key == "gpus") {
    settings.gpus_file = value;
  } else if (key == "addr") {
    settings.addr = value;
  } else if (key == "cluster") {
    settings.cluster = value;
  } else if (key == "free" || key == "reserve") {
    if (value != "yes" && value != "no") return Wrong(key, value, "yes or no");
    (key == "free" ? settings.free : settings.reserve) = value == "yes";
  } else if (key == "deadline_ms") {
    const std::optional<int64_t> count = ReadCount(value);
    if (!count.has_value() || *count < kMinDeadlineMilliseconds ||
        *count > kMaxDeadlineMilliseconds) {
      return Wrong(key, value, "a whole number from 100 to 10000");
    }
    settings.deadline_milliseconds = *count;
  } else if (key == "policy") {
    if (value != "fill" && value != "advise") return Wrong(key, value, "fill or advise");
    settings.policy = value == "fill" ? Policy::kFill : Policy::kAdvise;
  } else {
    return "plugstack.conf: \"" + std::string(key) + "\" is not one of " + kKeys;
  }
  return "";
}

}  // namespace

Outcome<Settings> ReadSettings(const std::vector<std::string>& words) {
  Settings settings;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return Problem<Settings>("plugstack.conf: \"" + word + "\" is no KEY=VALUE; keys are " +
                               kKeys);
    }
    const std::string problem = Set(word.substr(0, equals), word.substr(equals + 1), settings);
    if (!problem.empty()) return Problem<Settings>(problem);
  }
  return Good(settings);
}

}  // namespace rhumb::slurm
