// SPDX-License-Identifier: Apache-2.0
#include "client/cli/doctor_surroundings.h"

#include <glob.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/config/text_file.h"

namespace rhumb::cli {
namespace {

std::string Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

std::string FindProgram(const std::string& program) {
  for (const absl::string_view folder : absl::StrSplit(Variable("PATH"), ':', absl::SkipEmpty())) {
    const std::string path = absl::StrCat(folder, "/", program);
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return "";
}

std::vector<std::string> Glob(const std::string& pattern) {
  glob_t found = {};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  globfree(&found);
  return paths;
}

}  // namespace

DoctorSurroundings SurroundingsOfThisMachine(int64_t deadline_milliseconds) {
  DoctorSurroundings surroundings;
  surroundings.run = [deadline_milliseconds](const std::vector<std::string>& words) {
    return slurm::RunHelper(words[0], {words.begin() + 1, words.end()}, deadline_milliseconds);
  };
  surroundings.find_program = FindProgram;
  surroundings.read_file = [](const std::string& path) { return ReadTextFile(path); };
  surroundings.glob = Glob;
  surroundings.variable = Variable;
  return surroundings;
}

}  // namespace rhumb::cli
