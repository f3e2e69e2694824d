// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_megatron_model.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/launch/layer_pattern.h"

namespace rhumb::launch {
namespace {

// No size is larger: products of two below it stay whole.
constexpr int64_t kMostSize = 1'000'000'000;

// Reads the flags of the model; remembers whether all of them could be read.
class ModelReader {
 public:
  ModelReader(const ScriptFlags& flags, JobFacts& facts) : flags_(flags), facts_(facts) {}

  void Read() {
    v1::Architecture& model = facts_.model;
    for (const char* source : {"--yaml-cfg", "--use-checkpoint-args"}) {
      if (const ScriptFlag* flag = flags_.Find({source})) {
        facts_.not_read.push_back(
            {flag->line, flag->Written(), "the model is in another file", {kSayModel}});
        whole_ = false;
      }
    }
    model.set_num_layers(Integer("--num-layers", 0));
    model.set_hidden_size(Integer("--hidden-size", 0));
    model.set_num_attention_heads(Integer("--num-attention-heads", 0));
    for (const auto& [name, value] :
         {std::pair{"--num-layers", model.num_layers()},
          std::pair{"--hidden-size", model.hidden_size()},
          std::pair{"--num-attention-heads", model.num_attention_heads()}}) {
      if (value > 0 || flags_.Has(name)) continue;
      facts_.not_read.push_back({0, name, "is not among the command's flags", {kSayModel}});
      whole_ = false;
    }
    if (!whole_) return;
    model.set_gated(Switch("--swiglu"));
    const int64_t hidden = model.hidden_size();
    // Megatron's default keeps a gated MLP's size near that of a plain one.
    model.set_ffn_hidden_size(
        Integer("--ffn-hidden-size", model.gated() ? 4 * hidden * 2 / 3 / 64 * 64 : 4 * hidden));
    ReadAttention(model);
    ReadNorms(model);
    const bool biased = !Switch("--disable-bias-linear");
    model.set_qkv_bias(biased || Switch("--add-qkv-bias"));
    model.set_attention_output_bias(biased);
    model.set_mlp_bias(biased);
    model.set_tied_embeddings(!Switch("--untie-embeddings-and-output-weights"));
    ReadPositions(model);
    const int64_t vocab = Integer("--vocab-size", 0);
    if (vocab > 0) {
      model.set_vocab_size(vocab);
    } else if (whole_) {
      facts_.not_read.push_back(
          {0, "--vocab-size", "is not given: the tokenizer knows it", {kSayVocabSize}});
    }
    ReadExperts(model, biased);
    // No layer has it.
    if (model.expert_count() > 0 && model.num_moe_layers() == model.num_layers()) {
      model.set_ffn_hidden_size(0);
    }
    facts_.has_model = whole_;
  }

 private:
  int64_t Integer(const char* name, int64_t fallback) {
    const ScriptFlag* flag = flags_.Find({name});
    if (flag == nullptr) return fallback;
    const std::optional<Fact<int64_t>> fact = IntegerValue(*flag, 1, {kSayModel}, facts_.not_read);
    if (fact.has_value() && fact->value <= kMostSize) {
      facts_.model_facts.push_back({fact->line, fact->text, "architecture", ""});
      return fact->value;
    }
    if (fact.has_value()) {
      facts_.not_read.push_back({fact->line, fact->text, "is larger than any model", {kSayModel}});
    }
    whole_ = false;
    return fallback;
  }

  bool Switch(const char* name) {
    const ScriptFlag* flag = flags_.Find({name});
    if (flag == nullptr) return false;
    facts_.model_facts.push_back({flag->line, name, "architecture", ""});
    return true;
  }

  std::string Text(const char* name) {
    const ScriptFlag* flag = flags_.Find({name});
    if (flag == nullptr) return "";
    const std::optional<Fact<std::string>> fact = TextValue(*flag, {kSayModel}, facts_.not_read);
    if (!fact.has_value()) {
      whole_ = false;
      return "";
    }
    facts_.model_facts.push_back({fact->line, fact->text, "architecture", ""});
    return fact->value;
  }

  void Refuse(const char* name, absl::string_view reason) {
    const ScriptFlag* flag = flags_.Find({name});
    facts_.not_read.push_back({flag->line, flag->Written(), std::string(reason), {kSayModel}});
    whole_ = false;
  }

  void ReadAttention(v1::Architecture& model) {
    const int64_t heads = model.num_attention_heads();
    // Megatron's default of --num-query-groups is one.
    model.set_num_key_value_heads(
        Switch("--group-query-attention") ? Integer("--num-query-groups", 1) : heads);
    const int64_t channels = Integer("--kv-channels", model.hidden_size() / heads);
    model.set_head_dim(channels);
    if (channels < 1) Refuse("--num-attention-heads", "is more than the hidden size");
    if (Switch("--multi-latent-attention")) {
      if (flags_.Has("--q-lora-rank")) model.set_q_lora_rank(Integer("--q-lora-rank", 0));
      // Defaults of MLATransformerConfig's flags.
      model.set_kv_lora_rank(Integer("--kv-lora-rank", 32));
      model.set_qk_nope_head_dim(Integer("--qk-head-dim", 128));
      model.set_qk_rope_head_dim(Integer("--qk-pos-emb-head-dim", 64));
      model.set_v_head_dim(Integer("--v-head-dim", 128));
      model.set_num_key_value_heads(heads);
    }
    if (Text("--softmax-type") == "learnable") model.set_attention_sinks(true);
    ReadWindow(model);
  }

  void ReadWindow(v1::Architecture& model) {
    const std::string window = Text("--window-size");
    if (window.empty()) return;
    std::string left = window.substr(window.find_first_not_of("( "));
    left = left.substr(0, left.find_first_of(", )"));
    int64_t tokens = 0;
    if (!absl::SimpleAtoi(left, &tokens) || tokens < 0 || tokens > kMostSize) {
      return Refuse("--window-size", "must be LEFT,RIGHT");
    }
    if (flags_.Has("--window-attn-skip-freq")) {
      const std::optional<std::vector<bool>> layers =
          ParseLayerPattern(Text("--window-attn-skip-freq"), model.num_layers());
      if (!layers.has_value()) return Refuse("--window-attn-skip-freq", "is no pattern of layers");
      int64_t every = 0;
      auto windowed = static_cast<int64_t>(std::count(layers->begin(), layers->end(), true));
      // As a number it counts the full layers: one in so many.
      if (absl::SimpleAtoi(Text("--window-attn-skip-freq"), &every) && every > 0) {
        windowed = model.num_layers() - model.num_layers() / every;
      }
      model.set_num_sliding_window_layers(windowed);
    } else {
      model.set_num_sliding_window_layers(model.num_layers());
    }
    model.set_sliding_window(tokens + 1);
  }

  void ReadNorms(v1::Architecture& model) {
    const std::string norm = Text("--normalization");
    const bool rms = norm == "RMSNorm";
    if (!norm.empty() && !rms && norm != "LayerNorm") {
      Refuse("--normalization", "must be LayerNorm or RMSNorm");
    }
    model.set_norm_type(rms ? v1::NORM_TYPE_RMS : v1::NORM_TYPE_LAYER_NORM);
    if (Switch("--qk-layernorm") && model.kv_lora_rank() == 0) {
      model.set_qk_norm_param_count((rms ? 2 : 4) * model.head_dim());
    }
  }

  void ReadPositions(v1::Architecture& model) {
    const std::string type = Text("--position-embedding-type");
    const bool rotary = type == "rope" || Switch("--use-rotary-position-embeddings");
    const int64_t positions = Integer("--max-position-embeddings", 0);
    if ((type.empty() || type == "learned_absolute") && !rotary) {
      model.set_learned_position_count(positions);
    }
  }

  void ReadExperts(v1::Architecture& model, bool biased) {
    const int64_t experts = Integer("--num-experts", 0);
    if (experts == 0) return;
    model.set_expert_count(experts);
    model.set_experts_per_token(Integer("--moe-router-topk", 2));
    model.set_moe_ffn_hidden_size(Integer("--moe-ffn-hidden-size", model.ffn_hidden_size()));
    model.set_shared_expert_ffn_hidden_size(Integer("--moe-shared-expert-intermediate-size", 0));
    model.set_router_bias(Switch("--moe-router-enable-expert-bias"));
    model.set_expert_bias(biased);
    model.set_num_moe_layers(model.num_layers());
    if (!flags_.Has("--moe-layer-freq")) return;
    const std::optional<std::vector<bool>> layers =
        ParseLayerPattern(Text("--moe-layer-freq"), model.num_layers());
    if (!layers.has_value()) {
      return Refuse("--moe-layer-freq", "is no pattern of this number of layers");
    }
    model.set_num_moe_layers(std::count(layers->begin(), layers->end(), true));
    if (!std::is_sorted(layers->begin(), layers->end())) {
      const ScriptFlag* flag = flags_.Find({"--moe-layer-freq"});
      facts_.not_read.push_back({flag->line, flag->Written(),
                                 "dense layers are taken to stand before those with experts"});
    }
  }

  const ScriptFlags& flags_;
  JobFacts& facts_;
  bool whole_ = true;
};

}  // namespace

void ReadMegatronModel(const ScriptFlags& flags, JobFacts& facts) {
  ModelReader(flags, facts).Read();
}

}  // namespace rhumb::launch
