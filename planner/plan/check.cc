// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/check.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/plan/assemble.h"
#include "planner/plan/ladder.h"
#include "planner/plan/remarks.h"
#include "planner/status_macros.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr double kUnusedMemoryFraction = 0.5;  // more than this free is worth saying
constexpr double kPoorMfu = 0.2;
constexpr int64_t kMostGpusTried = 65536;
constexpr double kPoorBubbleFraction = 0.2;

absl::StatusOr<Layout> ResolveLayout(const CheckQuestion& q, const ModelShape& shape) {
  const LayoutConstraints& given = q.layout;
  Layout layout;
  layout.tensor_parallel_size = given.tensor_parallel_size.value_or(1);
  layout.pipeline_parallel_size = given.pipeline_parallel_size.value_or(1);
  layout.context_parallel_size = given.context_parallel_size.value_or(1);
  layout.expert_parallel_size = given.expert_parallel_size.value_or(1);
  layout.virtual_pipeline_stages = given.virtual_pipeline_stages.value_or(1);
  layout.micro_batch_size = given.micro_batch_size.value_or(1);
  layout.recompute = given.recompute.value_or(Recompute::kNone);
  layout.precision = q.precision;
  layout.sequence_parallel = layout.tensor_parallel_size > 1;
  const int64_t model_gpus =
      layout.tensor_parallel_size * layout.pipeline_parallel_size * layout.context_parallel_size;
  if (q.pool.gpu_count % model_gpus != 0) {
    return absl::InvalidArgumentError(absl::StrCat("tensor x pipeline x context parallel size ",
                                                   model_gpus, " must divide the ",
                                                   q.pool.gpu_count, " GPUs"));
  }
  layout.data_parallel_size = q.pool.gpu_count / model_gpus;
  if (given.data_parallel_size.value_or(layout.data_parallel_size) != layout.data_parallel_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("data_parallel_size ", *given.data_parallel_size, " x ", model_gpus,
                     " (tensor x pipeline x context) is not the ", q.pool.gpu_count,
                     " GPUs; expected ", layout.data_parallel_size));
  }
  const bool replicated = layout.data_parallel_size * layout.context_parallel_size > 1;
  layout.zero_stage = given.zero_stage.value_or(replicated ? 1 : 0);
  RHUMB_RETURN_IF_ERROR(ValidateLayout(shape, layout));
  return layout;
}

absl::StatusOr<int64_t> ResolveAccumulation(const CheckQuestion& q, const Layout& layout,
                                            int64_t sequence_length) {
  const int64_t unit = layout.micro_batch_size * layout.data_parallel_size;
  int64_t steps = q.layout.gradient_accumulation_steps.value_or(
      std::max<int64_t>(1, layout.pipeline_parallel_size));
  if (q.global_batch_tokens.has_value()) {
    if (*q.global_batch_tokens % (unit * sequence_length) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("global_batch_tokens must be a multiple of micro-batch x data parallel size "
                       "x sequence = ",
                       unit * sequence_length, ", got ", *q.global_batch_tokens));
    }
    const int64_t needed = *q.global_batch_tokens / (unit * sequence_length);
    if (q.layout.gradient_accumulation_steps.value_or(needed) != needed) {
      return absl::InvalidArgumentError(absl::StrCat("gradient_accumulation_steps must be ", needed,
                                                     " for this batch, got ", steps));
    }
    steps = needed;
  }
  if (layout.virtual_pipeline_stages > 1 && steps % layout.pipeline_parallel_size != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "with virtual_pipeline_stages the micro-batches (", steps,
        ") must be a multiple of pipeline_parallel_size ", layout.pipeline_parallel_size));
  }
  return steps;
}

std::string Gib(double bytes) { return absl::StrFormat("%.1f GiB", bytes / kGibibyte); }

std::string Days(double seconds) {
  return seconds >= 2 * kSecondsPerDay ? absl::StrFormat("%.1f d", seconds / kSecondsPerDay)
                                       : absl::StrFormat("%.1f h", seconds / kSecondsPerHour);
}

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
  for (const auto& [mode, name] :
       {std::pair{Recompute::kSelective, "selective"}, std::pair{Recompute::kFull, "full"}}) {
    if (mode <= layout.recompute) continue;
    Layout trial = layout;
    trial.recompute = mode;
    try_with(trial, absl::StrCat("--recompute ", name));
  }
  for (int64_t stage = layout.zero_stage + 1; stage <= 3; ++stage) {
    Layout trial = layout;
    trial.zero_stage = stage;
    try_with(trial, absl::StrCat("--zero-stage ", stage));
  }
  for (int64_t size = 2 * layout.tensor_parallel_size; size <= q.pool.gpus_per_node; size *= 2) {
    Layout trial = layout;
    trial.tensor_parallel_size = size;
    try_with(trial, absl::StrCat("--tensor-parallel-size ", size));
  }
  for (int64_t size = 2 * layout.pipeline_parallel_size; size <= shape.num_layers; size *= 2) {
    Layout trial = layout;
    trial.pipeline_parallel_size = size;
    trial.virtual_pipeline_stages = 1;
    try_with(trial, absl::StrCat("--pipeline-parallel-size ", size));
  }
  for (int64_t size = 2 * layout.expert_parallel_size; size <= shape.expert_count; size *= 2) {
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

// The fewest GPUs, by doubling, on which the model fits sharded in full: ZeRO 3, full recompute,
// one sequence.
std::optional<Change> FewestGpusThatFit(const CheckQuestion& q, const ModelShape& shape,
                                        const MemoryPlan& memory) {
  for (int64_t count = 2 * q.pool.gpu_count; count <= kMostGpusTried; count *= 2) {
    CheckQuestion more = q;
    more.pool.gpu_count = count;
    more.global_batch_tokens.reset();
    more.layout = LayoutConstraints{};
    more.layout.zero_stage = 3;
    more.layout.recompute = Recompute::kFull;
    more.layout.gradient_accumulation_steps = 1;
    const absl::StatusOr<Layout> layout = ResolveLayout(more, shape);
    if (!layout.ok()) continue;
    const CostModel cost(shape, q.pool.gpu,
                         Fabric{q.pool.gpus_per_node, q.pool.inter_node_bytes_per_second_per_gpu},
                         q.framework);
    const double p95 = cost.Memory(*layout, 1, /*with_stages=*/false).p95_bytes;
    if (p95 > memory.capacity_bytes) continue;
    Change change;
    change.directive =
        absl::StrCat("--gpus ", count, "x", q.pool.gpu.id, " --zero-stage 3 --recompute full");
    change.text = absl::StrCat(
        "no single change of the layout makes it fit; on ", count,
        " GPUs, sharded in full and with no other part of the layout given, it does: 95% estimate ",
        Gib(p95), ", usable ", Gib(memory.capacity_bytes));
    change.p95_bytes = p95;
    return change;
  }
  return std::nullopt;
}

void Advise(const CheckQuestion& q, const CostModel& cost, const ModelShape& shape,
            CheckAnswer& answer) {
  const MemoryPlan& memory = answer.memory;
  if (!answer.fits_p95) {
    answer.advice.push_back(
        {answer.fits ? "MEMORY_TIGHT" : "DOES_NOT_FIT",
         absl::StrCat(
             answer.fits ? "it fits on average, but may run out of memory: " : "it does not fit: ",
             "expected peak ", Gib(memory.peak_bytes), ", 95% estimate ", Gib(memory.p95_bytes),
             ", usable ", Gib(memory.capacity_bytes)),
         ""});
    const std::optional<Change> change = NearestChangeThatFits(
        q, cost, shape, answer.layout, answer.gradient_accumulation_steps, memory.capacity_bytes);
    if (change.has_value()) {
      answer.advice.push_back({"CHANGE_LAYOUT", change->text, change->directive});
    } else if (const std::optional<Change> more = FewestGpusThatFit(q, shape, memory)) {
      answer.advice.push_back({"MORE_GPUS", more->text, more->directive});
    } else {
      answer.advice.push_back(
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
      answer.advice.push_back(
          {"MEMORY_UNUSED",
           absl::StrCat(Gib(memory.headroom_bytes),
                        " of each GPU stay free; a larger micro-batch is ",
                        absl::StrFormat("%.0f%%", 100 * (now / then - 1)), " faster per token"),
           absl::StrCat("--micro-batch-size ", twice.micro_batch_size)});
    }
  }
  const StepTimeBreakdown& parts = *answer.time.step_breakdown;
  if (parts.pipeline_bubble_seconds > kPoorBubbleFraction * answer.time.step_seconds) {
    answer.advice.push_back(
        {"PIPELINE_BUBBLE",
         absl::StrFormat(
             "%.0f%% of each step is pipeline bubble; more micro-batches per step shrink it",
             100 * parts.pipeline_bubble_seconds / answer.time.step_seconds),
         absl::StrCat("--gradient-accumulation-steps ", 2 * answer.gradient_accumulation_steps)});
  }
  if (answer.time.mfu < kPoorMfu) {
    answer.advice.push_back(
        {"LOW_MFU",
         absl::StrFormat("MFU is %.1f%% of the dense peak; `rhumb plan` with the "
                         "same GPUs looks for a better layout",
                         100 * answer.time.mfu),
         ""});
  }
  const double unused = static_cast<double>(q.pool.gpu_count % q.pool.gpus_per_node);
  if (unused > 0 && q.pool.gpu_count > q.pool.gpus_per_node) {
    answer.advice.push_back(
        {"PARTIAL_NODE",
         absl::StrCat(q.pool.gpu_count, " GPUs are no whole number of nodes of ",
                      q.pool.gpus_per_node),
         ""});
  }
}

void AddLayoutAssumptions(const CheckQuestion& q, CheckAnswer& answer) {
  const auto add = [&](const char* field, int64_t value, const char* source) {
    answer.assumptions.push_back({field, absl::StrCat(value), source});
  };
  if (!q.layout.zero_stage.has_value()) {
    add("zero_stage", answer.layout.zero_stage, "default: 1 where ranks are replicated");
  }
  if (!q.layout.gradient_accumulation_steps.has_value() && !q.global_batch_tokens.has_value()) {
    add("gradient_accumulation_steps", answer.gradient_accumulation_steps,
        "default: as many micro-batches as pipeline stages");
  }
  if (!q.layout.micro_batch_size.has_value()) {
    add("micro_batch_size", answer.layout.micro_batch_size, "default");
  }
}

void JudgeFinish(const CheckQuestion& q, CheckAnswer& answer) {
  const std::optional<double>& partition_limit = q.pool.max_wall_seconds;
  if (!q.token_count.has_value() || (!q.deadline_seconds && !q.budget_usd && !partition_limit))
    return;
  answer.finishes = true;
  const double wall = answer.time.wall_seconds;
  if (q.deadline_seconds && wall > *q.deadline_seconds) {
    answer.finishes = false;
    answer.advice.push_back(
        {"DOES_NOT_FINISH",
         absl::StrCat("it needs ", Days(wall), ", the deadline is ", Days(*q.deadline_seconds)),
         absl::StrFormat("--deadline %.0fh", std::ceil(wall / kSecondsPerHour))});
  }
  if (partition_limit && wall > *partition_limit) {
    answer.finishes = false;
    answer.advice.push_back(
        {"PARTITION_TIME_LIMIT",
         absl::StrCat("it needs ", Days(wall), ", the partition ends jobs after ",
                      Days(*partition_limit)),
         ""});
  }
  if (q.budget_usd && answer.cost->total_usd.value_or(0) > *q.budget_usd) {
    answer.finishes = false;
    answer.advice.push_back({"OVER_BUDGET",
                             absl::StrFormat("it costs $%.0f, the budget is $%.0f",
                                             *answer.cost->total_usd, *q.budget_usd),
                             absl::StrFormat("--budget %.0f", std::ceil(*answer.cost->total_usd))});
  }
}

}  // namespace

absl::StatusOr<CheckAnswer> CheckConfiguration(const CheckQuestion& q) {
  CheckAnswer answer;
  answer.model = q.architecture.has_value()
                     ? *q.architecture
                     : ShapeOfSize(q.param_count.value_or(0), ParamCountConvention::kTotal,
                                   q.vocab_size, q.sequence_length);
  const ModelShape& shape = answer.model;
  RHUMB_ASSIGN_OR_RETURN(answer.layout, ResolveLayout(q, shape));
  RHUMB_ASSIGN_OR_RETURN(answer.gradient_accumulation_steps,
                         ResolveAccumulation(q, answer.layout, shape.sequence_length));
  const int64_t accumulation = answer.gradient_accumulation_steps;
  const int64_t nodes = (q.pool.gpu_count + q.pool.gpus_per_node - 1) / q.pool.gpus_per_node;
  answer.allocation = {q.pool.cluster,
                       q.pool.partition,
                       q.pool.gpu.id,
                       q.pool.gpu_count,
                       nodes,
                       q.pool.gpus_per_node,
                       0};
  const CostModel cost(shape, q.pool.gpu,
                       Fabric{q.pool.gpus_per_node, q.pool.inter_node_bytes_per_second_per_gpu},
                       q.framework, TimeConstantsWith(q.calibration.get(), q.pool.gpu.family));
  const double device = static_cast<double>(q.pool.gpu.memory_bytes);
  const double capacity =
      std::min(device, q.max_memory_bytes.value_or(device)) * (1 - q.memory_headroom_fraction);
  answer.memory = MakeMemoryPlan(cost, answer.layout, accumulation, capacity);
  answer.fits = answer.memory.peak_bytes <= capacity;
  answer.fits_p95 = answer.memory.p95_bytes <= capacity;

  const double batch_tokens =
      static_cast<double>(accumulation * answer.layout.micro_batch_size *
                          answer.layout.data_parallel_size * shape.sequence_length);
  const int64_t step_count =
      q.token_count.has_value()
          ? std::max<int64_t>(1, static_cast<int64_t>(std::ceil(*q.token_count / batch_tokens)))
          : 1;
  OverheadModel overheads;
  if (q.token_count.has_value()) {
    overheads =
        MakeOverheadModel(static_cast<double>(CountParams(shape).total), q.pool.gpu_count, nodes,
                          q.failures_per_gpu_hour.value_or(kDefaultFailuresPerGpuHour));
  }
  answer.time = MakeTimePlan(
      cost, answer.layout, accumulation, cost.Step(answer.layout).StepSeconds(accumulation),
      cost.ModelFlopsPerToken(), batch_tokens, static_cast<double>(q.pool.gpu_count),
      PeakFlopsPerSecond(q.pool.gpu, q.precision).value_or(0), step_count, overheads);
  AddWallInterval(TimeErrorWith(q.calibration.get(), q.pool.gpu.family), q.level, answer.time);
  if (q.token_count.has_value()) {
    answer.cost = MakeCostPlan(q.pool, q.pool.gpu_count, answer.time.wall_seconds);
  }
  Advise(q, cost, shape, answer);
  JudgeFinish(q, answer);
  answer.assumptions = q.assumptions;
  AddCalibrationAssumptions(q.calibration.get(), {q.pool}, answer.assumptions);
  AddLayoutAssumptions(q, answer);
  if (q.token_count.has_value()) {
    AddHardwareAssumptions(q.failures_per_gpu_hour.has_value(), q.framework, answer.assumptions);
  }
  return answer;
}

}  // namespace rhumb
