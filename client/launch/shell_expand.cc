// SPDX-License-Identifier: Apache-2.0
// Words: quotes and expansions.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/launch/shell_arithmetic.h"
#include "client/launch/shell_reader.h"

namespace rhumb::launch {
namespace {

constexpr size_t kMaxExpandedBytes = 16 << 20;
constexpr int kMaxNesting = 32;
constexpr size_t kExcerptBytes = 60;

bool IsNameStart(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsNameByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// Whether an unquoted byte ends a word.
bool EndsWord(char c) {
  return IsBlank(c) || c == ';' || c == '&' || c == '|' || c == '(' || c == ')' || c == '<' ||
         c == '>';
}

}  // namespace

ShellText ShellText::Part(size_t begin, size_t end) const {
  ShellText part;
  part.bytes = bytes.substr(begin, end - begin);
  part.lines.assign(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                    lines.begin() + static_cast<std::ptrdiff_t>(end));
  return part;
}

void ShellReader::Fields::Finish() {
  if (has_current) done.push_back(std::move(current));
  current = ShellText();
  has_current = false;
}

void ShellReader::Fields::AddSplit(const ShellText& text) {
  for (size_t i = 0; i < text.bytes.size(); ++i) {
    if (IsBlank(text.bytes[i])) {
      Finish();
    } else {
      AddByte(text.bytes[i], text.lines[i]);
    }
  }
}

void ShellReader::Fields::AddElements(const std::vector<ShellText>& elements) {
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) Finish();
    current.Add(elements[i]);
    has_current = true;
  }
}

int ShellReader::LineAt(size_t at) const {
  if (input_.lines.empty()) return 1;
  return input_.lines[at < input_.lines.size() ? at : input_.lines.size() - 1];
}

std::string ShellReader::Excerpt(size_t begin, size_t end) const {
  std::string text = input_.bytes.substr(begin, end - begin);
  for (char& c : text) {
    if (c != kUnknownPart && absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  text = ShownText(text);
  if (text.size() <= kExcerptBytes) return text;
  size_t cut = kExcerptBytes - 3;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;  // whole UTF-8
  return absl::StrCat(text.substr(0, cut), "...");
}

void ShellReader::Remark(size_t begin, size_t end, absl::string_view reason) {
  state_.reading.not_read.push_back({LineAt(begin), Excerpt(begin, end), std::string(reason)});
}

void ShellReader::Fail(size_t at, absl::string_view what) {
  if (!state_.failure.ok()) return;
  state_.failure = absl::InvalidArgumentError(absl::StrCat("line ", LineAt(at), ": ", what));
}

bool ShellReader::Charge(size_t bytes) {
  state_.expanded_bytes += bytes;
  if (state_.expanded_bytes <= kMaxExpandedBytes) return true;
  Fail(at_, "the variables expand to more than any script needs");
  return false;
}

size_t ShellReader::Closing(size_t begin, char open, char close, bool apostrophes) {
  int depth = 0;
  for (size_t i = begin; i < input_.bytes.size(); ++i) {
    const char c = input_.bytes[i];
    if (c == '\\') {
      ++i;
    } else if ((c == '\'' && apostrophes) || c == '"' || c == '`') {
      const char quote = c;
      size_t end = i + 1;
      while (end < input_.bytes.size() && input_.bytes[end] != quote) {
        end += input_.bytes[end] == '\\' && quote != '\'' ? 2 : 1;
      }
      // A quote that never ends is said where it is read.
      if (end < input_.bytes.size()) i = end;
    } else if (c == open) {
      ++depth;
    } else if (c == close && --depth == 0) {
      return i + 1;
    }
  }
  Fail(begin, absl::StrCat("\"", std::string(1, open), "\" is never closed"));
  return input_.bytes.size();
}

void ShellReader::AddUnknown(Fields& fields, int line) { fields.AddByte(kUnknownPart, line); }

void ShellReader::AddValue(const ShellText& value, Fields& fields, bool quoted) {
  if (!Charge(value.bytes.size() + 1)) return;
  if (quoted || !fields.split) {
    fields.current.Add(value);
    fields.has_current = fields.has_current || !value.bytes.empty();
  } else {
    fields.AddSplit(value);
  }
}

void ShellReader::ExpandVariable(const std::string& name, absl::string_view index, Fields& fields,
                                 bool quoted) {
  const int line = LineAt(at_ > 0 ? at_ - 1 : 0);
  const auto found = state_.variables.find(name);
  if (found == state_.variables.end() || !found->second.known) return AddUnknown(fields, line);
  const ShellVariable& variable = found->second;
  if (index == "@" || index == "*") {
    for (const ShellText& value : variable.values) {
      if (!Charge(value.bytes.size() + 1)) return;
    }
    if (index == "@" && quoted && fields.split) return fields.AddElements(variable.values);
    const bool joins = quoted || !fields.split;
    for (size_t i = 0; i < variable.values.size(); ++i) {
      if (i > 0 && joins) fields.AddByte(' ', line);
      if (i > 0 && !joins) fields.Finish();
      AddValue(variable.values[i], fields, quoted);
    }
    return;
  }
  size_t place = 0;
  if (!index.empty()) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(index, &number) || number < 0) return AddUnknown(fields, line);
    place = static_cast<size_t>(number);
  }
  if (place < variable.values.size()) AddValue(variable.values[place], fields, quoted);
}

std::optional<int64_t> ShellReader::IntegerOf(const std::string& name) const {
  const auto found = state_.variables.find(name);
  if (found == state_.variables.end() || !found->second.known || found->second.values.empty()) {
    return std::nullopt;
  }
  int64_t value = 0;
  const std::string& text = found->second.values.front().bytes;
  return absl::SimpleAtoi(text, &value) ? std::optional<int64_t>(value) : std::nullopt;
}

// "$((...))", at the dollar.
void ShellReader::ReadArithmetic(Fields& fields, bool quoted) {
  const size_t begin = at_;
  const size_t end = Closing(at_ + 1, '(', ')');
  at_ = end;
  if (!state_.failure.ok()) return;
  if (depth_ >= kMaxNesting || end < begin + 5 || input_.bytes[end - 2] != ')') {
    Remark(begin, end, "arithmetic");
    return AddUnknown(fields, LineAt(begin));
  }
  const ShellText inner = input_.Part(begin + 3, end - 2);
  const ShellText expanded = ShellReader(inner, state_, depth_ + 1).ReadQuoted();
  const std::optional<int64_t> value = EvaluateArithmetic(
      expanded.bytes, [this](const std::string& name) { return IntegerOf(name); });
  if (!value.has_value()) {
    Remark(begin, end, "arithmetic over values that are not known");
    return AddUnknown(fields, LineAt(begin));
  }
  ShellText text;
  for (const char c : absl::StrCat(*value)) text.Add(c, LineAt(begin));
  AddValue(text, fields, quoted);
}

// "$(...)", at the dollar.
void ShellReader::ReadSubstitution(Fields& fields, bool quoted) {
  if (Peek(2) == '(') return ReadArithmetic(fields, quoted);
  const size_t begin = at_;
  at_ = Closing(at_ + 1, '(', ')');
  Remark(begin, at_, "command substitution");
  AddUnknown(fields, LineAt(begin));
}

void ShellReader::ReadBackticks(Fields& fields) {
  const size_t begin = at_++;
  while (!AtEnd() && Peek() != '`') at_ += Peek() == '\\' ? 2 : 1;
  if (at_ >= input_.bytes.size()) return Fail(begin, "` is never closed");
  ++at_;
  Remark(begin, at_, "command substitution");
  AddUnknown(fields, LineAt(begin));
}

// "${...}", at the dollar.
void ShellReader::ReadBraces(Fields& fields, bool quoted) {
  const size_t begin = at_;
  // In "${A:?it isn't set}" an apostrophe is one.
  const size_t end = Closing(at_ + 1, '{', '}', /*apostrophes=*/!quoted);
  if (!state_.failure.ok()) return;
  size_t place = begin + 2;
  std::string name;
  while (place + 1 < end && IsNameByte(input_.bytes[place])) name += input_.bytes[place++];
  std::string index;
  if (place + 1 < end && input_.bytes[place] == '[') {
    const size_t close = input_.bytes.find(']', place);
    if (close != std::string::npos && close + 1 < end) {
      index = input_.bytes.substr(place + 1, close - place - 1);
      place = close + 1;
    }
  }
  std::string operation = input_.bytes.substr(place, end - 1 - place);
  at_ = end;
  if (name.empty() || !IsNameStart(name[0])) {
    Remark(begin, end, "an expansion that is not read");
    return AddUnknown(fields, LineAt(begin));
  }
  if (operation.empty()) return ExpandVariable(name, index, fields, quoted);
  const bool colon = operation[0] == ':';
  const char kind = colon && operation.size() > 1 ? operation[1] : operation[0];
  if (kind != '-' && kind != '=' && kind != '?') {
    Remark(begin, end, "an expansion that is not read");
    return AddUnknown(fields, LineAt(begin));
  }
  const auto found = state_.variables.find(name);
  const bool set = found != state_.variables.end();
  const bool empty = set && found->second.known &&
                     (found->second.values.empty() || found->second.values[0].bytes.empty());
  if (set && !(colon && empty)) return ExpandVariable(name, index, fields, quoted);
  if (kind == '?' || depth_ >= kMaxNesting) return AddUnknown(fields, LineAt(begin));
  const ShellText fallback = input_.Part(place + (colon ? 2 : 1), end - 1);
  const ShellText value = ShellReader(fallback, state_, depth_ + 1).ReadQuoted();
  if (!set) Remark(begin, end, "its default is taken; the environment may say otherwise");
  if (kind == '=') {
    ShellVariable assigned;
    assigned.values = {value};
    assigned.line = LineAt(begin);
    state_.variables[name] = std::move(assigned);
  }
  AddValue(value, fields, quoted);
}

void ShellReader::ReadDollar(Fields& fields, bool quoted) {
  const size_t begin = at_;
  const char next = Peek(1);
  if (next == '(') return ReadSubstitution(fields, quoted);
  if (next == '{') return ReadBraces(fields, quoted);
  if (IsNameStart(next)) {
    ++at_;
    std::string name;
    while (!AtEnd() && IsNameByte(Peek())) {
      name += Peek();
      ++at_;
    }
    return ExpandVariable(name, "", fields, quoted);
  }
  if (!quoted && next == '\'') {
    const size_t close = input_.bytes.find('\'', at_ + 2);
    const size_t escape = input_.bytes.find('\\', at_ + 2);
    if (close != std::string::npos && escape < close) {
      // \' may stand in it, so that its end is not where a quote is.
      return Fail(at_, "$'...' with escapes is not read");
    }
    ++at_;
    return ReadSingleQuotes(fields);
  }
  if (!quoted && next == '"') {
    ++at_;
    return ReadDoubleQuotes(fields);
  }
  if (absl::ascii_isdigit(static_cast<unsigned char>(next)) ||
      (next != '\0' && absl::string_view("@*#?$!-").find(next) != absl::string_view::npos)) {
    at_ += 2;
    return AddUnknown(fields, LineAt(begin));
  }
  fields.AddByte('$', LineAt(at_));
  ++at_;
}

void ShellReader::ReadSingleQuotes(Fields& fields) {
  const size_t begin = at_++;
  fields.has_current = true;
  while (!AtEnd() && Peek() != '\'') {
    fields.AddByte(Peek(), LineAt(at_));
    ++at_;
  }
  if (at_ >= input_.bytes.size()) return Fail(begin, "' is never closed");
  ++at_;
}

void ShellReader::ReadDoubleQuotes(Fields& fields) {
  const size_t begin = at_++;
  // "${A[@]}" of an empty array is no word; any other pair of quotes is one.
  const size_t close = std::min(input_.bytes.find('"', at_), input_.bytes.size());
  const absl::string_view inner = absl::string_view(input_.bytes).substr(at_, close - at_);
  const bool elements_only = absl::StartsWith(inner, "${") && absl::EndsWith(inner, "[@]}");
  fields.has_current = fields.has_current || !elements_only;
  while (!AtEnd() && Peek() != '"') {
    const char c = Peek();
    if (c == '\\') {
      const char next = Peek(1);
      if (next == '\n') {
        at_ += 2;
      } else if (next == '$' || next == '`' || next == '"' || next == '\\') {
        fields.AddByte(next, LineAt(at_));
        at_ += 2;
      } else {
        fields.AddByte('\\', LineAt(at_));
        ++at_;
      }
    } else if (c == '$') {
      ReadDollar(fields, /*quoted=*/true);
    } else if (c == '`') {
      ReadBackticks(fields);
    } else {
      fields.AddByte(c, LineAt(at_));
      ++at_;
    }
  }
  if (at_ >= input_.bytes.size()) return Fail(begin, "\" is never closed");
  ++at_;
}

std::vector<ShellText> ShellReader::ReadWord(bool split) {
  Fields fields;
  fields.split = split;
  while (!AtEnd()) {
    const char c = Peek();
    if (c == '\\') {
      if (Peek(1) == '\n') {
        at_ += 2;
        continue;
      }
      if (at_ + 1 < input_.bytes.size()) fields.AddByte(Peek(1), LineAt(at_));
      at_ += 2;
    } else if ((c == '<' || c == '>') && Peek(1) == '(') {
      const size_t begin = at_;
      at_ = Closing(at_ + 1, '(', ')');
      Remark(begin, at_, "process substitution");
      AddUnknown(fields, LineAt(begin));
    } else if (EndsWord(c)) {
      break;
    } else if (c == '\'') {
      ReadSingleQuotes(fields);
    } else if (c == '"') {
      ReadDoubleQuotes(fields);
    } else if (c == '`') {
      ReadBackticks(fields);
    } else if (c == '$') {
      ReadDollar(fields, /*quoted=*/false);
    } else {
      fields.AddByte(c, LineAt(at_));
      ++at_;
    }
  }
  fields.Finish();
  return std::move(fields.done);
}

ShellText ShellReader::ReadQuoted() {
  Fields fields;
  fields.split = false;
  while (!AtEnd()) {
    const char c = Peek();
    if (c == '$') {
      ReadDollar(fields, /*quoted=*/true);
    } else if (c == '`') {
      ReadBackticks(fields);
    } else if (c == '"') {
      ReadDoubleQuotes(fields);
    } else if (c == '\\' && at_ + 1 < input_.bytes.size()) {
      if (Peek(1) != '\n') fields.AddByte(Peek(1), LineAt(at_));
      at_ += 2;
    } else {
      fields.AddByte(c, LineAt(at_));
      ++at_;
    }
  }
  return std::move(fields.current);
}

}  // namespace rhumb::launch
