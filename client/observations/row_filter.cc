// SPDX-License-Identifier: Apache-2.0
#include "client/observations/row_filter.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/observations/number_cell.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

struct Operator {
  absl::string_view symbol;
  Comparison comparison;
};

// Longer symbols before their beginnings.
constexpr Operator kOperators[] = {
    {"==", Comparison::kEqual},     {"!=", Comparison::kNotEqual},
    {"<=", Comparison::kLessEqual}, {">=", Comparison::kGreaterEqual},
    {"!~", Comparison::kLacks},     {"=", Comparison::kEqual},
    {"<", Comparison::kLess},       {">", Comparison::kGreater},
    {"~", Comparison::kContains}};

class Scanner {
 public:
  explicit Scanner(absl::string_view filter) : filter_(filter), rest_(filter) {}

  bool AtEnd() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    return rest_.empty();
  }

  absl::StatusOr<RowCondition> Condition() {
    RowCondition condition;
    RHUMB_ASSIGN_OR_RETURN(condition.column, Column());
    RHUMB_ASSIGN_OR_RETURN(condition.comparison, TakeOperator());
    bool quoted = false;
    RHUMB_ASSIGN_OR_RETURN(condition.text, Value(quoted));
    const absl::StatusOr<double> number = ReadNumberCell(condition.text, NumberRange::kAny, true);
    condition.is_number = !quoted && number.ok();
    if (condition.is_number) condition.number = *number;
    return condition;
  }

  // "and" between two conditions, as a word of its own.
  absl::Status Joint() {
    if (AtEnd()) return absl::OkStatus();
    const absl::string_view word = rest_.substr(0, rest_.find_first_of(" \t"));
    if (!absl::EqualsIgnoreCase(word, "and") && word != "&&") {
      return Wrong("expected \"and\" or the end");
    }
    rest_.remove_prefix(word.size());
    return AtEnd() ? Wrong("expected a condition behind \"and\"") : absl::OkStatus();
  }

 private:
  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " at character ", filter_.size() - rest_.size() + 1, " of ",
                     ShownCell(filter_), "; conditions are as in: in_fit==1 and loss<4"));
  }

  // The text up to `quote`, which stands in front.
  absl::StatusOr<std::string> Quoted(char quote) {
    const size_t end = rest_.find(quote, 1);
    if (end == absl::string_view::npos) return Wrong("a quote is never closed");
    const std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  absl::StatusOr<std::string> Column() {
    if (AtEnd()) return Wrong("expected a column");
    if (rest_[0] == '`' || rest_[0] == '"') return Quoted(rest_[0]);
    const size_t end = rest_.find_first_of("=!<>~");
    const std::string name(absl::StripAsciiWhitespace(rest_.substr(0, end)));
    if (name.empty()) return Wrong("expected a column");
    if (end == absl::string_view::npos) {
      return Wrong("expected a column and one of ==, !=, <, <=, >, >=, ~, !~");
    }
    rest_.remove_prefix(end);
    return name;
  }

  absl::StatusOr<Comparison> TakeOperator() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    for (const Operator& candidate : kOperators) {
      if (absl::StartsWith(rest_, candidate.symbol)) {
        rest_.remove_prefix(candidate.symbol.size());
        return candidate.comparison;
      }
    }
    return Wrong("expected one of ==, !=, <, <=, >, >=, ~, !~");
  }

  absl::StatusOr<std::string> Value(bool& quoted) {
    if (AtEnd()) return Wrong("expected a value");
    quoted = rest_[0] == '\'' || rest_[0] == '"';
    if (quoted) return Quoted(rest_[0]);
    const std::string value(rest_.substr(0, rest_.find_first_of(" \t")));
    if (value.find_first_of("=<>`") != std::string::npos || value == "and") {
      return Wrong("expected a value");
    }
    rest_.remove_prefix(value.size());
    return value;
  }

  absl::string_view filter_, rest_;
};

}  // namespace

absl::string_view ComparisonSymbol(Comparison comparison) {
  for (const Operator& candidate : kOperators) {
    if (candidate.comparison == comparison) return candidate.symbol;
  }
  return "";
}

absl::StatusOr<std::vector<RowCondition>> ParseRowFilter(absl::string_view filter) {
  std::vector<RowCondition> conditions;
  Scanner scanner(filter);
  do {
    RHUMB_ASSIGN_OR_RETURN(RowCondition condition, scanner.Condition());
    conditions.push_back(std::move(condition));
    RHUMB_RETURN_IF_ERROR(scanner.Joint());
  } while (!scanner.AtEnd());
  return conditions;
}

bool Holds(const RowCondition& condition, absl::string_view given) {
  const absl::string_view cell = absl::StripAsciiWhitespace(given);
  switch (condition.comparison) {
    case Comparison::kContains:
      return absl::StrContains(cell, condition.text);
    case Comparison::kLacks:
      return !absl::StrContains(cell, condition.text);
    default:
      break;
  }
  int order = 0;
  if (condition.is_number) {
    const absl::StatusOr<double> number = ReadNumberCell(cell, NumberRange::kAny, true);
    if (!number.ok()) return condition.comparison == Comparison::kNotEqual;
    order = *number < condition.number ? -1 : (*number > condition.number ? 1 : 0);
  } else {
    if (cell.empty() && !condition.text.empty()) {
      return condition.comparison == Comparison::kNotEqual;
    }
    const int compared = cell.compare(condition.text);
    order = compared < 0 ? -1 : (compared > 0 ? 1 : 0);
  }
  switch (condition.comparison) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessEqual:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

}  // namespace rhumb
