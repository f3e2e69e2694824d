// SPDX-License-Identifier: Apache-2.0
#include "client/config/architecture_file.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/config/document.h"
#include "client/config/field_reader.h"
#include "client/config/hf_config.h"
#include "client/config/text_file.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

struct IntegerField {
  absl::string_view name;
  int64_t ModelShape::*member;
  int64_t min;
};

// `inverted`: the key says the opposite of the member, so that what is not said is false.
struct FlagField {
  absl::string_view name;
  bool ModelShape::*member;
  bool inverted = false;
};

constexpr IntegerField kRequired[] = {
    {"num_layers", &ModelShape::num_layers, 1},
    {"hidden_size", &ModelShape::hidden_size, 1},
    {"num_attention_heads", &ModelShape::num_attention_heads, 1},
    {"vocab_size", &ModelShape::vocab_size, 1},
};

// A zero is as good as absence: a plan prints its zeros.
constexpr IntegerField kOptional[] = {
    {"num_key_value_heads", &ModelShape::num_key_value_heads, 0},
    {"head_dim", &ModelShape::head_dim, 0},
    {"ffn_hidden_size", &ModelShape::ffn_hidden_size, 0},
    {"sequence_length", &ModelShape::sequence_length, 0},
    {"embedding_size", &ModelShape::embedding_size, 0},
    {"learned_position_count", &ModelShape::learned_position_count, 0},
    {"norms_per_layer", &ModelShape::norms_per_layer, 0},
    {"qk_norm_param_count", &ModelShape::qk_norm_param_count, 0},
    {"expert_count", &ModelShape::expert_count, 0},
    {"experts_per_token", &ModelShape::experts_per_token, 0},
    {"moe_ffn_hidden_size", &ModelShape::moe_ffn_hidden_size, 0},
    {"shared_expert_ffn_hidden_size", &ModelShape::shared_expert_ffn_hidden_size, 0},
    {"num_moe_layers", &ModelShape::num_moe_layers, 0},
    {"q_lora_rank", &ModelShape::q_lora_rank, 0},
    {"kv_lora_rank", &ModelShape::kv_lora_rank, 0},
    {"qk_nope_head_dim", &ModelShape::qk_nope_head_dim, 0},
    {"qk_rope_head_dim", &ModelShape::qk_rope_head_dim, 0},
    {"v_head_dim", &ModelShape::v_head_dim, 0},
    {"sliding_window", &ModelShape::sliding_window, 0},
    {"num_sliding_window_layers", &ModelShape::num_sliding_window_layers, 0},
};

constexpr FlagField kFlags[] = {
    {"gated", &ModelShape::gated},
    {"tied_embeddings", &ModelShape::tied_embeddings},
    {"qkv_bias", &ModelShape::qkv_bias},
    {"attention_output_bias", &ModelShape::attention_output_bias},
    {"attention_sinks", &ModelShape::attention_sinks},
    {"mlp_bias", &ModelShape::mlp_bias},
    {"head_bias", &ModelShape::head_bias},
    {"parameter_free_norms", &ModelShape::norm_has_weight, true},
    {"norms_without_bias", &ModelShape::norm_has_bias, true},
    {"without_final_norm", &ModelShape::final_norm, true},
    {"embedding_norm", &ModelShape::embedding_norm},
    {"shared_expert_gate", &ModelShape::shared_expert_gate},
    {"router_bias", &ModelShape::router_bias},
    {"expert_bias", &ModelShape::expert_bias},
};

std::vector<absl::string_view> AllowedKeys() {
  std::vector<absl::string_view> keys = {"name"};
  for (const IntegerField& field : kRequired) keys.push_back(field.name);
  for (const IntegerField& field : kOptional) keys.push_back(field.name);
  for (const FlagField& field : kFlags) keys.push_back(field.name);
  keys.insert(keys.end(),
              {"norm_type", "param_count", "active_param_count", "param_count_convention"});
  return keys;
}

// An enum's value in any case and with or without the prefix of its type: RMS, rms, NORM_TYPE_RMS.
std::string EnumValue(absl::string_view text, absl::string_view prefix) {
  const std::string upper = absl::AsciiStrToUpper(text);
  return std::string(absl::StripPrefix(upper, prefix));
}

void ReadNormType(FieldReader& reader, ModelShape& shape) {
  const std::optional<std::string> text = reader.OptionalText({"norm_type"});
  if (!text.has_value()) return;
  const std::string value = EnumValue(*text, "NORM_TYPE_");
  if (value == "LAYER_NORM") {
    shape.norm_type = NormType::kLayerNorm;
  } else if (value != "RMS") {
    reader.Fail("norm_type", absl::StrCat("must be RMS or LAYER_NORM, got \"", *text, "\""));
  }
}

// Counts a user states are a check on the shape, never a substitute for it.
void CheckCounts(FieldReader& reader, const ModelShape& shape) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const std::string convention_text =
      reader.OptionalText({"param_count_convention"}).value_or("TOTAL");
  const std::string convention = EnumValue(convention_text, "PARAM_COUNT_CONVENTION_");
  if (convention != "TOTAL" && convention != "NON_EMBEDDING") {
    reader.Fail("param_count_convention",
                absl::StrCat("must be TOTAL or NON_EMBEDDING, got \"", convention_text, "\""));
    return;
  }
  const ParamCounts counts = CountParams(shape);
  const bool is_total = convention == "TOTAL";
  const struct {
    absl::string_view name;
    int64_t count;
  } kChecks[] = {{"param_count", is_total ? counts.total : counts.non_embedding},
                 {"active_param_count", is_total ? counts.active : counts.active_non_embedding}};
  for (const auto& check : kChecks) {
    const std::optional<int64_t> given = reader.OptionalInteger({check.name}, 0, kMax);
    if (given.has_value() && *given != check.count) {
      reader.Fail(check.name,
                  absl::StrCat("is ", *given, ", but the shape has ", check.count, " (", convention,
                               "); correct the dimensions or leave the count out"));
    }
  }
}

absl::StatusOr<ModelShape> ReadOwnKeys(const DocumentValue& table, QuotedNumbers quoted_numbers,
                                       std::optional<int64_t> sequence_length) {
  FieldReader reader(table, "", quoted_numbers);
  reader.RefuseUnknownKeys(AllowedKeys());
  ModelShape shape;
  shape.name = reader.OptionalText({"name"}).value_or("");
  for (const IntegerField& field : kRequired)
    shape.*field.member = reader.Integer({field.name}, field.min);
  for (const IntegerField& field : kOptional) {
    shape.*field.member = reader.IntegerOr({field.name}, field.min, shape.*field.member);
  }
  for (const FlagField& field : kFlags) {
    const bool fallback = shape.*field.member != field.inverted;
    shape.*field.member = reader.FlagOr({field.name}, fallback) != field.inverted;
  }
  ReadNormType(reader, shape);
  if (!reader.status().ok()) return reader.status();

  if (shape.num_key_value_heads == 0) shape.num_key_value_heads = shape.num_attention_heads;
  if (shape.head_dim == 0 && shape.is_mla()) shape.head_dim = shape.v_head_dim;
  if (shape.head_dim == 0) {
    if (shape.hidden_size % shape.num_attention_heads != 0) {
      reader.Fail("head_dim",
                  absl::StrCat("is missing, and num_attention_heads (", shape.num_attention_heads,
                               ") does not divide hidden_size (", shape.hidden_size, ")"));
    }
    shape.head_dim = shape.hidden_size / shape.num_attention_heads;
  }
  if (shape.is_moe() && shape.num_moe_layers == 0) shape.num_moe_layers = shape.num_layers;
  if (sequence_length.has_value()) shape.sequence_length = *sequence_length;
  if (!sequence_length.has_value() && shape.sequence_length == 0)
    reader.Fail("sequence_length", "is missing");
  if (!reader.status().ok()) return reader.status();

  if (const absl::Status valid = ValidateModelShape(shape); !valid.ok()) {
    // The validator's message begins with the field; its place is where we read that field.
    const absl::string_view message = valid.message();
    const absl::string_view field = message.substr(0, message.find(' '));
    if (table.Find(field) == nullptr) return valid;
    reader.Fail(field, absl::StripPrefix(message.substr(field.size()), " "));
    return reader.status();
  }
  CheckCounts(reader, shape);
  if (!reader.status().ok()) return reader.status();
  return shape;
}

}  // namespace

absl::StatusOr<ModelShape> ParseArchitecture(absl::string_view text,
                                             std::optional<int64_t> sequence_length) {
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");  // the byte order mark of Windows editors
  const absl::string_view stripped = absl::StripLeadingAsciiWhitespace(text);
  if (stripped.empty()) {
    return absl::InvalidArgumentError(
        "empty; an architecture states num_layers, hidden_size, and so on");
  }
  if (text.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("holds a zero byte at offset ", text.find('\0'), ": neither TOML nor JSON"));
  }
  // TOML cannot begin with a brace, and JSON for us must; a bracket is JSON only before a value.
  if (stripped[0] == '{') {
    RHUMB_ASSIGN_OR_RETURN(const DocumentValue table, ParseJson(text));
    if (table.Find("model_type") != nullptr)
      return ShapeFromHuggingFaceDocument(table, sequence_length);
    return ReadOwnKeys(table, QuotedNumbers::kPlain, sequence_length);
  }
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue table, ParseToml(text));
  return ReadOwnKeys(table, QuotedNumbers::kHuman, sequence_length);
}

absl::StatusOr<ModelShape> ReadArchitectureFile(absl::string_view path,
                                                std::optional<int64_t> sequence_length) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  absl::StatusOr<ModelShape> shape = ParseArchitecture(text, sequence_length);
  if (!shape.ok())
    return absl::Status(shape.status().code(), absl::StrCat(path, ": ", shape.status().message()));
  return shape;
}

}  // namespace rhumb
