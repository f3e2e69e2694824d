// SPDX-License-Identifier: Apache-2.0
#include "client/launch/job_question.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "client/config/human_numbers.h"
#include "client/launch/emit_parts.h"

namespace rhumb::launch {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 62;

// a * b, nullopt beyond any count of tokens.
std::optional<int64_t> Product(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result) || result > kMostTokens) return std::nullopt;
  return result;
}

std::string FrameworkName(JobFramework framework) {
  switch (framework) {
    case JobFramework::kDeepspeed:
      return "deepspeed";
    case JobFramework::kAccelerate:
    case JobFramework::kTrainer:  // which runs over accelerate
      return "accelerate";
    case JobFramework::kTorchtitan:
      return "torchtitan";
    case JobFramework::kUnknown:
    case JobFramework::kMegatron:
      return "";  // the daemon's default
  }
  return "";
}

class QuestionMaker {
 public:
  QuestionMaker(const JobFacts& facts, const v1::CheckConfigurationRequest& given,
                const std::string& gpu_type)
      : facts_(facts), given_(given), gpu_type_(gpu_type) {
    question_.request = given;
    question_.not_read = facts.not_read;
  }

  JobQuestion Make() {
    SetGpus();
    SetModel();
    SetLayout();
    SetBatch();
    SetRun();
    TakeMissing();
    const auto by_line = [](const auto& a, const auto& b) { return a.line < b.line; };
    std::stable_sort(question_.read.begin(), question_.read.end(), by_line);
    std::stable_sort(question_.not_read.begin(), question_.not_read.end(), by_line);
    std::stable_sort(question_.missing.begin(), question_.missing.end(), by_line);
    return std::move(question_);
  }

 private:
  v1::CheckConfigurationRequest& request() { return question_.request; }

  template <typename Value>
  void Note(const Fact<Value>& fact, const char* field, const std::string& value, bool overruled) {
    question_.read.push_back({fact.line, fact.text, field, value, overruled});
  }

  // A value that was read and refused is the cause: it is said instead.
  void Missing(const char* text, const char* reason, const Remedy& remedy) {
    bool caused = false;
    for (NotRead& item : question_.not_read) {
      const bool same = std::any_of(
          item.remedies.begin(), item.remedies.end(),
          [&](const Remedy& other) { return absl::string_view(other.flag) == remedy.flag; });
      if (!same) continue;
      item.is_cause = caused = true;
    }
    const bool needed =
        std::any_of(question_.missing.begin(), question_.missing.end(), [&](const NotRead& item) {
          return absl::string_view(item.remedies.front().flag) == remedy.flag;
        });
    if (needed) return;
    if (!caused) {
      question_.missing.push_back({0, text, reason, {remedy}});
      return;
    }
    std::vector<NotRead> rest;
    for (NotRead& item : question_.not_read) {
      const bool is_it = item.is_cause && !item.remedies.empty();
      (is_it ? question_.missing : rest).push_back(std::move(item));
    }
    question_.not_read = std::move(rest);
  }

  void SetGpus() {
    const bool pool_given = given_.has_gpu_pool() || !given_.cluster().empty();
    if (facts_.gpu_count.has_value()) {
      Note(*facts_.gpu_count, "gpu_pool.count", absl::StrCat(facts_.gpu_count->value), pool_given);
    }
    if (facts_.gpus_per_node.has_value()) {
      Note(*facts_.gpus_per_node, "gpu_pool.gpus_per_node",
           absl::StrCat(facts_.gpus_per_node->value), !given_.cluster().empty());
    }
    if (facts_.gpu_type.has_value()) {
      Note(*facts_.gpu_type, "gpu_pool.gpu_type", facts_.gpu_type->value,
           pool_given || !gpu_type_.empty());
    }
    if (facts_.inter_node_gbps_per_gpu.has_value()) {
      Note(*facts_.inter_node_gbps_per_gpu, "gpu_pool.inter_node_gbps_per_gpu",
           absl::StrFormat("%g", facts_.inter_node_gbps_per_gpu->value), pool_given);
    }
    if (!given_.cluster().empty()) return;
    v1::GpuPool& pool = *request().mutable_gpu_pool();
    if (!given_.has_gpu_pool()) {
      if (facts_.gpu_count.has_value()) {
        pool.set_count(facts_.gpu_count->value);
      } else {
        Missing("the number of GPUs", "the script does not say it", kSayGpus);
      }
      if (!gpu_type_.empty()) {
        pool.set_gpu_type(gpu_type_);
      } else if (facts_.gpu_type.has_value()) {
        pool.set_gpu_type(facts_.gpu_type->value);
      } else {
        Missing("the GPU type", "the script does not say it", kSayGpuType);
      }
      if (facts_.inter_node_gbps_per_gpu.has_value()) {
        pool.set_inter_node_gbps_per_gpu(facts_.inter_node_gbps_per_gpu->value);
      }
    } else if (!gpu_type_.empty()) {
      pool.set_gpu_type(gpu_type_);
    }
    if (facts_.gpus_per_node.has_value()) pool.set_gpus_per_node(facts_.gpus_per_node->value);
  }

  void SetModel() {
    const bool model_given = given_.has_architecture() || given_.has_param_count();
    for (ReadFact fact : facts_.model_facts) {
      fact.overruled = model_given;
      question_.read.push_back(std::move(fact));
    }
    if (!model_given) {
      if (facts_.has_model) {
        *request().mutable_architecture() = facts_.model;
        if (given_.has_vocab_size()) {
          request().mutable_architecture()->set_vocab_size(given_.vocab_size());
        }
      } else {
        Missing("the model", "the command does not say it", kSayModel);
      }
    }
    if (facts_.sequence_length.has_value()) {
      Note(*facts_.sequence_length, "sequence_length", absl::StrCat(facts_.sequence_length->value),
           given_.has_sequence_length());
      if (!given_.has_sequence_length())
        request().set_sequence_length(facts_.sequence_length->value);
    }
    if (facts_.precision.has_value()) {
      const bool overruled = given_.precision() != v1::PRECISION_UNSPECIFIED;
      Note(*facts_.precision, "precision", PrecisionName(facts_.precision->value), overruled);
      if (!overruled) request().set_precision(facts_.precision->value);
    }
    if (facts_.framework_name.has_value()) {
      Note(*facts_.framework_name, "framework", facts_.framework_name->value,
           !given_.framework().empty());
    }
    if (!given_.framework().empty()) return;
    if (facts_.framework_name.has_value()) {
      request().set_framework(facts_.framework_name->value);
    } else if (facts_.framework == JobFramework::kUnknown) {
      question_.not_read.push_back(
          {0, "the framework", "is not recognised: megatron is taken", {kSayFramework}});
    } else {
      request().set_framework(FrameworkName(facts_.framework));
    }
  }

  void SetDegree(const std::optional<Fact<int64_t>>& fact, const char* field, bool given,
                 void (v1::LayoutConstraints::*set)(int64_t)) {
    if (!fact.has_value()) return;
    Note(*fact, field, absl::StrCat(fact->value), given);
    if (!given) (request().mutable_layout()->*set)(fact->value);
  }

  void SetLayout() {
    using L = v1::LayoutConstraints;
    const L& given = given_.layout();
    SetDegree(facts_.tensor_parallel_size, "layout.tensor_parallel_size",
              given.has_tensor_parallel_size(), &L::set_tensor_parallel_size);
    SetDegree(facts_.pipeline_parallel_size, "layout.pipeline_parallel_size",
              given.has_pipeline_parallel_size(), &L::set_pipeline_parallel_size);
    SetDegree(facts_.context_parallel_size, "layout.context_parallel_size",
              given.has_context_parallel_size(), &L::set_context_parallel_size);
    SetDegree(facts_.expert_parallel_size, "layout.expert_parallel_size",
              given.has_expert_parallel_size(), &L::set_expert_parallel_size);
    SetDegree(facts_.virtual_pipeline_stages, "layout.virtual_pipeline_stages",
              given.has_virtual_pipeline_stages(), &L::set_virtual_pipeline_stages);
    SetDegree(facts_.zero_stage, "layout.zero_stage", given.has_zero_stage(), &L::set_zero_stage);
    SetDegree(facts_.micro_batch_size, "layout.micro_batch_size", given.has_micro_batch_size(),
              &L::set_micro_batch_size);
    SetSwitches();
    if (facts_.recompute.has_value()) {
      const bool overruled = given.recompute() != v1::RECOMPUTE_UNSPECIFIED;
      Note(*facts_.recompute, "layout.recompute", RecomputeName(facts_.recompute->value),
           overruled);
      if (!overruled) request().mutable_layout()->set_recompute(facts_.recompute->value);
    }
  }

  void SetSwitch(const std::optional<Fact<bool>>& fact, const char* field,
                 void (v1::CheckConfigurationRequest::*set)(bool)) {
    if (!fact.has_value()) return;
    Note(*fact, field, fact->value ? "true" : "false", false);
    (request().*set)(fact->value);
  }

  void SetSwitches() {
    using R = v1::CheckConfigurationRequest;
    if (request().layout().tensor_parallel_size() > 1) {
      SetSwitch(facts_.sequence_parallel, "sequence_parallel", &R::set_sequence_parallel);
      SetSwitch(facts_.overlap_tensor_parallel, "overlap_tensor_parallel",
                &R::set_overlap_tensor_parallel);
    }
    SetSwitch(facts_.overlap_data_parallel, "overlap_data_parallel", &R::set_overlap_data_parallel);
    if (!facts_.expert_tensor_parallel_size.has_value() ||
        request().architecture().expert_count() == 0) {
      return;
    }
    // Where no flag says it, experts are split as the rest, whoever says how that is.
    Fact<int64_t> size = *facts_.expert_tensor_parallel_size;
    if (size.line == 0 && request().layout().has_tensor_parallel_size()) {
      size.value = request().layout().tensor_parallel_size();
    }
    Note(size, "expert_tensor_parallel_size", absl::StrCat(size.value), false);
    request().set_expert_tensor_parallel_size(size.value);
  }

  std::optional<int64_t> SequenceLength() const {
    const v1::CheckConfigurationRequest& request = question_.request;
    if (request.has_sequence_length()) return request.sequence_length();
    if (request.architecture().sequence_length() > 0) {
      return request.architecture().sequence_length();
    }
    return std::nullopt;
  }

  void SetBatch() {
    const bool batch_given = given_.has_global_batch_tokens();
    const bool steps_given = given_.layout().has_gradient_accumulation_steps();
    if (facts_.gradient_accumulation_steps.has_value()) {
      Note(*facts_.gradient_accumulation_steps, "layout.gradient_accumulation_steps",
           absl::StrCat(facts_.gradient_accumulation_steps->value), batch_given || steps_given);
      if (!batch_given && !steps_given) {
        request().mutable_layout()->set_gradient_accumulation_steps(
            facts_.gradient_accumulation_steps->value);
      }
    }
    if (!facts_.global_batch_size.has_value()) return;
    if (!batch_given && !steps_given) CheckBatch();
    const Fact<int64_t>& batch = *facts_.global_batch_size;
    Note(batch, "global_batch_tokens", absl::StrCat(batch.value, " sequences"),
         batch_given || steps_given);
    if (batch_given || steps_given) return;
    const std::optional<int64_t> length = SequenceLength();
    if (!length.has_value()) {
      Missing("the sequence length", "batch and steps are counted in sequences",
              kSaySequenceLength);
      return;
    }
    if (const std::optional<int64_t> tokens = Product(batch.value, *length)) {
      request().set_global_batch_tokens(*tokens);
    }
  }

  // The data parallel ranks, where GPUs and degrees are known.
  std::optional<int64_t> DataRanks() const {
    const v1::LayoutConstraints& layout = question_.request.layout();
    if (!question_.request.has_gpu_pool()) return std::nullopt;
    std::optional<int64_t> model_ranks = 1;
    for (const int64_t degree :
         {layout.has_tensor_parallel_size() ? layout.tensor_parallel_size() : 1,
          layout.has_pipeline_parallel_size() ? layout.pipeline_parallel_size() : 1,
          layout.has_context_parallel_size() ? layout.context_parallel_size() : 1}) {
      if (degree < 1 || !model_ranks.has_value()) return std::nullopt;
      model_ranks = Product(*model_ranks, degree);
    }
    if (!model_ranks.has_value()) return std::nullopt;
    return question_.request.gpu_pool().count() / *model_ranks;
  }

  // A batch that its parts do not make, in the words of whoever states them.
  void CheckBatch() {
    const Fact<int64_t>& batch = *facts_.global_batch_size;
    const std::optional<int64_t> ranks = DataRanks();
    const v1::LayoutConstraints& layout = request().layout();
    const int64_t micro = layout.has_micro_batch_size() ? layout.micro_batch_size() : 1;
    const std::optional<int64_t> unit =
        ranks.value_or(0) > 0 ? Product(*ranks, micro) : std::nullopt;
    if (!unit.has_value() || *unit < 1) return;
    std::vector<std::string> words = {batch.text};
    if (facts_.micro_batch_size.has_value()) words.push_back(facts_.micro_batch_size->text);
    std::string reason;
    if (facts_.gradient_accumulation_steps.has_value()) {
      const int64_t steps = facts_.gradient_accumulation_steps->value;
      if (Product(*unit, steps).value_or(0) == batch.value) return;
      words.push_back(facts_.gradient_accumulation_steps->text);
      reason = absl::StrCat("micro-batch ", micro, " x accumulation ", steps, " x ", *ranks,
                            " data parallel ranks is not ", batch.value);
    } else {
      if (batch.value % *unit == 0) return;
      reason = absl::StrCat("is no multiple of micro-batch ", micro, " x ", *ranks,
                            " data parallel ranks");
    }
    question_.missing.push_back(
        {batch.line, absl::StrJoin(words, ", "), reason, {kSayAccumulationOrBatch}});
  }

  // Tokens of a step, where all that makes them up is known.
  std::optional<int64_t> BatchTokens() {
    if (request().has_global_batch_tokens()) return request().global_batch_tokens();
    const v1::LayoutConstraints& layout = request().layout();
    const std::optional<int64_t> length = SequenceLength();
    std::optional<int64_t> tokens = DataRanks();
    if (!length.has_value() || !tokens.has_value() || !layout.has_gradient_accumulation_steps()) {
      return std::nullopt;
    }
    for (const int64_t factor : {layout.has_micro_batch_size() ? layout.micro_batch_size() : 1,
                                 layout.gradient_accumulation_steps(), *length}) {
      if (!tokens.has_value()) return std::nullopt;
      tokens = Product(*tokens, factor);
    }
    return tokens;
  }

  void SetRun() {
    const bool tokens_given = given_.has_token_count();
    std::optional<int64_t> tokens;
    if (facts_.sample_count.has_value()) {
      Note(*facts_.sample_count, "token_count",
           absl::StrCat(facts_.sample_count->value, " sequences"), tokens_given);
      const std::optional<int64_t> length = SequenceLength();
      if (length.has_value()) tokens = Product(facts_.sample_count->value, *length);
    } else if (facts_.step_count.has_value()) {
      Note(*facts_.step_count, "token_count", absl::StrCat(facts_.step_count->value, " steps"),
           tokens_given);
      const std::optional<int64_t> batch = BatchTokens();
      if (batch.has_value()) tokens = Product(facts_.step_count->value, *batch);
    }
    if (!tokens_given && tokens.value_or(0) > 0) request().set_token_count(*tokens);
    if (!facts_.time_limit_seconds.has_value()) return;
    const Fact<double>& limit = *facts_.time_limit_seconds;
    Note(limit, "deadline_seconds", FormatDuration(limit.value), given_.has_deadline_seconds());
    if (given_.has_deadline_seconds()) return;
    if (request().has_token_count()) {
      request().set_deadline_seconds(limit.value * static_cast<double>(facts_.job_count));
    } else {
      question_.not_read.push_back(WhyNoEnd(limit));
    }
  }

  // What is not known of the tokens that the run is over after.
  NotRead WhyNoEnd(const Fact<double>& limit) const {
    const bool counted = facts_.step_count.has_value() || facts_.sample_count.has_value();
    if (counted && !SequenceLength().has_value()) {
      return {limit.line,
              limit.text,
              "without the sequence length the tokens of a step are not known, nor when the run "
              "ends",
              {{kSaySequenceLength.flag, false}}};
    }
    if (counted && !question_.request.has_global_batch_tokens() &&
        !question_.request.layout().has_gradient_accumulation_steps()) {
      return {limit.line,
              limit.text,
              "without the micro-batches of a step its tokens are not known, nor when the run ends",
              {{kSayAccumulationOrBatch.flag, false}}};
    }
    return {
        limit.line, limit.text, "without the tokens nothing says when the run ends", {kSayTokens}};
  }

  // What the script says and could not be read is asked for, not taken to be the default.
  void TakeMissing() {
    std::vector<NotRead> rest;
    for (NotRead& item : question_.not_read) {
      (item.IsEssential() ? question_.missing : rest).push_back(std::move(item));
    }
    question_.not_read = std::move(rest);
  }

  const JobFacts& facts_;
  const v1::CheckConfigurationRequest& given_;
  const std::string& gpu_type_;
  JobQuestion question_;
};

}  // namespace

JobQuestion MakeJobQuestion(const JobFacts& facts, const v1::CheckConfigurationRequest& given,
                            const std::string& gpu_type) {
  return QuestionMaker(facts, given, gpu_type).Make();
}

}  // namespace rhumb::launch
