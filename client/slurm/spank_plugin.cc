// SPDX-License-Identifier: Apache-2.0
// The plugin as Slurm loads it: C functions that hand over to Submission, and back. In sbatch, srun
// and salloc it adds --rhumb; in a job it makes the plan known under --export=NONE too. It has no
// hook in prologs or epilogs, nor anywhere in slurmctld.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include <slurm/spank.h>
}

#include "client/slurm/submission.h"

extern char** environ;

namespace {

using rhumb::slurm::HelperResult;
using rhumb::slurm::Outcome;
using rhumb::slurm::Submission;
using rhumb::slurm::Surroundings;
using rhumb::slurm::Verdict;

constexpr int kSpankOk = 0;
constexpr int kSpankRefused = -1;
constexpr char kJobVariablePrefix[] = "SLURM_SPANK_RHUMB_";

// Of this process; null until slurm_spank_init.
std::unique_ptr<Submission>& CurrentSubmission() {
  static std::unique_ptr<Submission> submission;
  return submission;
}

std::vector<std::string> NamesIn(char** environment) {
  std::vector<std::string> names;
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    const char* equals = std::strchr(*entry, '=');
    if (equals != nullptr) names.emplace_back(static_cast<const char*>(*entry), equals);
  }
  return names;
}

Outcome<std::string> ReadFile(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return rhumb::slurm::Good<std::string>("");
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return rhumb::slurm::Problem<std::string>("cannot be read");
  }
  return rhumb::slurm::Good(std::move(text));
}

// A file in memory that Lua, which can write files and nothing else of ours, can write to.
class FilterAnswer {
 public:
  std::string Expect() {
    if (file_ >= 0) close(file_);
    file_ = memfd_create("rhumb", MFD_CLOEXEC);
    return file_ < 0 ? "" : "/proc/self/fd/" + std::to_string(file_);
  }
  // Asked once: closes the file.
  bool Take() {
    struct stat status = {};
    const bool answered = file_ >= 0 && fstat(file_, &status) == 0 && status.st_size > 0;
    if (file_ >= 0) close(file_);
    file_ = -1;
    return answered;
  }

 private:
  int file_ = -1;
};

Surroundings OfThisProcess() {
  static FilterAnswer filter_answer;
  Surroundings surroundings;
  surroundings.run_helper = [](const std::string& program,
                               const std::vector<std::string>& arguments,
                               int64_t deadline_milliseconds) {
    return rhumb::slurm::RunHelper(program, arguments, deadline_milliseconds);
  };
  surroundings.set_variable = [](const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
  };
  surroundings.unset_variable = [](const std::string& name) { unsetenv(name.c_str()); };
  surroundings.read_file = ReadFile;
  surroundings.expect_filter = [] { return filter_answer.Expect(); };
  surroundings.filter_answered = [] { return filter_answer.Take(); };
  surroundings.variable_names = [] { return NamesIn(environ); };
  surroundings.variable = [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
  const char* job = std::getenv("SLURM_JOB_ID");
  surroundings.is_step = job != nullptr && spank_context() == S_CTX_LOCAL;
  surroundings.job_id = job == nullptr ? "" : job;
  return surroundings;
}

int Obey(const Verdict& verdict) {
  if (verdict.refused) {
    slurm_error("rhumb: %s", verdict.line.c_str());
    return kSpankRefused;
  }
  if (!verdict.line.empty()) slurm_info("rhumb: %s", verdict.line.c_str());
  return kSpankOk;
}

// Nothing thrown may reach Slurm, which is C. `refusal` is what a failure of ours answers.
template <typename Body>
int Guarded(int refusal, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    slurm_error("rhumb: %s", error.what());
  } catch (...) {
    slurm_error("rhumb: an unknown error");
  }
  return refusal;
}

bool IsClient() { return spank_context() == S_CTX_LOCAL || spank_context() == S_CTX_ALLOCATOR; }

extern "C" int OnRequest(int, const char* text, int is_remote) {
  if (is_remote != 0) return kSpankOk;
  return Guarded(kSpankRefused, [&] {
    if (CurrentSubmission() == nullptr) return kSpankOk;
    return Obey(CurrentSubmission()->AddRequest(text == nullptr ? "" : text));
  });
}

char option_name[] = "rhumb";
char option_argument[] = "REQUEST";
char option_usage[] =
    "size the job by a plan: plan=NAME, or flags of `rhumb plan` without dashes as "
    "gpus=16xh100,deadline=24h";

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// const alone would be local to this file.
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;

SPANK_PLUGIN(rhumb, 1)

int slurm_spank_init(spank_t spank, int count, char** words) {
  return Guarded(kSpankOk, [&] {
    if (!IsClient() && spank_context() != S_CTX_REMOTE) return kSpankOk;
    static spank_option option = {option_name, option_argument, option_usage, 1, 0, OnRequest};
    if (IsClient()) {
      CurrentSubmission() = std::make_unique<Submission>(
          std::vector<std::string>(words, words + count), OfThisProcess());
      CurrentSubmission()->ForgetInherited();
    }
    return static_cast<int>(spank_option_register(spank, &option));
  });
}

int slurm_spank_init_post_opt(spank_t spank, int, char**) {
  return Guarded(kSpankRefused, [&] {
    if (!IsClient() || CurrentSubmission() == nullptr) return kSpankOk;
    const int code = Obey(CurrentSubmission()->Finish());
    // An `optional` plugin's refusal at this point would let the job go without its plan.
    if (code != kSpankOk) std::exit(1);
    for (const auto& [name, value] : CurrentSubmission()->variables()) {
      spank_job_control_setenv(spank, name.c_str(), value.c_str(), 1);
      // srun hands nothing of that to its tasks, but any SLURM_... under every --export.
      if (spank_context() == S_CTX_LOCAL) {
        setenv(("SLURM_SPANK_" + name).c_str(), value.c_str(), 1);
      }
    }
    return kSpankOk;
  });
}

// In the job, as its user: what --export left out is put back, and what belongs to this job alone
// is taken out of the way of jobs that are submitted in it.
int slurm_spank_user_init(spank_t spank, int, char**) {
  return Guarded(kSpankOk, [&] {
    char** environment = nullptr;
    if (spank_get_item(spank, S_JOB_ENV, &environment) != ESPANK_SUCCESS) return kSpankOk;
    bool planned = false;
    char value[8192];
    for (const std::string& name : NamesIn(environment)) {
      if (!rhumb::slurm::IsInherited(name)) continue;
      // A submission forgets what it inherited, so that this says it of this job.
      planned = planned || name == rhumb::slurm::kPlanVariable;
      if (name.rfind(kJobVariablePrefix, 0) == 0 &&
          spank_getenv(spank, name.c_str(), value, sizeof(value)) == ESPANK_SUCCESS) {
        const std::string restored = name.substr(sizeof("SLURM_SPANK_") - 1);
        spank_setenv(spank, restored.c_str(), value, 0);
        planned = true;
      }
      spank_unsetenv(spank, name.c_str());
    }
    if (planned && spank_getenv(spank, "SLURM_JOB_ID", value, sizeof(value)) == ESPANK_SUCCESS) {
      spank_setenv(spank, "RHUMB_JOB_ID", value, 1);
    }
    return kSpankOk;
  });
}

}  // extern "C"
#pragma GCC visibility pop
