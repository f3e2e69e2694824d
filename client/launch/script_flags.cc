// SPDX-License-Identifier: Apache-2.0
#include "client/launch/script_flags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rhumb::launch {
namespace {

// Flags without a value: an unknown word behind one is no value of it.
bool IsSwitch(absl::string_view name) {
  for (const absl::string_view known : {"--bf16",
                                        "--fp16",
                                        "--swiglu",
                                        "--sequence-parallel",
                                        "--use-distributed-optimizer",
                                        "--use-megatron-fsdp",
                                        "--use-custom-fsdp",
                                        "--use-torch-fsdp2",
                                        "--group-query-attention",
                                        "--disable-bias-linear",
                                        "--add-qkv-bias",
                                        "--untie-embeddings-and-output-weights",
                                        "--multi-latent-attention",
                                        "--qk-layernorm",
                                        "--recompute-activations",
                                        "--checkpoint-activations",
                                        "--moe-grouped-gemm",
                                        "--moe-router-enable-expert-bias",
                                        "--overlap-grad-reduce",
                                        "--overlap-param-gather",
                                        "--tp-comm-overlap",
                                        "--use-rotary-position-embeddings",
                                        "--use-flash-attn",
                                        "--use-mcore-models",
                                        "--no-gradient-accumulation-fusion",
                                        "--standalone",
                                        "--use_fsdp",
                                        "--use_deepspeed",
                                        "--multi_gpu"}) {
    if (name == known) return true;
  }
  return false;
}

}  // namespace

std::string ScriptFlag::Written() const {
  return ShownText(values.empty() ? name : absl::StrCat(name, " ", absl::StrJoin(values, " ")));
}

ScriptFlags::ScriptFlags(const std::vector<ShellWord>& words, std::vector<NotRead>& not_read) {
  for (const ShellWord& word : words) {
    const bool flag = absl::StartsWith(word.text, "--") && word.text.size() > 2;
    if (!flag) {
      const bool opaque = word.text == std::string(1, kUnknownPart);
      if (opaque &&
          (flags_.empty() || !flags_.back().values.empty() || IsSwitch(flags_.back().name))) {
        // An expansion in the place of a flag: whatever it holds.
        not_read.push_back({word.line, "a word of the command",
                            "its value is not known from the script: flags in it are not read"});
      } else if (!flags_.empty()) {
        flags_.back().values.push_back(word.text);
      }
      continue;
    }
    const size_t equals = word.text.find('=');
    ScriptFlag& read = flags_.emplace_back();
    read.name = word.text.substr(0, equals);
    read.line = word.line;
    if (equals != std::string::npos) read.values.push_back(word.text.substr(equals + 1));
  }
  read_.resize(flags_.size());
}

const ScriptFlag* ScriptFlags::Find(std::initializer_list<absl::string_view> names) const {
  const ScriptFlag* last = nullptr;
  for (size_t i = 0; i < flags_.size(); ++i) {
    if (std::find(names.begin(), names.end(), absl::string_view(flags_[i].name)) == names.end()) {
      continue;
    }
    read_[i] = true;
    last = &flags_[i];
  }
  return last;
}

std::vector<const ScriptFlag*> ScriptFlags::Dotted() const {
  std::vector<const ScriptFlag*> dotted;
  for (size_t i = 0; i < flags_.size(); ++i) {
    if (!absl::StrContains(flags_[i].name, '.')) continue;
    read_[i] = true;
    dotted.push_back(&flags_[i]);
  }
  return dotted;
}

std::vector<const ScriptFlag*> ScriptFlags::Unread() const {
  std::vector<const ScriptFlag*> unread;
  for (size_t i = 0; i < flags_.size(); ++i) {
    if (!read_[i]) unread.push_back(&flags_[i]);
  }
  return unread;
}

std::optional<Fact<std::string>> TextValue(const ScriptFlag& flag,
                                           const std::vector<Remedy>& instead,
                                           std::vector<NotRead>& not_read) {
  const auto refuse = [&](absl::string_view reason) {
    not_read.push_back({flag.line, flag.Written(), std::string(reason), instead});
    return std::nullopt;
  };
  if (flag.values.empty() || flag.values[0].empty()) return refuse("has no value");
  if (absl::StrContains(flag.values[0], kUnknownPart)) {
    return refuse("its value is not known from the script");
  }
  return Fact<std::string>{flag.values[0], flag.line, absl::StrCat(flag.name, " ", flag.values[0])};
}

std::optional<Fact<int64_t>> IntegerValue(const ScriptFlag& flag, int64_t minimum,
                                          const std::vector<Remedy>& instead,
                                          std::vector<NotRead>& not_read) {
  const std::optional<Fact<std::string>> text = TextValue(flag, instead, not_read);
  if (!text.has_value()) return std::nullopt;
  int64_t value = 0;
  const bool digits = std::all_of(text->value.begin(), text->value.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(text->value, &value) || value < minimum) {
    not_read.push_back({flag.line, text->text,
                        absl::StrCat("must be a whole number of at least ", minimum), instead});
    return std::nullopt;
  }
  return Fact<int64_t>{value, flag.line, text->text};
}

}  // namespace rhumb::launch
