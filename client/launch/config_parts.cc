// SPDX-License-Identifier: Apache-2.0
#include "client/launch/config_parts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/launch/emit_parts.h"

namespace rhumb::launch {

absl::Status RefuseDegrees(const std::vector<Degree>& degrees, absl::string_view reason) {
  for (const Degree& degree : degrees) {
    if (degree.size > 1) {
      return CannotExpress(absl::StrCat("layout.", degree.field), absl::StrCat(degree.size),
                           reason);
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> ConfigRemarks(const v1::Plan& plan, LaunchKind kind) {
  std::vector<std::string> remarks;
  std::string framework = FrameworkRemark(plan, kind);
  if (!framework.empty()) remarks.push_back(std::move(framework));
  return remarks;
}

std::string ConfigHeader(const v1::Plan& plan, std::vector<std::string> more,
                         const std::vector<std::string>& remarks) {
  std::vector<std::string> lines = DescribePlan(plan);
  for (std::string& line : more) lines.push_back(std::move(line));
  for (const std::string& remark : remarks) lines.push_back(absl::StrCat("Note: ", remark));
  return HashComments(lines);
}

std::string ShapeLine(const v1::Architecture& model) {
  std::string text = absl::StrCat("Model to register: ", model.num_layers(), " layers, hidden ",
                                  model.hidden_size(), ", ", model.num_attention_heads());
  absl::StrAppend(&text, " heads (", model.num_key_value_heads(), " KV) of ", model.head_dim(),
                  ", FFN ", model.ffn_hidden_size());
  absl::StrAppend(&text, model.gated() ? " gated" : "", ", vocabulary ", model.vocab_size());
  if (model.expert_count() > 0) {
    absl::StrAppend(&text, ", ", model.expert_count(), " experts of ", model.moe_ffn_hidden_size(),
                    " (", model.experts_per_token());
    absl::StrAppend(&text, " a token) in ", model.num_moe_layers(), " layers");
  }
  return text;
}

std::string ScriptNeeds(const v1::Plan& plan) {
  std::string text = absl::StrCat("sequences of ", plan.model().sequence_length(), " tokens, ",
                                  plan.batch().step_count(), " steps");
  if (plan.has_learning_rate() && plan.learning_rate().peak() > 0) {
    absl::StrAppend(&text, ", peak learning rate ", LearningRateText(plan), " (a suggestion, ",
                    plan.learning_rate().schedule(), ")");
  }
  return text;
}

absl::Status RefusePrecision(const v1::Layout& layout, const std::vector<v1::Precision>& allowed,
                             absl::string_view reason) {
  if (std::find(allowed.begin(), allowed.end(), layout.precision()) != allowed.end()) {
    return absl::OkStatus();
  }
  return CannotExpress("layout.precision", PrecisionName(layout.precision()), reason);
}

}  // namespace rhumb::launch
