// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/check_advice.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/check_layout.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr double kUnusedMemoryFraction = 0.5;  // more than this free is worth saying
constexpr double kPoorMfu = 0.2;
constexpr double kTimeWorthSaying = 0.005;
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
    trial.sequence_parallel = trial.tensor_parallel_size > 1 && q.sequence_parallel.value_or(true);
    if (ValidateCheckLayout(q, shape, trial).ok()) trials.emplace_back(trial, directive);
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

// What undoes the parts of `layout` that sharding by data alone does without.
std::string WithoutOtherParts(const Layout& layout) {
  std::string directive;
  const auto drop = [&](const char* flag, int64_t value) {
    if (value > 1) absl::StrAppend(&directive, " ", flag, " 1");
  };
  drop("--tensor-parallel-size", layout.tensor_parallel_size);
  drop("--pipeline-parallel-size", layout.pipeline_parallel_size);
  drop("--virtual-pipeline-stages", layout.virtual_pipeline_stages);
  drop("--context-parallel-size", layout.context_parallel_size);
  drop("--expert-parallel-size", layout.expert_parallel_size);
  drop("--micro-batch-size", layout.micro_batch_size);
  return directive;
}

// The fewest GPUs, those of the question or by doubling more, on which the model fits sharded as
// far as the framework can: its last ZeRO stage, full recompute, one sequence. A batch that is
// given stays.
std::optional<Change> FewestGpusThatFit(const CheckQuestion& q, const ModelShape& shape,
                                        const Layout& given, const MemoryPlan& memory) {
  for (int64_t count = q.pool.gpu_count; count <= kMostGpusTried; count *= 2) {
    CheckQuestion more = q;
    more.pool.gpu_count = count;
    more.layout = LayoutConstraints{};
    more.layout.zero_stage = q.framework.layouts.zero_stages.back();
    more.layout.recompute = Recompute::kFull;
    if (!q.global_batch_tokens.has_value()) {
      more.layout.gradient_accumulation_steps = q.layout.gradient_accumulation_steps.value_or(1);
    }
    more.expert_tensor_parallel_size.reset();
    const absl::StatusOr<Layout> layout = ResolveCheckLayout(more, shape);
    if (!layout.ok()) continue;
    const absl::StatusOr<int64_t> steps = ResolveAccumulation(more, *layout, shape.sequence_length);
    if (!steps.ok()) continue;
    const CostModel cost(shape, q.pool.gpu,
                         Fabric{q.pool.gpus_per_node, q.pool.inter_node_bytes_per_second_per_gpu},
                         CheckProfile(q));
    const double p95 = cost.Memory(*layout, *steps, /*with_stages=*/false).p95_bytes;
    if (p95 > memory.capacity_bytes) continue;
    const bool same_gpus = count == q.pool.gpu_count;
    Change change;
    change.directive = absl::StrCat(
        same_gpus ? "" : absl::StrCat("--gpus ", count, "x", q.pool.gpu.id, " "), "--zero-stage ",
        *more.layout.zero_stage, " --recompute full", WithoutOtherParts(given));
    change.text =
        absl::StrCat("no single change of the layout makes it fit; ",
                     same_gpus ? "" : absl::StrCat("on ", count, " GPUs, "), "sharded as far as ",
                     q.framework.name,
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
    if (steps % trial.pipeline_parallel_size != 0 || !ValidateCheckLayout(q, shape, trial).ok())
      continue;
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

// "12% less time", "3% more time"; empty where a step takes as long.
std::string TimeSaved(double now, double then) {
  const double saved = 1 - then / now;
  if (std::abs(saved) < kTimeWorthSaying) return "";
  return absl::StrFormat("%.0f%% %s time", 100 * std::abs(saved), saved > 0 ? "less" : "more");
}

// What sequence parallelism would change where the run leaves it off; nullopt where it does not, or
// where the framework has none: those without tensor parallelism of their own.
std::optional<Change> TurnSequenceParallelOn(const CheckQuestion& q, const CostModel& cost,
                                             const CheckAnswer& answer) {
  if (answer.layout.tensor_parallel_size == 1 || answer.layout.sequence_parallel ||
      !q.framework.layouts.tensor) {
    return std::nullopt;
  }
  Layout with = answer.layout;
  with.sequence_parallel = true;
  const int64_t steps = answer.gradient_accumulation_steps;
  const MemoryEstimate memory = cost.Memory(with, steps, /*with_stages=*/false);
  const std::string time = TimeSaved(answer.time.step_seconds, cost.Step(with).StepSeconds(steps));
  Change change;
  change.p95_bytes = memory.p95_bytes;
  change.text = absl::StrCat("sequence parallelism is off: with it the fullest GPU holds ",
                             Gib(memory.peak_bytes), " instead of ", Gib(answer.memory.peak_bytes),
                             time.empty() ? "" : absl::StrCat(", and a step takes ", time));
  return change;
}

// Communication that the run does not hide and its framework can.
void AdviseOnOverlap(const CheckQuestion& q, const CheckAnswer& answer,
                     std::vector<Advice>& advice) {
  const FrameworkProfile now = CheckProfile(q);
  const auto advise = [&](const char* code, const char* what, bool FrameworkProfile::*overlaps) {
    if (now.*overlaps || !(q.framework.*overlaps)) return;
    FrameworkProfile hidden = now;
    hidden.*overlaps = true;
    const CostModel cost(answer.model, q.pool.gpu,
                         Fabric{q.pool.gpus_per_node, q.pool.inter_node_bytes_per_second_per_gpu},
                         hidden, TimeConstantsWith(q.calibration.get(), q.pool.gpu.family));
    const double then = cost.Step(answer.layout).StepSeconds(answer.gradient_accumulation_steps);
    if (then > (1 - kTimeWorthSaying) * answer.time.step_seconds) return;
    advice.push_back({code,
                      absl::StrCat(what, " is not hidden behind the work: hidden, a step takes ",
                                   TimeSaved(answer.time.step_seconds, then)),
                      ""});
  };
  advise("OVERLAP_DATA_PARALLEL", "the communication of data parallel ranks",
         &FrameworkProfile::overlaps_data_parallel);
  // It hides the pieces that sequence parallelism gathers and scatters.
  if (answer.layout.sequence_parallel) {
    advise("OVERLAP_TENSOR_PARALLEL", "the communication of tensor parallel ranks",
           &FrameworkProfile::overlaps_tensor_parallel);
  }
}

}  // namespace

std::vector<Advice> AdviseOnLayout(const CheckQuestion& q, const CostModel& cost,
                                   const CheckAnswer& answer) {
  std::vector<Advice> advice;
  const ModelShape& shape = answer.model;
  const MemoryPlan& memory = answer.memory;
  const std::optional<Change> sequence_parallel = TurnSequenceParallelOn(q, cost, answer);
  if (!answer.fits_p95) {
    advice.push_back({answer.fits ? "MEMORY_TIGHT" : "DOES_NOT_FIT",
                      absl::StrCat(answer.fits ? "it fits on average, but may run out of memory: "
                                               : "it does not fit: ",
                                   "expected peak ", Gib(memory.peak_bytes), ", 95% estimate ",
                                   Gib(memory.p95_bytes), ", usable ", Gib(memory.capacity_bytes)),
                      ""});
    const bool on_fits =
        sequence_parallel.has_value() && sequence_parallel->p95_bytes <= memory.capacity_bytes;
    if (sequence_parallel.has_value()) {
      advice.push_back({"SEQUENCE_PARALLEL",
                        absl::StrCat(sequence_parallel->text, on_fits ? "; then it fits" : ""),
                        ""});
    }
    const std::optional<Change> change =
        on_fits ? std::nullopt
                : NearestChangeThatFits(q, cost, shape, answer.layout,
                                        answer.gradient_accumulation_steps, memory.capacity_bytes);
    if (on_fits) {
      // Nothing else has to change.
    } else if (change.has_value()) {
      advice.push_back({"CHANGE_LAYOUT", change->text, change->directive});
    } else if (const std::optional<Change> more =
                   FewestGpusThatFit(q, shape, answer.layout, memory)) {
      const bool more_gpus = absl::StrContains(more->directive, "--gpus");
      advice.push_back({more_gpus ? "MORE_GPUS" : "CHANGE_LAYOUT", more->text, more->directive});
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
  if (answer.fits_p95 && sequence_parallel.has_value()) {
    advice.push_back({"SEQUENCE_PARALLEL", sequence_parallel->text, ""});
  }
  AdviseOnOverlap(q, answer, advice);
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
