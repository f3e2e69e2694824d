// SPDX-License-Identifier: Apache-2.0
#include "client/config/hf_unplanned.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/config/document.h"

namespace rhumb {
namespace {

struct Known {
  const char* key;
  const char* flag;   // that takes the value; empty where there is none
  double default_of;  // Megatron-LM's, which needs no word; -1 where it has none
};
constexpr Known kScalars[] = {
    {"rope_theta", "--rotary-base", 10000},
    {"partial_rotary_factor", "--rotary-percent", 1},
    {"num_nextn_predict_layers", "--mtp-num-layers", 0},
    {"rms_norm_eps", "--norm-epsilon", 1e-5},
    {"layer_norm_eps", "--norm-epsilon", 1e-5},
    {"layer_norm_epsilon", "--norm-epsilon", 1e-5},
    {"routed_scaling_factor", "--moe-router-topk-scaling-factor", 1},
    {"n_group", "--moe-router-num-groups", 1},
    {"topk_group", "--moe-router-group-topk", 1},
    {"attn_logit_softcapping", "", -1},
    {"final_logit_softcapping", "", -1},
};

bool IsNumber(const DocumentValue& value) {
  return value.kind == ValueKind::kInteger || value.kind == ValueKind::kNumber;
}

std::string NumberText(const DocumentValue& value) {
  return value.kind == ValueKind::kInteger ? absl::StrCat(value.integer)
                                           : absl::StrFormat("%.15g", value.number);
}

std::string TextOf(const DocumentValue& value) {
  if (value.kind == ValueKind::kText) return value.text;
  if (IsNumber(value)) return NumberText(value);
  if (value.kind != ValueKind::kTable) return value.Shown();
  std::string text;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", value.keys[i], " ", TextOf(value.items[i]));
  }
  return text;
}

// Of the forms of scaling, those that Megatron-LM has a flag for with every attention.
std::string ScalingFlags(const DocumentValue& scaling) {
  const DocumentValue* type = scaling.Find("rope_type");
  if (type == nullptr) type = scaling.Find("type");
  const DocumentValue* factor = scaling.Find("factor");
  if (type == nullptr || factor == nullptr || !IsNumber(*factor)) return "";
  if (type->text == "llama3") {
    return absl::StrCat("--use-rope-scaling --rope-scaling-factor ", NumberText(*factor));
  }
  if (type->text == "linear") {
    return absl::StrCat("--rotary-seq-len-interpolation-factor ", NumberText(*factor));
  }
  return "";
}

}  // namespace

std::vector<UnplannedKey> UnplannedOfHuggingFaceConfig(absl::string_view json_text) {
  std::vector<UnplannedKey> unplanned;
  const absl::StatusOr<DocumentValue> document = ParseJson(json_text);
  if (!document.ok() || document->Find("model_type") == nullptr) return unplanned;
  const DocumentValue* config = document->Find("text_config");
  if (config == nullptr || config->kind != ValueKind::kTable) config = &*document;
  for (const Known& known : kScalars) {
    const DocumentValue* value = config->Find(known.key);
    if (value == nullptr || !IsNumber(*value) || value->number == known.default_of) continue;
    const std::string text = NumberText(*value);
    unplanned.push_back(
        {known.key, text, *known.flag == 0 ? "" : absl::StrCat(known.flag, " ", text)});
  }
  const DocumentValue* scaling = config->Find("rope_scaling");
  if (scaling != nullptr && scaling->kind == ValueKind::kTable) {
    unplanned.push_back({"rope_scaling", TextOf(*scaling), ScalingFlags(*scaling)});
  }
  return unplanned;
}

}  // namespace rhumb
