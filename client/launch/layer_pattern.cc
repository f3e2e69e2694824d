// SPDX-License-Identifier: Apache-2.0
#include "client/launch/layer_pattern.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace rhumb::launch {
namespace {

constexpr size_t kMostLayers = 100000;
constexpr int kMaxDepth = 32;

using Pattern = std::vector<bool>;

// list := term ("+" term)*; term := atom ("*" integer)*; atom := "(" list ")" | "[" 0|1 ,... "]".
class ListReader {
 public:
  explicit ListReader(absl::string_view text) : text_(text) {}

  std::optional<Pattern> Whole() {
    std::optional<Pattern> list = List();
    SkipBlanks();
    return at_ == text_.size() ? list : std::nullopt;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::optional<int64_t> Integer() {
    SkipBlanks();
    const size_t begin = at_;
    while (at_ < text_.size() && absl::ascii_isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    int64_t value = 0;
    if (!absl::SimpleAtoi(text_.substr(begin, at_ - begin), &value)) return std::nullopt;
    return value;
  }
  std::optional<Pattern> Atom() {
    if (Take('(')) {
      if (++depth_ > kMaxDepth) return std::nullopt;
      std::optional<Pattern> list = List();
      --depth_;
      return Take(')') ? list : std::nullopt;
    }
    if (!Take('[')) return std::nullopt;
    Pattern list;
    while (!Take(']')) {
      const std::optional<int64_t> layer = Integer();
      if (!layer.has_value() || *layer > 1 || list.size() >= kMostLayers) return std::nullopt;
      list.push_back(*layer == 1);
      Take(',');
    }
    return list;
  }
  std::optional<Pattern> Term() {
    std::optional<Pattern> list = Atom();
    while (list.has_value() && Take('*')) {
      const std::optional<int64_t> count = Integer();
      if (!count.has_value() || *count > static_cast<int64_t>(kMostLayers) ||
          list->size() * static_cast<size_t>(*count) > kMostLayers) {
        return std::nullopt;
      }
      Pattern repeated;
      for (int64_t i = 0; i < *count; ++i) {
        repeated.insert(repeated.end(), list->begin(), list->end());
      }
      list = std::move(repeated);
    }
    return list;
  }
  std::optional<Pattern> List() {
    std::optional<Pattern> list = Term();
    while (list.has_value() && Take('+')) {
      const std::optional<Pattern> more = Term();
      if (!more.has_value() || list->size() + more->size() > kMostLayers) return std::nullopt;
      list->insert(list->end(), more->begin(), more->end());
    }
    return list;
  }

  absl::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::optional<Pattern> ParseLayerPattern(absl::string_view text, int64_t num_layers) {
  if (num_layers < 1 || num_layers > static_cast<int64_t>(kMostLayers)) return std::nullopt;
  int64_t every = 0;
  if (absl::SimpleAtoi(text, &every)) {
    if (every < 1) return std::nullopt;
    Pattern pattern;
    for (int64_t layer = 0; layer < num_layers; ++layer) pattern.push_back(layer % every == 0);
    return pattern;
  }
  std::optional<Pattern> pattern = ListReader(text).Whole();
  if (!pattern.has_value() || static_cast<int64_t>(pattern->size()) != num_layers) {
    return std::nullopt;
  }
  return pattern;
}

std::optional<std::vector<int64_t>> ParsePipelineLayout(absl::string_view text) {
  std::vector<int64_t> stages;
  for (const absl::string_view stage : absl::StrSplit(text, '|')) {
    int64_t layers = 0;
    for (size_t i = 0; i < stage.size(); ++i) {
      const char c = stage[i];
      if (c == ',') continue;
      if (c != 'E' && c != 't' && c != 'L') return std::nullopt;
      int64_t count = 1;
      if (i + 1 < stage.size() && stage[i + 1] == '*') {
        size_t end = i + 2;
        while (end < stage.size() && absl::ascii_isdigit(static_cast<unsigned char>(stage[end]))) {
          ++end;
        }
        if (!absl::SimpleAtoi(stage.substr(i + 2, end - i - 2), &count) || count < 1 ||
            count > static_cast<int64_t>(kMostLayers)) {
          return std::nullopt;
        }
        i = end - 1;
      }
      if (c == 't') layers += count;
      if (layers > static_cast<int64_t>(kMostLayers)) return std::nullopt;
    }
    stages.push_back(layers);
  }
  return stages;
}

}  // namespace rhumb::launch
