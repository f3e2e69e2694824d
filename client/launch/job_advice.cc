// SPDX-License-Identifier: Apache-2.0
// Advice in the words of the job script.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/config/human_numbers.h"
#include "client/launch/framework_words.h"
#include "client/launch/job_question.h"
#include "client/launch/slurm_time.h"

namespace rhumb::launch {
namespace {

constexpr double kDefaultLevel = 0.9;  // the daemon's
constexpr double kLooseLimitRatio = 5;

// "--zero-stage 3 --recompute full" as pairs; empty for what is no list of them.
std::vector<Change> ChangesOf(absl::string_view directive) {
  const std::vector<std::string> words = absl::StrSplit(directive, ' ', absl::SkipEmpty());
  std::vector<Change> changes;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (!absl::StartsWith(words[i], "--")) return {};
    changes.push_back({words[i], words[i + 1]});
  }
  return words.size() % 2 == 0 ? changes : std::vector<Change>();
}

// The layout with `changes` made, for what follows from several parts of it.
v1::Layout Changed(const v1::CheckConfigurationResponse& answer,
                   const std::vector<Change>& changes) {
  v1::Layout layout = answer.layout();
  int64_t gpus = answer.allocation().gpu_count();
  for (const Change& change : changes) {
    const int64_t value = WholeNumber(change.value);
    if (change.flag == "--tensor-parallel-size") layout.set_tensor_parallel_size(value);
    if (change.flag == "--pipeline-parallel-size") layout.set_pipeline_parallel_size(value);
    if (change.flag == "--context-parallel-size") layout.set_context_parallel_size(value);
    if (change.flag == "--micro-batch-size") layout.set_micro_batch_size(value);
    if (change.flag == "--gpus") gpus = WholeNumber(change.value.substr(0, change.value.find('x')));
  }
  const int64_t model_ranks = layout.tensor_parallel_size() * layout.pipeline_parallel_size() *
                              layout.context_parallel_size();
  if (model_ranks > 0) layout.set_data_parallel_size(gpus / model_ranks);
  return layout;
}

using Request = v1::CheckConfigurationRequest;

template <typename Value>
int LineOf(const std::optional<Fact<Value>>& fact) {
  return fact.has_value() ? fact->line : 0;
}

// A flag that advice names: whether the user gave it, and where the job says it now; 0 if it does
// not.
struct AdvisedFlag {
  const char* flag;
  bool (*given)(const Request& given);
  int (*line)(const JobFacts& facts);
};
constexpr AdvisedFlag kAdvisedFlags[] = {
    {"--tensor-parallel-size",
     [](const Request& given) { return given.layout().has_tensor_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.tensor_parallel_size); }},
    {"--pipeline-parallel-size",
     [](const Request& given) { return given.layout().has_pipeline_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.pipeline_parallel_size); }},
    {"--context-parallel-size",
     [](const Request& given) { return given.layout().has_context_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.context_parallel_size); }},
    {"--virtual-pipeline-stages",
     [](const Request& given) { return given.layout().has_virtual_pipeline_stages(); },
     [](const JobFacts& facts) { return LineOf(facts.virtual_pipeline_stages); }},
    {"--expert-parallel-size",
     [](const Request& given) { return given.layout().has_expert_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.expert_parallel_size); }},
    {"--zero-stage", [](const Request& given) { return given.layout().has_zero_stage(); },
     [](const JobFacts& facts) { return LineOf(facts.zero_stage); }},
    {"--micro-batch-size",
     [](const Request& given) { return given.layout().has_micro_batch_size(); },
     [](const JobFacts& facts) { return LineOf(facts.micro_batch_size); }},
    {"--recompute",
     [](const Request& given) { return given.layout().recompute() != v1::RECOMPUTE_UNSPECIFIED; },
     [](const JobFacts& facts) { return LineOf(facts.recompute); }},
    {"--gradient-accumulation-steps",
     [](const Request& given) {
       return given.layout().has_gradient_accumulation_steps() || given.has_global_batch_tokens();
     },
     [](const JobFacts& facts) {
       return facts.global_batch_size.has_value() ? LineOf(facts.global_batch_size)
                                                  : LineOf(facts.gradient_accumulation_steps);
     }},
    {"--gpus",
     [](const Request& given) { return given.has_gpu_pool() || !given.cluster().empty(); },
     [](const JobFacts& facts) { return LineOf(facts.gpu_count); }},
    {"--deadline", [](const Request& given) { return given.has_deadline_seconds(); },
     [](const JobFacts& facts) { return LineOf(facts.time_limit_seconds); }},
};

// Null of a flag that no job states, as --budget.
const AdvisedFlag* FindAdvisedFlag(const std::string& name) {
  for (const AdvisedFlag& known : kAdvisedFlags) {
    if (name == known.flag) return &known;
  }
  return nullptr;
}

// Where a change is made; a directive lists them in this order.
enum class Place { kSlurm, kLauncher, kScript, kRhumb };

// Words to write in one place.
struct Edit {
  Place place = Place::kScript;
  std::string words;
  std::vector<int> lines;  // that say it now
};

std::string LinesText(std::vector<int> lines) {
  lines.erase(std::remove(lines.begin(), lines.end(), 0), lines.end());
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  if (lines.empty()) return "";
  return absl::StrCat(lines.size() == 1 ? " [line " : " [lines ", absl::StrJoin(lines, ", "), "]");
}

// `fact` with another number, where Slurm is asked for it.
Edit SlurmEdit(const char* option, const std::string& value,
               const std::optional<Fact<int64_t>>& fact) {
  const bool step = fact.has_value() && absl::StartsWith(fact->text, "srun ");
  return {Place::kSlurm,
          absl::StrCat(step ? "srun " : "#SBATCH ", option, "=", value),
          {fact.has_value() ? fact->line : 0}};
}

// What the launcher must be told besides Slurm to start ranks on `nodes`.
std::optional<Edit> LauncherEdit(const JobFacts& facts, int64_t nodes, int64_t per_node) {
  const GpuWords& words = facts.gpu_words;
  const bool ranks_differ =
      words.ranks_per_node.has_value() && words.ranks_per_node->value != per_node;
  if (words.launcher == "accelerate") {
    return Edit{Place::kLauncher,
                absl::StrCat("num_processes: ", nodes * per_node, ", num_machines: ", nodes),
                {facts.gpu_count.has_value() ? facts.gpu_count->line : 0}};
  }
  if (words.launcher == "deepspeed") {
    if (!words.launcher_nodes.has_value() && nodes == 1) return std::nullopt;
    return Edit{Place::kLauncher,
                absl::StrCat("deepspeed --num_nodes ", nodes,
                             ranks_differ ? absl::StrCat(" --num_gpus ", per_node) : ""),
                {words.launcher_line}};
  }
  if (words.launcher != "torchrun") return std::nullopt;
  const bool states_nodes = words.launcher_nodes.has_value() && words.launcher_nodes->line > 0;
  std::string text = absl::StrCat("torchrun --nnodes ", nodes);
  if (ranks_differ) absl::StrAppend(&text, " --nproc_per_node ", per_node);
  // One that knows of one node only has no meeting point for more.
  if (!states_nodes && nodes > 1) {
    absl::StrAppend(&text,
                    " --rdzv_backend c10d --rdzv_endpoint HOST:PORT, on each node (srun), without "
                    "--standalone");
  }
  return Edit{Place::kLauncher, text, {words.launcher_line}};
}

// The words of the job for `change`.
std::vector<Edit> InJob(const Change& change, const JobFacts& facts, int line,
                        const v1::CheckConfigurationResponse& answer, const v1::Layout& changed) {
  if (change.flag == "--deadline") {
    const v1::TimePlan& time = answer.time();
    const double seconds = std::max(time.wall_seconds(), time.wall_high_seconds());
    return {{Place::kSlurm, absl::StrCat("#SBATCH --time=", FormatSlurmTime(seconds)), {line}}};
  }
  if (change.flag == "--gpus") {
    const GpuWords& words = facts.gpu_words;
    const int64_t per_node = std::max<int64_t>(1, answer.allocation().gpus_per_node());
    const int64_t count = WholeNumber(change.value.substr(0, change.value.find('x')));
    const int64_t nodes = (count + per_node - 1) / per_node;
    std::vector<Edit> edits = {SlurmEdit("--nodes", absl::StrCat(nodes), words.nodes)};
    if (words.gpus.has_value()) {
      const std::string type = words.gpu_type.empty() ? "" : absl::StrCat(words.gpu_type, ":");
      edits.push_back(SlurmEdit("--gpus", absl::StrCat(type, count), words.gpus));
    }
    const int64_t now = answer.allocation().gpu_count();
    if (words.tasks.has_value() && now > 0 && words.tasks->value * count % now == 0) {
      edits.push_back(
          SlurmEdit("--ntasks", absl::StrCat(words.tasks->value * count / now), words.tasks));
    }
    if (std::optional<Edit> launcher = LauncherEdit(facts, nodes, per_node)) {
      edits.push_back(*std::move(launcher));
    }
    return edits;
  }
  const std::string written = InFramework(change, facts, changed);
  if (!written.empty()) return {{Place::kScript, written, {line}}};
  return {{Place::kRhumb, absl::StrCat(change.flag, " ", change.value), {line}}};
}

// Edits of one script line or flag read as the words alone; those of several places are told apart,
// each with its lines.
struct Directive {
  std::string words;
  std::string lines;  // where `words` does not say them
};

Directive DirectiveOf(const std::vector<Edit>& edits, bool only_given) {
  std::vector<Edit> merged;
  for (const Place place : {Place::kSlurm, Place::kLauncher, Place::kScript, Place::kRhumb}) {
    for (const Edit& edit : edits) {
      if (edit.place != place) continue;
      // Each #SBATCH option is a line of its own.
      const bool joins = place != Place::kSlurm && !merged.empty() && merged.back().place == place;
      if (!joins) {
        merged.push_back(edit);
        continue;
      }
      absl::StrAppend(&merged.back().words, " ", edit.words);
      merged.back().lines.insert(merged.back().lines.end(), edit.lines.begin(), edit.lines.end());
    }
  }
  for (Edit& edit : merged) {
    if (edit.place == Place::kRhumb && !only_given) {
      edit.words = absl::StrCat("in Rhumb's flags: ", edit.words);
    }
  }
  if (merged.size() == 1) return {merged[0].words, LinesText(merged[0].lines)};
  std::vector<std::string> texts;
  for (const Edit& edit : merged) texts.push_back(absl::StrCat(edit.words, LinesText(edit.lines)));
  return {absl::StrJoin(texts, "; "), ""};
}

// Which end of the wall time a limit is set to.
std::string UpperEnd(const Request& given) {
  return absl::StrFormat("the upper end of the %g%% interval",
                         100 * (given.has_level() ? given.level() : kDefaultLevel));
}

// Words for advice that names no flag of rhumb.
void AdviseOnSwitch(const JobFacts& facts, v1::Advice& advice) {
  const std::string words = SwitchInFramework(advice.code(), facts);
  if (words.empty()) return;
  advice.set_directive(words);
  int line = facts.gpu_words.launcher_line;
  if (advice.code() != "OVERLAP_DATA_PARALLEL") line = LineOf(facts.tensor_parallel_size);
  if (facts.framework == JobFramework::kMegatron) {
    absl::StrAppend(advice.mutable_text(), LinesText({line}));
  }
}

// Slurm plans around limits: a job that asks for far more than it needs waits for gaps that it
// would not need.
void AdviseOnLooseLimit(const JobFacts& facts, const Request& given,
                        v1::CheckConfigurationResponse& answer) {
  const v1::TimePlan& time = answer.time();
  const double needed = std::max(time.wall_seconds(), time.wall_high_seconds());
  if (!answer.finishes() || !facts.time_limit_seconds.has_value() || given.has_deadline_seconds() ||
      needed <= 0) {
    return;
  }
  const double limit = facts.time_limit_seconds->value;
  if (limit < kLooseLimitRatio * needed) return;
  v1::Advice& advice = *answer.add_advice();
  advice.set_code("TIME_LIMIT_LOOSE");
  advice.set_text(absl::StrCat(
      "the limit of ", FormatDuration(limit), LinesText({facts.time_limit_seconds->line}), " is ",
      absl::StrFormat("%.0f", limit / needed), " times the ", FormatDuration(needed),
      " that it may take, ", UpperEnd(given), ": shorter jobs are started in gaps"));
  advice.set_directive(absl::StrCat("#SBATCH --time=", FormatSlurmTime(needed)));
}

}  // namespace

void AdviseOnJob(const JobFacts& facts, const v1::CheckConfigurationRequest& given,
                 v1::CheckConfigurationResponse& answer) {
  for (v1::Advice& advice : *answer.mutable_advice()) {
    const std::vector<Change> changes = ChangesOf(advice.directive());
    if (changes.empty()) {
      if (advice.directive().empty()) AdviseOnSwitch(facts, advice);
      continue;
    }
    const v1::Layout changed = Changed(answer, changes);
    std::vector<Edit> edits;
    bool only_given = true;
    for (const Change& change : changes) {
      const AdvisedFlag* flag = FindAdvisedFlag(change.flag);
      if (flag == nullptr || flag->given(given)) {
        edits.push_back({Place::kRhumb, absl::StrCat(change.flag, " ", change.value), {}});
        continue;
      }
      only_given = false;
      for (Edit& edit : InJob(change, facts, flag->line(facts), answer, changed)) {
        edits.push_back(std::move(edit));
      }
    }
    const Directive directive = DirectiveOf(edits, only_given);
    advice.set_text(absl::StrReplaceAll(advice.text(), {{advice.directive(), directive.words}}));
    advice.set_directive(directive.words);
    if (absl::StrContains(directive.words, "#SBATCH --time=") &&
        answer.time().wall_high_seconds() > answer.time().wall_seconds()) {
      absl::StrAppend(advice.mutable_text(), "; the directive is ", UpperEnd(given));
    }
    absl::StrAppend(advice.mutable_text(), directive.lines);
  }
  const v1::TimePlan& time = answer.time();
  if (answer.finishes() && facts.time_limit_seconds.has_value() && facts.job_count == 1 &&
      !given.has_deadline_seconds() && time.has_wall_high_seconds() &&
      time.wall_high_seconds() > facts.time_limit_seconds->value) {
    v1::Advice& advice = *answer.add_advice();
    advice.set_code("TIME_LIMIT_TIGHT");
    advice.set_text(absl::StrCat("it finishes in expectation, but may take ",
                                 FormatDuration(time.wall_high_seconds()), ", ", UpperEnd(given),
                                 "; the limit is ", FormatDuration(facts.time_limit_seconds->value),
                                 LinesText({facts.time_limit_seconds->line})));
    advice.set_directive(
        absl::StrCat("#SBATCH --time=", FormatSlurmTime(time.wall_high_seconds())));
  }
  AdviseOnLooseLimit(facts, given, answer);
  for (const v1::Plan::Warning& warning : facts.warnings) *answer.add_warnings() = warning;
}

}  // namespace rhumb::launch
