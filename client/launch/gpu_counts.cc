// SPDX-License-Identifier: Apache-2.0
#include "client/launch/gpu_counts.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rhumb::launch {
namespace {

constexpr int64_t kMostGpus = 10'000'000;

// The product as a fact, nullopt where it is larger than any machine.
std::optional<Fact<int64_t>> Times(const Fact<int64_t>& a, const Fact<int64_t>& b) {
  if (a.value > kMostGpus / b.value) return std::nullopt;
  return Fact<int64_t>{a.value * b.value, a.line, absl::StrCat(a.text, ", ", b.text)};
}

}  // namespace

GpuCounts CountsOfSlurm(const SlurmRequest& slurm) {
  GpuCounts counts;
  counts.per_node = slurm.gpus_per_node;
  if (!counts.per_node && slurm.gpus_per_task && slurm.tasks_per_node) {
    counts.per_node = Times(*slurm.gpus_per_task, *slurm.tasks_per_node);
  }
  std::optional<Fact<int64_t>> nodes = slurm.nodes;
  if (!nodes && slurm.tasks && slurm.tasks_per_node) {
    const int64_t per_node = slurm.tasks_per_node->value;
    nodes = Fact<int64_t>{(slurm.tasks->value + per_node - 1) / per_node, slurm.tasks->line,
                          slurm.tasks->text};
  }
  if (slurm.gpus) {
    counts.total = slurm.gpus;
    if (!counts.per_node && nodes && slurm.gpus->value % nodes->value == 0) {
      counts.per_node = Fact<int64_t>{slurm.gpus->value / nodes->value, slurm.gpus->line,
                                      absl::StrCat(slurm.gpus->text, ", ", nodes->text)};
    }
  } else if (slurm.gpus_per_task && slurm.tasks) {
    counts.total = Times(*slurm.gpus_per_task, *slurm.tasks);
  } else if (counts.per_node && nodes) {
    counts.total = Times(*counts.per_node, *nodes);
  } else if (counts.per_node && !slurm.tasks && !slurm.incomplete) {
    counts.total = counts.per_node;
    absl::StrAppend(&counts.total->text, ", on Slurm's default of one node");
  }
  return counts;
}

GpuCounts CountsOfTorchrun(const ScriptFlags& flags, const GpuCounts& slurm,
                           std::vector<NotRead>& not_read) {
  GpuCounts counts;
  std::optional<Fact<int64_t>> nodes = Fact<int64_t>{1, 0, "torchrun's default of one node"};
  if (const ScriptFlag* flag = flags.Find({"--nnodes"})) {
    nodes = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  const ScriptFlag* flag = flags.Find({"--nproc-per-node", "--nproc_per_node"});
  if (flag == nullptr) {
    counts.per_node = Fact<int64_t>{1, 0, "torchrun's default of one rank a node"};
  } else if (!flag->values.empty() && (flag->values[0] == "gpu" || flag->values[0] == "auto")) {
    counts.per_node = slurm.per_node;
  } else {
    counts.per_node = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  counts.nodes = nodes;
  if (nodes && counts.per_node) counts.total = Times(*counts.per_node, *nodes);
  return counts;
}

GpuCounts CountsOfDeepspeed(const ScriptFlags& flags, std::vector<NotRead>& not_read) {
  GpuCounts counts;
  if (const ScriptFlag* flag = flags.Find({"--num_gpus", "--num-gpus"})) {
    counts.per_node = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  std::optional<Fact<int64_t>> nodes;
  if (const ScriptFlag* flag = flags.Find({"--num_nodes", "--num-nodes"})) {
    nodes = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  counts.nodes = nodes;
  if (nodes && counts.per_node) counts.total = Times(*counts.per_node, *nodes);
  return counts;
}

GpuCounts CountsOfTasks(const SlurmRequest& slurm) {
  GpuCounts counts;
  if (slurm.tasks) {
    counts.total = slurm.tasks;
  } else if (slurm.nodes && slurm.tasks_per_node) {
    counts.total = Times(*slurm.tasks_per_node, *slurm.nodes);
  }
  return counts;
}

void SetCounts(const GpuCounts& slurm, const GpuCounts& ranks, JobFacts& facts) {
  facts.gpu_count = ranks.total.has_value() ? ranks.total : slurm.total;
  facts.gpus_per_node = slurm.per_node.has_value() ? slurm.per_node : ranks.per_node;
  if (!slurm.total || !ranks.total || slurm.total->value == ranks.total->value) return;
  const int64_t gpus = slurm.total->value;
  const int64_t started = ranks.total->value;
  v1::Plan::Warning& warning = facts.warnings.emplace_back();
  warning.set_code("RANKS_DIFFER");
  const std::string asked =
      absl::StrCat("the job asks for ", gpus, " GPUs (", slurm.total->text, ")");
  const std::string runs = absl::StrCat(started, " ranks are started (", ranks.total->text, ")");
  warning.set_text(started < gpus
                       ? absl::StrCat(gpus - started, " of ", gpus, " GPUs are idle: ", asked,
                                      ", but ", runs, ", which are checked")
                       : absl::StrCat(started - gpus, " ranks have no GPU: ", asked, ", but ", runs,
                                      ", which are checked"));
}

}  // namespace rhumb::launch
