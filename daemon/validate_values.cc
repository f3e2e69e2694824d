// SPDX-License-Identifier: Apache-2.0
// The part of validate.h that judges values one by one, whatever message they stand in.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/validate.h"
#include "proto/json/json_names.h"
#include "proto/json/json_printer.h"

namespace rhumb::daemon {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

constexpr size_t kMaxTextBytes = 256;
// No law has so many symbols.
constexpr int kMaxMapEntries = 64;

// Allowed values of a number. Bounds far beyond physics only keep formulas from overflowing.
struct Range {
  double low = 0;
  bool low_open = false;
  double high = std::numeric_limits<double>::infinity();
  bool high_open = false;
};

constexpr Range kPositive = {0, true, 1e40};
constexpr Range kCount = {1, false, 1e18};
constexpr Range kFraction = {0, false, 1};
constexpr Range kMfu = {0, true, 1};
constexpr Range kDegree = {1, false, 1e6};
// Of a measured to a predicted time: a factor of 20 either way.
constexpr Range kLogRatio = {-3, false, 3};

// By field name: one word means one thing in every request, unless a request is named.
const absl::flat_hash_map<std::string, Range>& Ranges() {
  static const auto* const ranges = new absl::flat_hash_map<std::string, Range>{
      {"compute_flops", kPositive},
      {"lifetime_compute_flops", kPositive},
      {"gpu_hours", {0, true, 1e15}},
      {"deadline_seconds", {0, true, 1e12}},
      {"max_job_count", {1, false, 1e4}},
      {"budget_usd", {0, false, 1e15}},
      {"target_loss_nats", {0, true, 100}},
      {"unique_token_count", kCount},
      {"max_epoch_count", {1, false, 1e6}},
      {"inference_token_count", {0, false, 1e18}},
      {"inference_prefill_fraction", kFraction},
      {"inference_usd_per_gpu_hour", {0, false, 1e6}},
      {"inference_prefill_mfu", kMfu},
      {"inference_decode_mfu", kMfu},
      {"serving_memory_bytes", kPositive},
      {"param_count", {1e6, false, 1e14}},
      {"min_param_count", kCount},
      {"max_param_count", kCount},
      {"token_count", kCount},
      {"tokens_per_param", {0, true, 1e9}},
      {"sequence_length", {1, false, 1 << 24}},
      {"vocab_size", {1, false, 1 << 24}},
      {"global_batch_tokens", {1, false, 1e15}},
      {"min_global_batch_tokens", {1, false, 1e15}},
      {"max_global_batch_tokens", {1, false, 1e15}},
      {"done_token_count", {0, false, 1e18}},
      {"done_step_count", {0, false, 9e15}},
      {"step_time_factor", {0.01, false, 100}},
      {"batch_tolerance_fraction", {0, true, 1}},
      {"noise_scale_tokens", {0, true, 1e15}},
      {"mfu", kMfu},
      {"memory_headroom_fraction", {0, false, 0.99}},
      {"max_memory_bytes", kPositive},
      {"max_power_watts", kPositive},
      {"failures_per_gpu_hour", {0, false, 1}},
      {"startup_seconds", {0, false, 1e6}},
      {"level", {0.01, false, 0.9999}},
      // More GPUs than were ever built; the number of GPU counts to try grows with it.
      {"count", {1, false, 1e6}},
      {"node_count", {1, false, 1e6}},
      {"gpus_per_node", {1, false, 1024}},
      {"price_usd_per_gpu_hour", {0, false, 1e6}},
      {"inter_node_gbps_per_gpu", {0, true, 1e6}},
      {"max_wall_seconds", kPositive},
      {"tensor_parallel_size", kDegree},
      {"pipeline_parallel_size", kDegree},
      {"context_parallel_size", kDegree},
      {"expert_parallel_size", kDegree},
      {"data_parallel_size", kDegree},
      {"virtual_pipeline_stages", kDegree},
      {"zero_stage", {0, false, 3}},
      {"micro_batch_size", {1, false, 65536}},
      {"gradient_accumulation_steps", {1, false, 1e9}},
      {"max_tensor_parallel_size", kDegree},
      {"max_pipeline_parallel_size", kDegree},
      {"training_flops", kPositive},
      {"budget_flops", kPositive},
      {"target_compute_flops", kPositive},
      {"holdout_above_flops", kPositive},
      {"holdout_above_params", kPositive},
      {"huber_delta", {0, true, 1e6}},
      {"bootstrap_count", {0, false, 100000}},
      {"seed", {0, false, 9e15}},
      {"GpuType.memory_bytes", {1, false, 1e18}},
      {"GpuType.memory_bytes_per_second", kPositive},
      {"GpuType.peak_fp16_flops_per_second", kPositive},
      {"GpuType.peak_bf16_flops_per_second", kPositive},
      {"GpuType.peak_fp8_flops_per_second", kPositive},
      {"GpuType.peak_fp4_flops_per_second", kPositive},
      {"GpuType.scale_up_bytes_per_second", kPositive},
      {"GpuType.gpus_per_scale_up_domain", kDegree},
      {"GpuType.network_bytes_per_second", kPositive},
      {"GpuType.board_watts", {0, true, 1e6}},
      {"CalibratedFamily.run_count", {1, false, 1e9}},
      {"CalibratedFamily.table_count", {1, false, 1e9}},
      {"default_error_fraction", {0, false, 10}},
      {"error_fraction", {0, false, 10}},
      {"left_out_error_fraction", {0, false, 10}},
      {"log_bias", kLogRatio},
      {"log_sigma", {0, false, 3}},
      {"log_quantile_05", kLogRatio},
      {"log_quantile_95", kLogRatio},
      // Laws judge sizes by ranges of their own, some far below what a plan makes sense of.
      {"PredictLossRequest.param_count", kCount},
      {"min_tokens_per_param", {0, true, 1e9}},
      {"max_tokens_per_param", {0, true, 1e9}},
      {"SuggestExperimentsRequest.count", {1, false, 100}},
      {"NodeInventory.node_count", {0, false, 1e6}},
      {"Job.node_count", {0, false, 1e6}},
      {"Job.gpu_count", {0, false, 1e7}},
      {"Node.gpu_count", {0, false, 1024}},
      {"RunningJob.gpu_count", {0, false, 1e7}},
      {"Node.free_gpu_count", {0, false, 1024}},
      {"ReserveAllocationRequest.gpu_count", {1, false, 1e6}},
      {"duration_seconds", {1, false, 86400}},
      {"target_token_count", kCount},
      {"done_token_count", kCount},
      {"RunSettings.param_count", kCount},
      {"RunSettings.gpu_count", {1, false, 1e6}},
      {"warmup_fraction", kFraction},
      {"floor_fraction", kFraction},
      {"decay_fraction", kFraction},
      {"batch_tolerance_fraction", {0, true, 1}},
      {"CompareRunRequest.point_count", {2, false, 1000}},
  };
  return *ranges;
}

// Texts that may be longer than a name.
size_t MaxTextBytes(const FieldDescriptor& field) {
  static const auto* const limits = new absl::flat_hash_map<std::string, size_t>{
      {"rhumb.v1.Job.node_list", 1 << 16},
      {"rhumb.v1.Job.job_name", 1024},
      {"rhumb.v1.Job.partition", 1024},
      {"rhumb.v1.Job.reason", 1024},
  };
  const auto known = limits->find(field.full_name());
  return known != limits->end() ? known->second : kMaxTextBytes;
}

std::string JoinPath(absl::string_view path, absl::string_view name) {
  return path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
}

const Range& RangeOf(const FieldDescriptor& field) {
  static const Range any;
  const auto own = Ranges().find(absl::StrCat(field.containing_type()->name(), ".", field.name()));
  if (own != Ranges().end()) return own->second;
  const auto known = Ranges().find(field.name());
  return known != Ranges().end() ? known->second : any;
}

void CheckNumber(absl::string_view path, const FieldDescriptor& field, double value,
                 FieldViolations& violations) {
  if (!std::isfinite(value)) {
    violations.Add(path, absl::StrCat("must be a finite number, got ", ShowNumber(value)));
    return;
  }
  const Range& range = RangeOf(field);
  const bool low_ok = range.low_open ? value > range.low : value >= range.low;
  const bool high_ok = range.high_open ? value < range.high : value <= range.high;
  if (low_ok && high_ok) return;
  std::string allowed = range.low == 0 && range.low_open ? "positive"
                        : range.low == 0                 ? "not negative"
                                         : absl::StrCat(range.low_open ? "above " : "at least ",
                                                        ShowNumber(range.low));
  if (std::isfinite(range.high)) {
    absl::StrAppend(&allowed, " and ", range.high_open ? "below " : "at most ",
                    ShowNumber(range.high));
  }
  violations.Add(path, absl::StrCat("must be ", allowed, ", got ", ShowNumber(value)));
}

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(static_cast<unsigned char>(text[i])))
      return false;
  }
  return true;
}

void CheckText(absl::string_view path, const FieldDescriptor& field, const std::string& text,
               FieldViolations& violations) {
  const std::string& name = field.name();
  if (name == "page_token") return;  // opaque: judged by whoever made it
  const size_t limit = MaxTextBytes(field);
  if (text.size() > limit) {
    violations.Add(path, absl::StrCat("must have at most ", limit, " bytes, got ", text.size()));
  } else if (std::any_of(text.begin(), text.end(),
                         [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    // Texts come back in tables: an escape sequence must not reach another user's terminal.
    violations.Add(path, "must not contain control characters");
  } else if (name == "request_id" && !text.empty() && !IsUuid(text)) {
    violations.Add(path,
                   absl::StrCat("must be a UUID as in 123e4567-e89b-42d3-a456-426614174000, got \"",
                                text, "\""));
  }
}

void WalkMessage(const Message& message, const std::string& path, FieldViolations& violations);

// The value of a singular field, or element `i` of a repeated one.
void WalkValue(const Message& message, const FieldDescriptor& field, int i, const std::string& path,
               FieldViolations& violations) {
  const Reflection& r = *message.GetReflection();
  const bool one = i < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      CheckNumber(path, field,
                  one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, i),
                  violations);
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      CheckNumber(path, field,
                  static_cast<double>(one ? r.GetInt64(message, &field)
                                          : r.GetRepeatedInt64(message, &field, i)),
                  violations);
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      CheckNumber(path, field,
                  one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, i),
                  violations);
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number =
          one ? r.GetEnumValue(message, &field) : r.GetRepeatedEnumValue(message, &field, i);
      if (field.enum_type()->FindValueByNumber(number) == nullptr) {
        violations.Add(path, absl::StrCat("must be one of ", EnumChoices(*field.enum_type()),
                                          ", got ", number));
      }
      return;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      CheckText(path, field,
                one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, i),
                violations);
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      WalkMessage(one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, i),
                  path, violations);
      return;
    default:
      return;
  }
}

// Entries are named by their keys: options.fixed[E].
void WalkMap(const Message& message, const FieldDescriptor& field, const std::string& path,
             FieldViolations& violations) {
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  const FieldDescriptor& value_field = *field.message_type()->map_value();
  const int size = reflection.FieldSize(message, &field);
  if (size > kMaxMapEntries) {
    violations.Add(path,
                   absl::StrCat("must have at most ", kMaxMapEntries, " entries, got ", size));
    return;
  }
  for (int i = 0; i < size; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const std::string key = entry.GetReflection()->GetString(entry, &key_field);
    CheckText(path, key_field, key, violations);
    WalkValue(entry, value_field, -1, absl::StrCat(path, "[", key.substr(0, 64), "]"), violations);
  }
}

void WalkMessage(const Message& message, const std::string& path, FieldViolations& violations) {
  const Reflection& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  if (&type == google::protobuf::Timestamp::descriptor()) return;  // only in answers
  // The numbers of a shape are judged together by the planner, except that none may be negative.
  const bool is_shape = &type == v1::Architecture::descriptor();
  for (int f = 0; f < type.field_count(); ++f) {
    const FieldDescriptor& field = *type.field(f);
    const std::string field_path = JoinPath(path, field.name());
    if (field.is_map()) {
      WalkMap(message, field, field_path, violations);
    } else if (field.is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
        WalkValue(message, field, i, absl::StrCat(field_path, "[", i, "]"), violations);
      }
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      const bool unset_part = is_shape && field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 &&
                              reflection.GetInt64(message, &field) == 0;
      if (!unset_part) WalkValue(message, field, -1, field_path, violations);
    }
  }
}

}  // namespace

std::string ShowNumber(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return PrintJsonNumber(value);
}

void CheckSentence(absl::string_view text, absl::string_view field, FieldViolations& violations) {
  constexpr size_t kMaxBytes = 2000;
  if (text.size() > kMaxBytes) {
    violations.Add(field,
                   absl::StrCat("must have at most ", kMaxBytes, " bytes, got ", text.size()));
  } else if (std::any_of(text.begin(), text.end(),
                         [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    violations.Add(field, "must not contain control characters");
  }
}

void ValidateValues(const Message& message, FieldViolations& violations) {
  WalkMessage(message, "", violations);
}

void FindNonFinite(const Message& message, FieldViolations& violations) {
  const Reflection& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int size = field->is_repeated() ? r.FieldSize(message, field) : 1;
    for (int i = 0; i < size; ++i) {
      const bool one = !field->is_repeated();
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
        const double value =
            one ? r.GetDouble(message, field) : r.GetRepeatedDouble(message, field, i);
        if (!std::isfinite(value)) violations.Add(field->full_name(), ShowNumber(value));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        FindNonFinite(one ? r.GetMessage(message, field) : r.GetRepeatedMessage(message, field, i),
                      violations);
      }
    }
  }
}

void ClearNonFinite(Message& message) {
  const Reflection& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_map()) continue;
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (field->is_repeated() && is_message) {
      for (int i = 0; i < r.FieldSize(message, field); ++i) {
        ClearNonFinite(*r.MutableRepeatedMessage(&message, field, i));
      }
    } else if (is_message) {
      ClearNonFinite(*r.MutableMessage(&message, field));
    } else if (!field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE &&
               !std::isfinite(r.GetDouble(message, field))) {
      r.ClearField(&message, field);
    }
  }
}

}  // namespace rhumb::daemon
