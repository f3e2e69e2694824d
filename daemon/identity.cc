// SPDX-License-Identifier: Apache-2.0
#include "daemon/identity.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <array>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/casts.h"
#include "absl/strings/str_cat.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/cost/time_constants.h"
#include "planner/plan/make_plan.h"
#include "planner/sha256.h"

namespace rhumb::daemon {
namespace {

// Values one after the other, so that no two lists of the same types share a text.
class Figures {
 public:
  template <typename... Values>
  explicit Figures(const Values&... values) {
    (Append(values), ...);
  }

  std::string text() && { return std::move(text_); }

 private:
  // All bits: figures that print alike may differ.
  void Append(double value) {
    absl::StrAppend(&text_, absl::Hex(absl::bit_cast<uint64_t>(value)), " ");
  }
  void Append(const std::string& value) { absl::StrAppend(&text_, value.size(), ":", value, " "); }
  void Append(const Eigen::MatrixXd& values) {
    absl::StrAppend(&text_, values.rows(), "x", values.cols(), " ");
    for (const double value : values.reshaped()) Append(value);
  }
  template <typename Value>
  void Append(const std::optional<Value>& value) {
    absl::StrAppend(&text_, value.has_value() ? "+" : "-");
    if (value.has_value()) Append(*value);
  }
  template <typename Value>
  void Append(const std::vector<Value>& values) {
    absl::StrAppend(&text_, values.size(), " ");
    for (const Value& value : values) Append(value);
  }
  template <typename Value>
  std::enable_if_t<std::is_integral_v<Value> || std::is_enum_v<Value>> Append(Value value) {
    absl::StrAppend(&text_, static_cast<int64_t>(value), " ");
  }
  void Append(const ChinchillaLaw& law) {
    const auto& [e, a, b, alpha, beta, gamma] = law;
    Append(std::vector<double>{e, a, b, alpha, beta, gamma});
  }
  void Append(const RepetitionConstants& constants) {
    const auto& [data_decay_epochs, param_decay] = constants;
    Append(std::vector<double>{data_decay_epochs, param_decay});
  }
  void Append(const SlopeError& error) {
    const auto& [fraction, degrees] = error;
    Append(std::vector<double>{fraction, degrees});
  }
  void Append(const LawCovariance& covariance) {
    const auto& [parameters, values, source] = covariance;
    Append(parameters);
    Append(values);
    Append(source);
  }
  void Append(const DataBox& box) {
    const auto& [min_n, max_n, min_c, max_c, min_ratio, max_ratio, max_epochs] = box;
    Append(std::vector<std::optional<double>>{min_n, max_n, min_c, max_c, min_ratio, max_ratio,
                                              max_epochs});
  }

  void Append(const FrameworkLayouts& layouts) {
    const auto& [tensor, pipeline, context, expert, max_virtual_stages, zero_stages,
                 pipelined_zero_stages, recompute_modes, default_zero_stage] = layouts;
    Append(tensor), Append(pipeline), Append(context), Append(expert);
    Append(max_virtual_stages), Append(zero_stages), Append(pipelined_zero_stages);
    Append(recompute_modes), Append(default_zero_stage);
  }
  void Append(const WorkConstants& work) {
    // Nothing but doubles: a field that is added is part of the bytes.
    for (const double value :
         absl::bit_cast<std::array<double, sizeof(WorkConstants) / sizeof(double)>>(work)) {
      Append(value);
    }
  }

  std::string text_;
};

// The built-in figures answers rest on: whoever changes one need not remember to bump a version.
std::string BuildFigures() {
  std::string text;
  for (const Gpu& gpu : GpuCatalog()) {
    absl::StrAppend(&text, FiguresOf(gpu), FiguresOf(TimeConstantsOf(gpu.family)),
                    FiguresOf(TimeErrorOf(gpu.family)), "\n");
  }
  for (const FrameworkProfile& profile : FrameworkProfiles()) {
    absl::StrAppend(&text, FiguresOf(profile), "\n");
  }
  return text;
}

}  // namespace

// The bindings below name every field: one that is added or taken away breaks the build here.

std::string FiguresOf(const Law& law) {
  const auto& [name, version, family, param_count_convention, flops_convention, tokenizer, dataset,
               source, constants, repetition, covariance, residual_log_std, slope_error,
               reference_batch_tokens, box] = law;
  return Figures(name, version, family, param_count_convention, flops_convention, tokenizer,
                 dataset, source, constants, repetition, covariance, residual_log_std, slope_error,
                 reference_batch_tokens, box)
      .text();
}

std::string FiguresOf(const Gpu& gpu) {
  const auto& [id, aliases, family, memory_bytes, memory_bytes_per_second, fp16, bf16, fp8, fp4,
               scale_up_link, scale_up_bytes_per_second, gpus_per_scale_up_domain,
               network_bytes_per_second, board_watts, price_usd_per_gpu_hour, price_source,
               source] = gpu;
  return Figures(id, aliases, family, memory_bytes, memory_bytes_per_second, fp16, bf16, fp8, fp4,
                 scale_up_link, scale_up_bytes_per_second, gpus_per_scale_up_domain,
                 network_bytes_per_second, board_watts, price_usd_per_gpu_hour, price_source,
                 source)
      .text();
}

std::string FiguresOf(const TimeConstants& constants) {
  const auto& [family, source, fitted, gemm_16bit, gemm_8bit, gemm_4bit, gemm_fill_elements,
               flash_attention, cudnn_attention, memory, scale_up, network, tensor_parallel_overlap,
               data_parallel_overlap, expert_gemm, reference_watts_per_peak, power_exponent] =
      constants;
  return Figures(family, source, fitted, gemm_16bit, gemm_8bit, gemm_4bit, gemm_fill_elements,
                 flash_attention, cudnn_attention, memory, scale_up, network,
                 tensor_parallel_overlap, data_parallel_overlap, expert_gemm,
                 reference_watts_per_peak, power_exponent)
      .text();
}

std::string FiguresOf(const TimeError& error) {
  const auto& [log_bias, log_sigma, log_quantile_05, log_quantile_95, row_count, table_count,
               source] = error;
  return Figures(log_bias, log_sigma, log_quantile_05, log_quantile_95, row_count, table_count,
                 source)
      .text();
}

std::string FiguresOf(const TimeCalibration& calibration) {
  const auto& [name, version, families] = calibration;
  std::string text = Figures(name, version).text();
  for (const CalibratedFamily& family : families) {
    const auto& [constants, error, run_count, table_count, left_out_error] = family;
    absl::StrAppend(&text, FiguresOf(constants), FiguresOf(error),
                    Figures(run_count, table_count, left_out_error).text());
  }
  return text;
}

std::string FiguresOf(const FrameworkProfile& profile) {
  const auto& [name, version, layouts, attention, compiled, overlaps_tensor_parallel,
               overlaps_data_parallel, overlaps_pipeline, scatters_pipeline_sends,
               selective_recompute, recompute_stops_early, weight_bytes, gradient_bytes,
               optimizer_bytes, step_optimizer_bytes, sharded_weight_bytes, gathered_gradient_bytes,
               reduced_gradient_bytes, reduces_to_all, hidden_activation_bytes, keeps_8bit_inputs,
               fuses_gated_activation, stage_boundary_copies, logits_bytes, workspace_bytes,
               reserved_factor, context_bytes, counter, expert_half_width, layer_launch_seconds,
               elementwise_hidden_bytes, gather_network_fraction, pipeline_sends_per_pass, work] =
      profile;
  return Figures(name, version, layouts, attention, compiled, overlaps_tensor_parallel,
                 overlaps_data_parallel, overlaps_pipeline, scatters_pipeline_sends,
                 selective_recompute, recompute_stops_early, weight_bytes, gradient_bytes,
                 optimizer_bytes, step_optimizer_bytes, sharded_weight_bytes,
                 gathered_gradient_bytes, reduced_gradient_bytes, reduces_to_all,
                 hidden_activation_bytes, keeps_8bit_inputs, fuses_gated_activation,
                 stage_boundary_copies, logits_bytes, workspace_bytes, reserved_factor,
                 context_bytes, counter, expert_half_width, layer_launch_seconds,
                 elementwise_hidden_bytes, gather_network_fraction, pipeline_sends_per_pass, work)
      .text();
}

std::string PlanInputsBytes(const PlanQuestion& question, int64_t owner_uid,
                            absl::string_view cluster_content) {
  static const std::string& figures = *new std::string(Sha256Hex(BuildFigures()));
  const Law& law = question.law;
  std::string gpus;  // an applied type may change, or stand in the place of a built-in one
  for (const GpuPool& pool : question.pools) absl::StrAppend(&gpus, FiguresOf(pool.gpu));
  if (question.gpu_without_count.has_value())
    absl::StrAppend(&gpus, FiguresOf(question.gpu_without_count->gpu));
  std::string calibration;
  if (question.calibration != nullptr) {
    calibration = absl::StrCat(question.calibration->name, "@", question.calibration->version, " ",
                               Sha256Hex(FiguresOf(*question.calibration)));
  }
  // Lengths before free bytes, so that no two inputs share a text.
  return absl::StrCat("planner ", kPlannerVersion, " ", figures, "\nlaw ", law.name, " ",
                      law.version, " ", Sha256Hex(FiguresOf(law)), "\ngpus ", Sha256Hex(gpus),
                      "\nowner ", owner_uid, "\ncalibration ", calibration.size(), " ", calibration,
                      "\ncluster ", cluster_content.size(), "\n", cluster_content);
}

std::string PlanName(absl::string_view request_bytes, absl::string_view inputs_bytes) {
  const std::string hash =
      Sha256Hex(absl::StrCat(request_bytes.size(), "\n", request_bytes, inputs_bytes));
  return absl::StrCat("plans/p-", hash.substr(0, 20));
}

std::string DeterministicBytes(const google::protobuf::Message& message) {
  std::unique_ptr<google::protobuf::Message> known(message.New());
  known->CopyFrom(message);
  known->DiscardUnknownFields();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    known->SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::string RequestContentHash(const google::protobuf::Message& request) {
  std::unique_ptr<google::protobuf::Message> content(request.New());
  content->CopyFrom(request);
  for (const char* name : {"request_id", "validate_only"}) {
    if (const auto* field = content->GetDescriptor()->FindFieldByName(name)) {
      content->GetReflection()->ClearField(content.get(), field);
    }
  }
  return Sha256Hex(DeterministicBytes(*content));
}

}  // namespace rhumb::daemon
