// SPDX-License-Identifier: Apache-2.0
#include "daemon/resolve.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "daemon/calibrations.h"
#include "daemon/convert.h"
#include "daemon/gpu_types.h"
#include "daemon/law_lookup.h"
#include "daemon/resolve_pools.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/laws/catalog.h"
#include "planner/plan/pool.h"
#include "planner/plan/problem.h"
#include "planner/status_macros.h"
#include "planner/units.h"
#include "proto/json/json_names.h"
#include "proto/json/json_printer.h"
#include "rhumb/v1/cluster.pb.h"

namespace rhumb::daemon {
namespace {

constexpr char kDefaultFramework[] = "megatron";
constexpr double kDefaultLevel = 0.9;

FrameworkProfile ResolveFramework(const std::string& name, FieldViolations& violations) {
  auto profile = FindFrameworkProfile(name.empty() ? kDefaultFramework : name);
  if (profile.ok()) return *std::move(profile);
  violations.Add("framework", std::string(profile.status().message()));
  return {};
}

// The shape asked about, checked as a whole; nullopt after a violation.
std::optional<ModelShape> ResolveShape(const v1::Architecture& architecture,
                                       int64_t sequence_length, int64_t vocab_size,
                                       FieldViolations& violations) {
  ModelShape shape = FromProto(architecture);
  shape.sequence_length = sequence_length;
  if (shape.vocab_size == 0) shape.vocab_size = vocab_size;
  if (const absl::Status valid = ValidateModelShape(shape); !valid.ok()) {
    violations.Add("architecture", std::string(valid.message()));
    return std::nullopt;
  }
  const ParamCountConvention convention =
      FromProto(architecture.param_count_convention()).value_or(ParamCountConvention::kTotal);
  const auto counted = static_cast<int64_t>(ParamCount(shape, convention));
  if (architecture.has_param_count() && architecture.param_count() != counted) {
    violations.Add(
        "architecture.param_count",
        absl::StrCat("is ", architecture.param_count(), ", but the shape has ", counted, " (",
                     convention == ParamCountConvention::kTotal ? "TOTAL" : "NON_EMBEDDING", ")"));
  }
  return shape;
}

// Sequence length and vocabulary: the request's, else the architecture's, else the default.
template <typename Request>
void ResolveTokenShape(const Request& request, int64_t& sequence_length, int64_t& vocab_size,
                       FieldViolations& violations) {
  const PlanQuestion defaults;
  const v1::Architecture& architecture = request.architecture();
  sequence_length = request.has_sequence_length()        ? request.sequence_length()
                    : architecture.sequence_length() > 0 ? architecture.sequence_length()
                                                         : defaults.sequence_length;
  vocab_size = request.has_vocab_size()        ? request.vocab_size()
               : architecture.vocab_size() > 0 ? architecture.vocab_size()
                                               : defaults.vocab_size;
  if (request.has_vocab_size() && architecture.vocab_size() > 0 &&
      architecture.vocab_size() != request.vocab_size()) {
    violations.Add("vocab_size",
                   absl::StrCat("is ", request.vocab_size(), ", but the architecture has ",
                                architecture.vocab_size()));
  }
}

void AssumeSequenceLength(int64_t sequence_length, std::vector<Assumption>& assumptions) {
  Assume(assumptions, "sequence_length", absl::StrCat(sequence_length), "default");
}
void AssumeVocabulary(int64_t vocab_size, std::vector<Assumption>& assumptions) {
  Assume(assumptions, "vocab_size", absl::StrCat(vocab_size), "default: the vocabulary of Llama 3");
}

// What the request says in numbers, unchanged.
void CopyConstraints(const v1::CreatePlanRequest& in, PlanQuestion& out) {
  const auto real = [](bool has, double value) {
    return has ? std::optional<double>(value) : std::nullopt;
  };
  out.compute_flops = real(in.has_compute_flops(), in.compute_flops());
  out.lifetime_compute_flops = real(in.has_lifetime_compute_flops(), in.lifetime_compute_flops());
  out.gpu_hours = real(in.has_gpu_hours(), in.gpu_hours());
  out.deadline_seconds = real(in.has_deadline_seconds(), in.deadline_seconds());
  if (in.has_max_job_count()) out.max_job_count = in.max_job_count();
  out.budget_usd = real(in.has_budget_usd(), in.budget_usd());
  out.target_loss_nats = real(in.has_target_loss_nats(), in.target_loss_nats());
  out.unique_token_count =
      real(in.has_unique_token_count(), static_cast<double>(in.unique_token_count()));
  out.max_epoch_count = real(in.has_max_epoch_count(), in.max_epoch_count());
  out.serving_memory_bytes = real(in.has_serving_memory_bytes(), in.serving_memory_bytes());
  out.param_count = real(in.has_param_count(), static_cast<double>(in.param_count()));
  out.min_param_count = real(in.has_min_param_count(), static_cast<double>(in.min_param_count()));
  out.max_param_count = real(in.has_max_param_count(), static_cast<double>(in.max_param_count()));
  out.token_count = real(in.has_token_count(), static_cast<double>(in.token_count()));
  out.tokens_per_param = real(in.has_tokens_per_param(), in.tokens_per_param());
  if (in.has_global_batch_tokens()) out.global_batch_tokens = in.global_batch_tokens();
  if (in.has_min_global_batch_tokens()) out.min_global_batch_tokens = in.min_global_batch_tokens();
  if (in.has_max_global_batch_tokens()) out.max_global_batch_tokens = in.max_global_batch_tokens();
  out.done_token_count = static_cast<double>(in.done_token_count());
  out.done_step_count = in.done_step_count();
  if (in.has_step_time_factor()) out.step_time_factor = in.step_time_factor();
  out.noise_scale_tokens = real(in.has_noise_scale_tokens(), in.noise_scale_tokens());
  out.mfu = real(in.has_mfu(), in.mfu());
  out.memory_headroom_fraction = in.memory_headroom_fraction();
  out.max_memory_bytes = real(in.has_max_memory_bytes(), in.max_memory_bytes());
  out.max_power_watts = real(in.has_max_power_watts(), in.max_power_watts());
  out.failures_per_gpu_hour = real(in.has_failures_per_gpu_hour(), in.failures_per_gpu_hour());
  out.startup_seconds = real(in.has_startup_seconds(), in.startup_seconds());
  out.level = in.has_level() ? in.level() : kDefaultLevel;
  out.include_alternatives = in.include_alternatives();
  out.layout = FromProto(in.layout());
  out.param_count_convention = FromProto(in.param_count_convention());
}

void ResolveInference(const v1::CreatePlanRequest& in, PlanQuestion& out) {
  ServingDemand& demand = out.inference;
  const ServingDemand defaults;
  demand.token_count = static_cast<double>(in.inference_token_count());
  if (in.has_inference_prefill_fraction())
    demand.prefill_fraction = in.inference_prefill_fraction();
  if (in.has_inference_prefill_mfu()) demand.prefill_mfu = in.inference_prefill_mfu();
  if (in.has_inference_decode_mfu()) demand.decode_mfu = in.inference_decode_mfu();
  if (in.has_inference_usd_per_gpu_hour())
    demand.usd_per_gpu_hour = in.inference_usd_per_gpu_hour();
  if (demand.token_count <= 0) return;
  if (demand.prefill_fraction == defaults.prefill_fraction) {
    Assume(out.assumptions, "inference_prefill_fraction", PrintJsonNumber(demand.prefill_fraction),
           "default");
  }
  if (demand.prefill_mfu == defaults.prefill_mfu) {
    Assume(out.assumptions, "inference_prefill_mfu", PrintJsonNumber(demand.prefill_mfu),
           "default: Sardana and Frankle 2024, arXiv:2401.00448");
  }
  if (demand.decode_mfu == defaults.decode_mfu) {
    Assume(out.assumptions, "inference_decode_mfu", PrintJsonNumber(demand.decode_mfu),
           "default: Sardana and Frankle 2024, arXiv:2401.00448");
  }
}

// What a run's flags switch; the rest is the framework's.
void CopySwitches(const v1::CheckConfigurationRequest& in, CheckQuestion& out) {
  if (in.has_sequence_parallel()) out.sequence_parallel = in.sequence_parallel();
  if (in.has_expert_tensor_parallel_size())
    out.expert_tensor_parallel_size = in.expert_tensor_parallel_size();
  if (in.has_overlap_tensor_parallel()) out.overlap_tensor_parallel = in.overlap_tensor_parallel();
  if (in.has_overlap_data_parallel()) out.overlap_data_parallel = in.overlap_data_parallel();
}

// A question with a default is the one that states the same value, so it is told by the value.
void NoteDefaults(PlanQuestion& question) {
  const PlanQuestion defaults;
  std::vector<Assumption>& assumptions = question.assumptions;
  if (question.sequence_length == defaults.sequence_length) {
    AssumeSequenceLength(question.sequence_length, assumptions);
  }
  if (question.vocab_size == defaults.vocab_size) {
    AssumeVocabulary(question.vocab_size, assumptions);
  }
  if (question.law.name == kDefaultLawName) {
    Assume(assumptions, "law", question.law.name, "default");
  }
  if (question.precision == Precision::kBf16) Assume(assumptions, "precision", "BF16", "default");
  if (question.batch_rule == BatchRule::kKaplan2020 && !question.noise_scale_tokens.has_value()) {
    Assume(assumptions, "batch_rule", std::string(BatchRuleName(question.batch_rule)), "default");
  }
  if (question.level == kDefaultLevel)
    Assume(assumptions, "level", PrintJsonNumber(question.level), "default");
}

// The one form of the question; `question` is resolved.
v1::CreatePlanRequest Canonical(const v1::CreatePlanRequest& request,
                                const PlanQuestion& question) {
  v1::CreatePlanRequest out = request;
  out.clear_request_id();
  out.clear_validate_only();
  if (out.gpu_type().empty() && out.cluster().empty())
    out.clear_price_usd_per_gpu_hour();  // is in the pools
  // Of a stored law the version too: the question stays what it was when the law is fitted again.
  const bool published = FindLaw(question.law.name) != nullptr;
  out.set_law(published ? question.law.name
                        : absl::StrCat(question.law.name, "@", question.law.version));
  out.set_sequence_length(question.sequence_length);
  out.set_vocab_size(question.vocab_size);
  out.set_precision(ToProto(question.precision));
  out.set_batch_rule(std::string(BatchRuleName(question.batch_rule)));
  out.set_framework(question.framework.name);
  out.set_level(question.level);
  if (question.objective) out.set_objective(ToProto(*question.objective));
  if (question.architecture)
    *out.mutable_architecture() = ToProto(*question.architecture, ParamCountConvention::kTotal);
  for (int i = 0; i < out.gpu_pools_size() && i < static_cast<int>(question.pools.size()); ++i) {
    v1::GpuPool& pool = *out.mutable_gpu_pools(i);
    const GpuPool& resolved = question.pools[static_cast<size_t>(i)];
    pool.set_gpu_type(resolved.gpu.id);
    pool.set_gpus_per_node(resolved.gpus_per_node);
    pool.set_inter_node_gbps_per_gpu(resolved.inter_node_bytes_per_second_per_gpu /
                                     kBytesPerSecondPerGigabit);
    if (resolved.price_usd_per_gpu_hour)
      pool.set_price_usd_per_gpu_hour(*resolved.price_usd_per_gpu_hour);
  }
  // The version as of stored laws.
  if (question.calibration != nullptr) {
    out.set_calibration(
        absl::StrCat(question.calibration->name, "@", question.calibration->version));
  }
  if (!out.cluster().empty())
    out.set_cluster(absl::StrCat("clusters/", absl::StripPrefix(out.cluster(), "clusters/")));
  if (question.gpu_without_count) out.set_gpu_type(question.gpu_without_count->gpu.id);
  if (!question.max_epoch_count) out.clear_max_epoch_count();
  if (!question.failures_per_gpu_hour) out.clear_failures_per_gpu_hour();
  if (!question.startup_seconds) out.clear_startup_seconds();
  if (out.memory_headroom_fraction() == 0) out.clear_memory_headroom_fraction();
  if (out.layout().ByteSizeLong() == 0) out.clear_layout();
  if (out.done_token_count() == 0) out.clear_done_token_count();
  if (out.done_step_count() == 0) out.clear_done_step_count();
  if (out.step_time_factor() == 1) out.clear_step_time_factor();
  if (question.inference.token_count > 0) {
    out.set_inference_prefill_fraction(question.inference.prefill_fraction);
    out.set_inference_prefill_mfu(question.inference.prefill_mfu);
    out.set_inference_decode_mfu(question.inference.decode_mfu);
  } else {
    out.clear_inference_token_count();
  }
  const bool counts_params =
      out.has_param_count() || out.has_min_param_count() || out.has_max_param_count();
  out.set_param_count_convention(counts_params ? ToProto(question.param_count_convention.value_or(
                                                     question.law.param_count_convention))
                                               : v1::PARAM_COUNT_CONVENTION_UNSPECIFIED);
  return out;
}

}  // namespace

std::string UnknownName(absl::string_view kind, absl::string_view name,
                        const std::vector<std::string>& known) {
  std::string text = absl::StrCat("unknown ", kind, " \"", name.substr(0, 100), "\"");
  if (known.empty()) return absl::StrCat(text, "; there are none yet");
  return absl::StrCat(text, "; nearest: ", absl::StrJoin(NearestNames(name, known, 3), ", "));
}

BatchRule ResolveBatchRule(const std::string& name, FieldViolations& violations) {
  if (name.empty()) return BatchRule::kKaplan2020;
  const absl::StatusOr<BatchRule> rule = ParseBatchRule(name);
  if (rule.ok()) return *rule;
  std::vector<std::string> known;
  for (const BatchRule each : kAllBatchRules) known.emplace_back(BatchRuleName(each));
  violations.Add("batch_rule", UnknownName("batch rule", name, known));
  return BatchRule::kKaplan2020;
}

absl::StatusOr<ResolvedPlanRequest> ResolvePlanRequest(const v1::CreatePlanRequest& request,
                                                       int64_t now_ns, Store& store,
                                                       FieldViolations& violations) {
  ResolvedPlanRequest resolved;
  PlanQuestion& question = resolved.question;
  CopyConstraints(request, question);
  // The planner labels its own defaults when these are absent; writing them down must not make
  // another question.
  if (question.max_epoch_count == kDefaultMaxEpochCount) question.max_epoch_count.reset();
  if (question.failures_per_gpu_hour == kDefaultFailuresPerGpuHour)
    question.failures_per_gpu_hour.reset();
  if (question.startup_seconds == kStartupSeconds) question.startup_seconds.reset();
  RHUMB_ASSIGN_OR_RETURN(question.law, ResolveLaw(request.law(), "law", store, violations));
  question.batch_rule = ResolveBatchRule(request.batch_rule(), violations);
  question.framework = ResolveFramework(request.framework(), violations);
  question.precision = FromProto(request.precision()).value_or(Precision::kBf16);
  question.objective = FromProto(request.objective());
  ResolveTokenShape(request, question.sequence_length, question.vocab_size, violations);
  if (request.has_architecture()) {
    question.architecture = ResolveShape(request.architecture(), question.sequence_length,
                                         question.vocab_size, violations);
  }
  ResolveInference(request, question);
  std::vector<Gpu> gpus;
  if (request.gpu_pools_size() > 0 || !request.cluster().empty() || !request.gpu_type().empty()) {
    // The revision first: what is applied in between is then looked up again, not missed.
    resolved.gpu_change_count = store.gpu_types().change_count();
    RHUMB_ASSIGN_OR_RETURN(resolved.gpu_revision, store.gpu_types().Revision());
    RHUMB_ASSIGN_OR_RETURN(gpus, AllGpus(store));
  }
  for (int i = 0; i < request.gpu_pools_size(); ++i) {
    v1::GpuPool asked = request.gpu_pools(i);
    if (request.has_price_usd_per_gpu_hour() && !asked.has_price_usd_per_gpu_hour()) {
      asked.set_price_usd_per_gpu_hour(request.price_usd_per_gpu_hour());
    }
    auto pool = ResolveGpuPool(asked, absl::StrCat("gpu_pools[", i, "]"), gpus,
                               question.assumptions, violations);
    if (pool.has_value()) question.pools.push_back(*std::move(pool));
  }
  if (!request.cluster().empty()) {
    RHUMB_ASSIGN_OR_RETURN(
        question.pools,
        ResolveCluster(
            {.name = request.cluster(),
             .partition = request.partition(),
             .price_usd_per_gpu_hour = request.has_price_usd_per_gpu_hour()
                                           ? std::optional<double>(request.price_usd_per_gpu_hour())
                                           : std::nullopt,
             .free_at_ns = request.free_only() ? std::optional<int64_t>(now_ns) : std::nullopt},
            gpus, store, resolved.cluster_content, question.assumptions, violations));
  }
  if (!request.gpu_type().empty()) {
    const absl::StatusOr<Gpu> gpu = FindGpu(request.gpu_type(), gpus);
    if (gpu.ok()) {
      question.gpu_without_count =
          ResolvePool(*gpu, 1, std::nullopt, std::nullopt,
                      request.has_price_usd_per_gpu_hour()
                          ? std::optional<double>(request.price_usd_per_gpu_hour())
                          : std::nullopt);
      question.gpu_without_count->gpu_count = 0;
      AssumePrice("price_usd_per_gpu_hour", *question.gpu_without_count, question.assumptions);
    } else {
      violations.Add("gpu_type", std::string(gpu.status().message()));
    }
  }
  if (!request.calibration().empty()) {
    // The revision first, as of GPU types.
    resolved.calibration_change_count = store.calibrations().change_count();
    RHUMB_ASSIGN_OR_RETURN(resolved.calibration_revision, store.calibrations().Revision());
    RHUMB_ASSIGN_OR_RETURN(question.calibration,
                           ResolveCalibration(request.calibration(), store, violations));
  }
  NoteDefaults(question);
  question.objective = ResolveObjective(question);
  resolved.canonical = Canonical(request, question);
  return resolved;
}

absl::StatusOr<CheckQuestion> ResolveCheckRequest(const v1::CheckConfigurationRequest& request,
                                                  Store& store, FieldViolations& violations) {
  CheckQuestion question;
  ResolveTokenShape(request, question.sequence_length, question.vocab_size, violations);
  if (!request.has_sequence_length() && request.architecture().sequence_length() <= 0) {
    AssumeSequenceLength(question.sequence_length, question.assumptions);
  }
  if (!request.has_vocab_size() && request.architecture().vocab_size() <= 0) {
    AssumeVocabulary(question.vocab_size, question.assumptions);
  }
  if (request.has_architecture()) {
    question.architecture = ResolveShape(request.architecture(), question.sequence_length,
                                         question.vocab_size, violations);
  }
  if (request.has_param_count()) question.param_count = static_cast<double>(request.param_count());
  question.layout = FromProto(request.layout());
  question.precision = FromProto(request.precision()).value_or(Precision::kBf16);
  if (request.precision() == v1::PRECISION_UNSPECIFIED)
    Assume(question.assumptions, "precision", "BF16", "default");
  question.framework = ResolveFramework(request.framework(), violations);
  if (request.has_global_batch_tokens())
    question.global_batch_tokens = request.global_batch_tokens();
  if (request.has_token_count()) question.token_count = static_cast<double>(request.token_count());
  if (request.has_deadline_seconds()) question.deadline_seconds = request.deadline_seconds();
  if (request.has_budget_usd()) question.budget_usd = request.budget_usd();
  question.memory_headroom_fraction = request.memory_headroom_fraction();
  if (request.has_max_memory_bytes()) question.max_memory_bytes = request.max_memory_bytes();
  if (request.has_failures_per_gpu_hour())
    question.failures_per_gpu_hour = request.failures_per_gpu_hour();
  if (request.has_startup_seconds()) question.startup_seconds = request.startup_seconds();
  question.level = request.has_level() ? request.level() : kDefaultLevel;
  CopySwitches(request, question);
  RHUMB_ASSIGN_OR_RETURN(question.calibration,
                         ResolveCalibration(request.calibration(), store, violations));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store));
  if (request.has_gpu_pool()) {
    auto pool =
        ResolveGpuPool(request.gpu_pool(), "gpu_pool", gpus, question.assumptions, violations);
    if (pool.has_value()) question.pool = *std::move(pool);
  } else if (!request.cluster().empty()) {
    std::string content;
    RHUMB_ASSIGN_OR_RETURN(std::vector<GpuPool> pools,
                           ResolveCluster({.name = request.cluster(),
                                           .partition = request.partition(),
                                           .price_usd_per_gpu_hour = std::nullopt,
                                           .free_at_ns = std::nullopt},
                                          gpus, store, content, question.assumptions, violations));
    if (pools.size() > 1) {
      violations.Add("partition",
                     absl::StrCat("must say which of the ", pools.size(), " pools of the cluster"));
    } else if (!pools.empty()) {
      question.pool = std::move(pools.front());
    }
  }
  return question;
}

}  // namespace rhumb::daemon
