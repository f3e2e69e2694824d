// SPDX-License-Identifier: Apache-2.0
#include "client/config/hf_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/config/field_reader.h"
#include "client/config/hf_families.h"
#include "client/config/hf_reading.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

struct Family {
  absl::string_view model_type;
  void (*read)(Reading& r);
  // Of configs older than the key, from the config class; 0: the key must be there or be given.
  int64_t sequence_length_default = 0;
};

constexpr Family kFamilies[] = {
    {"bloom", ReadBloom},
    {"deepseek_v2", ReadDeepSeekV2},
    {"deepseek_v3", ReadDeepSeekV3},
    {"falcon", ReadFalcon, 2048},
    {"gemma", ReadGemma},
    {"gemma2", ReadGemma2},
    {"gemma3", ReadGemma3Text, 131072},
    {"gemma3_text", ReadGemma3Text, 131072},
    {"gpt2", ReadGpt2},
    {"gpt_neox", ReadGptNeoX},
    {"gpt_oss", ReadGptOss},
    {"gptj", ReadGptJ},
    {"kimi_k2", ReadDeepSeekV3},
    {"llama", ReadLlama},
    {"mistral", ReadMistral},
    {"mixtral", ReadMixtral},
    {"olmo", ReadOlmo},
    {"olmo2", ReadOlmo2},
    {"olmoe", ReadOlmoe},
    {"opt", ReadOpt},
    {"phi", ReadPhi},
    {"phi3", ReadPhi3},
    {"qwen2", ReadQwen2},
    {"qwen2_moe", ReadQwen2Moe},
    {"qwen3", ReadQwen3},
    {"qwen3_moe", ReadQwen3Moe},
};

// A Gemma 3 text_config states only what differs from the class; its other dimensions are these.
DocumentValue WithGemma3Defaults(DocumentValue text_config) {
  constexpr struct {
    absl::string_view key;
    int64_t value;
  } kDefaults[] = {{"vocab_size", 262208},
                   {"hidden_size", 2304},
                   {"intermediate_size", 9216},
                   {"num_hidden_layers", 26},
                   {"num_attention_heads", 8}};
  for (const auto& [key, value] : kDefaults) {
    if (text_config.Find(key) != nullptr) continue;
    DocumentValue member;
    member.kind = ValueKind::kInteger;
    member.integer = value;
    member.number = static_cast<double>(value);
    text_config.keys.emplace_back(key);
    text_config.items.push_back(member);
  }
  return text_config;
}

absl::StatusOr<ModelShape> ReadFamily(const Family& family, const DocumentValue& table,
                                      absl::string_view prefix,
                                      std::optional<int64_t> sequence_length) {
  Reading r{table, FieldReader(table, prefix, QuotedNumbers::kRefused), ModelShape()};
  family.read(r);
  if (sequence_length.has_value()) {
    r.shape.sequence_length = *sequence_length;
  } else if (family.sequence_length_default > 0) {
    r.shape.sequence_length =
        r.reader.IntegerOr({"max_position_embeddings"}, 1, family.sequence_length_default);
  } else {
    r.shape.sequence_length =
        r.reader.Integer({"max_position_embeddings", "n_positions", "n_ctx", "seq_length"}, 1);
  }
  if (!r.reader.status().ok()) return r.reader.status();
  RHUMB_RETURN_IF_ERROR(ValidateModelShape(r.shape));
  return r.shape;
}

}  // namespace

std::vector<std::string> KnownModelTypes() {
  std::vector<std::string> types;
  for (const Family& family : kFamilies) types.emplace_back(family.model_type);
  return types;
}

absl::StatusOr<ModelShape> ShapeFromHuggingFaceDocument(const DocumentValue& config,
                                                        std::optional<int64_t> sequence_length) {
  FieldReader reader(config, "", QuotedNumbers::kRefused);
  const std::string model_type = reader.Text({"model_type"});
  const std::string name = [&config, &model_type] {
    const DocumentValue* path = config.Find("_name_or_path");
    return path != nullptr && !path->text.empty() ? path->text : model_type;
  }();
  if (!reader.status().ok()) return reader.status();
  for (const Family& family : kFamilies) {
    if (family.model_type != model_type) continue;
    absl::StatusOr<ModelShape> shape;
    if (model_type == "gemma3") {
      const DocumentValue* text_config = config.Find("text_config");
      if (text_config == nullptr || text_config->kind != ValueKind::kTable) {
        reader.Fail("text_config", "must be the table of the language model's keys");
        return reader.status();
      }
      shape = ReadFamily(family, WithGemma3Defaults(*text_config), "text_config.", sequence_length);
    } else {
      shape = ReadFamily(family, config, "", sequence_length);
    }
    if (shape.ok()) shape->name = name;
    return shape;
  }
  const DocumentValue* given = config.Find("model_type");
  reader.Fail("model_type", absl::StrCat("must be one of ", absl::StrJoin(KnownModelTypes(), ", "),
                                         ", got ", given->Shown()));
  return reader.status();
}

absl::StatusOr<ModelShape> ShapeFromHuggingFaceConfig(absl::string_view json_text,
                                                      std::optional<int64_t> sequence_length) {
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue config, ParseJson(json_text));
  return ShapeFromHuggingFaceDocument(config, sequence_length);
}

}  // namespace rhumb
