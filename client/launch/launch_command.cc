// SPDX-License-Identifier: Apache-2.0
#include "client/launch/launch_command.h"

#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace rhumb::launch {
namespace {

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// python, python3, python3.11.
bool IsPython(const std::string& name) {
  if (!absl::StartsWith(name, "python")) return false;
  for (size_t i = 6; i < name.size(); ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(name[i])) && name[i] != '.') return false;
  }
  return true;
}

// Programs that start what stands behind them.
bool StartsOthers(const std::string& name) {
  for (const char* known :
       {"mpirun",  "mpiexec", "exec",    "time",        "nohup",     "env",    "numactl",
        "taskset", "nice",    "timeout", "singularity", "apptainer", "docker", "podman",
        "enroot",  "nsys",    "ncu",     "stdbuf",      "sudo",      "ibrun",  "jsrun",
        "pdsh",    "clush",   "torchx",  "command",     "bash",      "sh"}) {
    if (name == known) return true;
  }
  return false;
}

struct Place {
  Launcher launcher;
  size_t behind;  // of the words that name it
};

// The launcher at word `i`.
std::optional<Place> LauncherAt(const std::vector<ShellWord>& words, size_t i) {
  const auto text = [&words](size_t k) { return k < words.size() ? words[k].text : ""; };
  const std::string name = BaseName(words[i].text);
  if (name == "torchrun") return Place{Launcher::kTorchrun, i + 1};
  if (name == "accelerate" && text(i + 1) == "launch") return Place{Launcher::kAccelerate, i + 2};
  if (name == "deepspeed") return Place{Launcher::kDeepspeed, i + 1};
  if (name == "run_train.sh") return Place{Launcher::kRunTrain, i + 1};
  if (!IsPython(name)) return std::nullopt;
  size_t k = i + 1;
  while (absl::StartsWith(text(k), "-") && text(k) != "-m") {
    k += text(k) == "-X" || text(k) == "-W" ? 2 : 1;
  }
  if (text(k) == "-m") {
    const std::string module = text(k + 1);
    if (module == "torch.distributed.run" || module == "torch.distributed.launch") {
      return Place{Launcher::kTorchrun, k + 2};
    }
    if (module == "accelerate.commands.launch") return Place{Launcher::kAccelerate, k + 2};
    if (module == "deepspeed.launcher.runner") return Place{Launcher::kDeepspeed, k + 2};
  }
  return Place{Launcher::kPython, i + 1};
}

// The word behind which the script's own flags stand.
std::optional<size_t> ScriptAt(const std::vector<ShellWord>& words, size_t begin) {
  for (size_t i = begin; i < words.size(); ++i) {
    if (absl::EndsWith(words[i].text, ".py")) return i;
    if ((words[i].text == "-m" || words[i].text == "--module") && i + 1 < words.size()) {
      return i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<LaunchCommand> FindLaunchCommand(const ShellCommand& command) {
  const std::vector<ShellWord>& words = command.words;
  LaunchCommand found;
  found.line = command.line;
  size_t srun_end = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    if (BaseName(words[i].text) == "srun" && !found.by_srun) {
      found.by_srun = true;
      srun_end = i + 1;
      continue;
    }
    const std::optional<Place> place = LauncherAt(words, i);
    if (!place.has_value()) continue;
    // A name among the arguments of another program ("pip install deepspeed") starts nothing.
    if (i > 0 && !found.by_srun && !StartsOthers(BaseName(words[0].text))) return std::nullopt;
    found.launcher = place->launcher;
    found.line = words[i].line;
    if (found.by_srun) {
      found.srun_words.assign(words.begin() + static_cast<std::ptrdiff_t>(srun_end),
                              words.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const auto at = [&words](size_t k) { return words.begin() + static_cast<std::ptrdiff_t>(k); };
    const std::optional<size_t> script =
        found.launcher == Launcher::kRunTrain ? i : ScriptAt(words, place->behind);
    found.has_script = script.has_value();
    if (script.has_value()) found.script = words[*script].text;
    const size_t launcher_end = script.value_or(words.size());
    if (place->behind < launcher_end) {
      found.launcher_words.assign(at(place->behind), at(launcher_end));
    }
    found.script_words.assign(script.has_value() ? at(*script + 1) : at(place->behind),
                              words.end());
    return found;
  }
  return std::nullopt;
}

}  // namespace rhumb::launch
