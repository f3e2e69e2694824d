// SPDX-License-Identifier: Apache-2.0
#include "daemon/identity.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <initializer_list>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/sha256.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/cost/time_constants.h"
#include "planner/laws/catalog.h"
#include "planner/plan/make_plan.h"

namespace rhumb::daemon {
namespace {

// The built-in figures answers rest on: whoever changes one need not remember to bump a version.
std::string BuildFigures() {
  std::string text;
  const auto add = [&text](std::initializer_list<double> values) {
    for (const double value : values) absl::StrAppendFormat(&text, "%.17g ", value);
  };
  for (const Gpu& gpu : GpuCatalog()) {
    absl::StrAppend(&text, "\n", gpu.id, " ", gpu.family, " ");
    add({static_cast<double>(gpu.memory_bytes), gpu.memory_bytes_per_second,
         gpu.peak_fp16_flops_per_second.value_or(0), gpu.peak_bf16_flops_per_second.value_or(0),
         gpu.peak_fp8_flops_per_second.value_or(0), gpu.peak_fp4_flops_per_second.value_or(0),
         gpu.scale_up_bytes_per_second, static_cast<double>(gpu.gpus_per_scale_up_domain),
         gpu.network_bytes_per_second, gpu.board_watts, gpu.price_usd_per_gpu_hour.value_or(-1)});
    const TimeConstants& c = TimeConstantsOf(gpu.family);
    add({c.gemm_16bit_fraction, c.gemm_8bit_fraction, c.gemm_4bit_fraction,
         c.flash_attention_fraction, c.cudnn_attention_fraction, c.memory_fraction,
         c.scale_up_fraction, c.network_fraction, c.tensor_parallel_overlap,
         c.data_parallel_overlap, c.expert_gemm_fraction, c.reference_watts_per_peak,
         c.power_exponent});
  }
  for (const FrameworkProfile& f : FrameworkProfiles()) {
    absl::StrAppend(&text, "\n", f.name, " ", f.version, " ");
    add({f.weight_bytes, f.gradient_bytes, f.optimizer_bytes, f.gathered_gradient_bytes,
         f.hidden_activation_bytes, f.logits_bytes, f.workspace_bytes, f.reserved_factor,
         f.context_bytes, f.layer_launch_seconds, f.elementwise_hidden_bytes,
         f.gather_network_fraction, f.step_fixed_seconds});
  }
  for (const Law& law : LawCatalog()) {
    absl::StrAppend(&text, "\n", law.name, " ");
    add({law.constants.irreducible_loss_nats, law.constants.a, law.constants.b,
         law.constants.alpha, law.constants.beta, law.reference_batch_tokens.value_or(0)});
  }
  return text;
}

}  // namespace

std::string PlanInputsBytes(const Law& law, int64_t owner_uid, absl::string_view calibration,
                            absl::string_view cluster_content) {
  static const std::string& figures = *new std::string(Sha256Hex(BuildFigures()));
  // Lengths before free bytes, so that no two inputs share a text.
  return absl::StrCat("planner ", kPlannerVersion, " ", figures, "\nlaw ", law.name, " ", law.version, "\nowner ",
                      owner_uid, "\ncalibration ", calibration.size(), " ", calibration,
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
