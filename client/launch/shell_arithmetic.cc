// SPDX-License-Identifier: Apache-2.0
#include "client/launch/shell_arithmetic.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace rhumb::launch {
namespace {

constexpr int kMaxDepth = 64;

using ValueOf = std::function<std::optional<int64_t>(const std::string&)>;

class Evaluator {
 public:
  Evaluator(absl::string_view text, const ValueOf& value_of) : text_(text), value_of_(value_of) {}

  std::optional<int64_t> Whole() {
    const std::optional<int64_t> value = Sum();
    SkipBlanks();
    return at_ == text_.size() ? value : std::nullopt;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  // The next operator if it is one of `operators`, which is then consumed; else 0.
  char Take(absl::string_view operators) {
    SkipBlanks();
    if (at_ == text_.size() || operators.find(text_[at_]) == absl::string_view::npos) return 0;
    return text_[at_++];
  }

  std::optional<int64_t> Sum() {
    std::optional<int64_t> left = Product();
    while (left.has_value()) {
      const char sign = Take("+-");
      if (sign == 0) break;
      const std::optional<int64_t> right = Product();
      int64_t result = 0;
      if (!right.has_value() || (sign == '+' ? __builtin_add_overflow(*left, *right, &result)
                                             : __builtin_sub_overflow(*left, *right, &result))) {
        return std::nullopt;
      }
      left = result;
    }
    return left;
  }

  std::optional<int64_t> Product() {
    std::optional<int64_t> left = Atom();
    while (left.has_value()) {
      const char sign = Take("*/%");
      if (sign == 0) break;
      const std::optional<int64_t> right = Atom();
      if (!right.has_value()) return std::nullopt;
      int64_t result = 0;
      if (sign == '*') {
        if (__builtin_mul_overflow(*left, *right, &result)) return std::nullopt;
      } else {
        // The smallest integer has no counterpart for division by -1.
        if (*right == 0 || (*left == std::numeric_limits<int64_t>::min() && *right == -1)) {
          return std::nullopt;
        }
        result = sign == '/' ? *left / *right : *left % *right;
      }
      left = result;
    }
    return left;
  }

  std::optional<int64_t> Atom() {
    if (Take("(") != 0) {
      if (++depth_ > kMaxDepth) return std::nullopt;
      const std::optional<int64_t> value = Sum();
      --depth_;
      return Take(")") != 0 ? value : std::nullopt;
    }
    SkipBlanks();
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) {
      ++at_;
    }
    const std::string word(text_.substr(begin, at_ - begin));
    if (word.empty()) return std::nullopt;
    if (!absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) return value_of_(word);
    // A leading zero means octal, 0x hexadecimal: nobody writes sizes so.
    if (word.size() > 1 && word[0] == '0') return std::nullopt;
    int64_t value = 0;
    return absl::SimpleAtoi(word, &value) ? std::optional<int64_t>(value) : std::nullopt;
  }

  absl::string_view text_;
  const ValueOf& value_of_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::optional<int64_t> EvaluateArithmetic(absl::string_view text, const ValueOf& value_of) {
  return Evaluator(text, value_of).Whole();
}

}  // namespace rhumb::launch
