// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/check_advice.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/check_layout.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr double kUnusedMemoryFraction = 0.5;  // more than this free is worth saying
constexpr double kPoorMfu = 0.2;
constexpr int64_t kMostGpusTried = 65536;
constexpr double kPoorBubbleFraction = 0.2;

std::string Gib(double bytes) { return absl::StrFormat("%.1f GiB", bytes / kGibibyte); }

struct Change {
  std::string directive;
  std::string text;
  double p95_bytes = 0;
};

// The single change of the layout that makes it fit at the least step time; nullopt if no single
// change does.
std::optional<Change> NearestChangeThatFits(const CheckQuestion& q, const CostModel& cost,
                                            const ModelShape& shape, const Layout& layout,
                                            int64_t accumulation, double capacity_bytes) {
  const double batch =
      static_cast<double>(accumulation * layout.micro_batch_size * layout.data_parallel_size);
  std::vector<std::pair<Layout, std::string>> trials;
  const auto try_with = [&](Layout trial, const std::string& directive) {
    const int64_t model_gpus =
        trial.tensor_parallel_size * trial.pipeline_parallel_size * trial.context_parallel_size;
    if (q.pool.gpu_count % model_gpus != 0) return;
    trial.data_parallel_size = q.pool.gpu_count / model_gpus;
    if (q.layout.data_parallel_size.value_or(trial.data_parallel_size) != trial.data_parallel_size)
      return;  // the same command line would refuse it
    trial.sequence_parallel = trial.tensor_parallel_size > 1;
    if (ValidateLayout(shape, trial).ok()) trials.emplace_back(trial, directive);
  };
  for (int64_t size = layout.micro_batch_size / 2; size >= 1; size /= 2) {
    Layout trial = layout;
    trial.micro_batch_size = size;
    try_with(trial, absl::StrCat("--micro-batch-size ", size));
  }
  const FrameworkLayouts& framework = q.framework.layouts;
  for (const Recompute mode : framework.recompute_modes) {
    if (mode <= layout.recompute) continue;
    Layout trial = layout;
    trial.recompute = mode;
    try_with(trial,
             absl::StrCat("--recompute ", mode == Recompute::kSelective ? "selective" : "full"));
  }
  for (const int64_t stage : framework.zero_stages) {
    if (stage <= layout.zero_stage) continue;
    Layout trial = layout;
    trial.zero_stage = stage;
    try_with(trial, absl::StrCat("--zero-stage ", stage));
  }
  const int64_t most_tensor = framework.tensor ? q.pool.gpus_per_node : 1;
  for (int64_t size = 2 * layout.tensor_parallel_size; size <= most_tensor; size *= 2) {
    Layout trial = layout;
    trial.tensor_parallel_size = size;
    try_with(trial, absl::StrCat("--tensor-parallel-size ", size));
  }
  const int64_t most_pipeline = framework.pipeline ? shape.num_layers : 1;
  for (int64_t size = 2 * layout.pipeline_parallel_size; size <= most_pipeline; size *= 2) {
    Layout trial = layout;
    trial.pipeline_parallel_size = size;
    trial.virtual_pipeline_stages = 1;
    try_with(trial, absl::StrCat(
                        "--pipeline-parallel-size ", size,
                        layout.virtual_pipeline_stages > 1 ? " --virtual-pipeline-stages 1" : ""));
  }
  const int64_t most_expert = framework.expert ? shape.expert_count : 1;
  for (int64_t size = 2 * layout.expert_parallel_size; size <= most_expert; size *= 2) {
    Layout trial = layout;
    trial.expert_parallel_size = size;
    try_with(trial, absl::StrCat("--expert-parallel-size ", size));
  }
  std::optional<Change> best;
  double best_seconds = 0;
  for (const auto& [trial, directive] : trials) {
    const int64_t unit = trial.micro_batch_size * trial.data_parallel_size;
    const int64_t steps = std::max<int64_t>(1, std::llround(batch / static_cast<double>(unit)));
    const bool keeps_batch = static_cast<double>(steps * unit) == batch;
    const bool steps_given = q.layout.gradient_accumulation_steps.has_value();
    if (q.global_batch_tokens.has_value() &&
        (!keeps_batch || (steps_given && steps != accumulation)))
      continue;
    const double p95 = cost.Memory(trial, steps, /*with_stages=*/false).p95_bytes;
    if (p95 > capacity_bytes) continue;
    const double seconds = cost.Step(trial).StepSeconds(steps) / static_cast<double>(steps * unit);
    if (best.has_value() && seconds >= best_seconds) continue;
    const bool batch_moves = steps != accumulation && !q.global_batch_tokens.has_value();
    const std::string full =
        batch_moves ? absl::StrCat(directive, " --gradient-accumulation-steps ", steps) : directive;
    best = Change{full,
                  absl::StrCat("with ", full, " it fits: 95% estimate ", Gib(p95), ", usable ",
                               Gib(capacity_bytes)),
                  p95};
    best_seconds = seconds;
  }
  return best;
}

// The fewest GPUs, by doubling, on which the model fits sharded as far as the framework can: its
// last ZeRO stage, full recompute, one sequence.
std::optional<Change> FewestGpusThatFit(const CheckQuestion& q, const ModelShape& shape,
                                        const MemoryPlan& memory) {
  for (int64_t count = 2 * q.pool.gpu_count; count <= kMostGpusTried; count *= 2) {
    CheckQuestion more = q;
    more.pool.gpu_count = count;
    more.global_batch_tokens.reset();
    more.layout = LayoutConstraints{};
    more.layout.zero_stage = q.framework.layouts.zero_stages.back();
    more.layout.recompute = Recompute::kFull;
    more.layout.gradient_accumulation_steps = 1;
    const absl::StatusOr<Layout> layout = ResolveCheckLayout(more, shape);
    if (!layout.ok()) continue;
    const CostModel cost(shape, q.pool.gpu,
                         Fabric{q.pool.gpus_per_node, q.pool.inter_node_bytes_per_second_per_gpu},
                         q.framework);
    const double p95 = cost.Memory(*layout, 1, /*with_stages=*/false).p95_bytes;
    if (p95 > memory.capacity_bytes) continue;
    Change change;
    change.directive = absl::StrCat("--gpus ", count, "x", q.pool.gpu.id, " --zero-stage ",
                                    *more.layout.zero_stage, " --recompute full");
    change.text =
        absl::StrCat("no single change of the layout makes it fit; on ", count,
                     " GPUs, sharded as far as ", q.framework.name,
                     " does and with no other part of the layout given, it does: 95% estimate ",
                     Gib(p95), ", usable ", Gib(memory.capacity_bytes));
    change.p95_bytes = p95;
    return change;
  }
  return std::nullopt;
}

// The next larger number of virtual stages that the framework runs and that fits.
std::optional<int64_t> MoreVirtualStages(const CheckQuestion& q, const CostModel& cost,
                                         const ModelShape& shape, const CheckAnswer& answer) {
  Layout trial = answer.layout;
  const int64_t steps = answer.gradient_accumulation_steps;
  for (int64_t v = trial.virtual_pipeline_stages + 1;
       v <= q.framework.layouts.max_virtual_stages &&
       v * trial.pipeline_parallel_size <= shape.num_layers;
       ++v) {
    trial.virtual_pipeline_stages = v;
    if (steps % trial.pipeline_parallel_size != 0 || !ValidateLayout(shape, trial).ok()) continue;
    const double p95 = cost.Memory(trial, steps, /*with_stages=*/false).p95_bytes;
    return p95 <= answer.memory.capacity_bytes ? std::optional<int64_t>(v) : std::nullopt;
  }
  return std::nullopt;
}

// What shrinks the bubble of the pipeline: more micro-batches, or where the batch is given, more
// virtual stages.
Advice AdviseAgainstBubble(const CheckQuestion& q, const CostModel& cost, const ModelShape& shape,
                           const CheckAnswer& answer) {
  Advice advice;
  advice.code = "PIPELINE_BUBBLE";
  advice.text = absl::StrFormat(
      "%.0f%% of each step is pipeline bubble; ",
      100 * answer.time.step_breakdown->pipeline_bubble_seconds / answer.time.step_seconds);
  if (!q.global_batch_tokens.has_value()) {
    absl::StrAppend(&advice.text, "more micro-batches per step shrink it");
    advice.directive =
        absl::StrCat("--gradient-accumulation-steps ", 2 * answer.gradient_accumulation_steps);
  } else if (const std::optional<int64_t> v = MoreVirtualStages(q, cost, shape, answer)) {
    absl::StrAppend(&advice.text, "more virtual stages shrink it");
    advice.directive = absl::StrCat("--virtual-pipeline-stages ", *v);
  } else {
    absl::StrAppend(&advice.text, "a larger batch or fewer stages shrink it");
  }
  return advice;
}

}  // namespace

std::vector<Advice> AdviseOnLayout(const CheckQuestion& q, const CostModel& cost,
                                   const CheckAnswer& answer) {
  std::vector<Advice> advice;
  const ModelShape& shape = answer.model;
  const MemoryPlan& memory = answer.memory;
  if (!answer.fits_p95) {
    advice.push_back({answer.fits ? "MEMORY_TIGHT" : "DOES_NOT_FIT",
                      absl::StrCat(answer.fits ? "it fits on average, but may run out of memory: "
                                               : "it does not fit: ",
                                   "expected peak ", Gib(memory.peak_bytes), ", 95% estimate ",
                                   Gib(memory.p95_bytes), ", usable ", Gib(memory.capacity_bytes)),
                      ""});
    const std::optional<Change> change = NearestChangeThatFits(
        q, cost, shape, answer.layout, answer.gradient_accumulation_steps, memory.capacity_bytes);
    if (change.has_value()) {
      advice.push_back({"CHANGE_LAYOUT", change->text, change->directive});
    } else if (const std::optional<Change> more = FewestGpusThatFit(q, shape, memory)) {
      advice.push_back({"MORE_GPUS", more->text, more->directive});
    } else {
      advice.push_back(
          {"LARGER_GPUS",
           absl::StrCat("no number of these GPUs up to ", kMostGpusTried,
                        " makes it fit sharded by data alone; `rhumb plan` with more of them looks "
                        "at every layout"),
           ""});
    }
  } else if (memory.p95_bytes < (1 - kUnusedMemoryFraction) * memory.capacity_bytes) {
    Layout twice = answer.layout;
    twice.micro_batch_size *= 2;
    const int64_t steps = std::max<int64_t>(1, answer.gradient_accumulation_steps / 2);
    const bool fits =
        cost.Memory(twice, steps, /*with_stages=*/false).p95_bytes <= memory.capacity_bytes;
    const double now = cost.Step(answer.layout).StepSeconds(answer.gradient_accumulation_steps) /
                       static_cast<double>(answer.gradient_accumulation_steps);
    const double then = cost.Step(twice).StepSeconds(steps) / static_cast<double>(2 * steps);
    if (fits && then < now && !q.global_batch_tokens.has_value()) {
      advice.push_back(
          {"MEMORY_UNUSED",
           absl::StrCat(Gib(memory.headroom_bytes),
                        " of each GPU stay free; a larger micro-batch is ",
                        absl::StrFormat("%.0f%%", 100 * (now / then - 1)), " faster per token"),
           absl::StrCat("--micro-batch-size ", twice.micro_batch_size)});
    }
  }
  const StepTimeBreakdown& parts = *answer.time.step_breakdown;
  if (parts.pipeline_bubble_seconds > kPoorBubbleFraction * answer.time.step_seconds) {
    advice.push_back(AdviseAgainstBubble(q, cost, shape, answer));
  }
  if (answer.time.mfu < kPoorMfu) {
    advice.push_back({"LOW_MFU",
                      absl::StrFormat("MFU is %.1f%% of the dense peak; `rhumb plan` with the "
                                      "same GPUs looks for a better layout",
                                      100 * answer.time.mfu),
                      ""});
  }
  const double unused = static_cast<double>(q.pool.gpu_count % q.pool.gpus_per_node);
  if (unused > 0 && q.pool.gpu_count > q.pool.gpus_per_node) {
    advice.push_back({"PARTIAL_NODE",
                      absl::StrCat(q.pool.gpu_count, " GPUs are no whole number of nodes of ",
                                   q.pool.gpus_per_node),
                      ""});
  }
  return advice;
}

}  // namespace rhumb
