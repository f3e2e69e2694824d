// SPDX-License-Identifier: Apache-2.0
// Commands: what is assigned, what runs, and what may not.
#include "client/launch/shell_script.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/launch/shell_reader.h"

namespace rhumb::launch {
namespace {

constexpr int kMaxDepth = 8;  // of `bash -c` in `bash -c`
constexpr size_t kMaxWords = 100000;

bool IsNameStart(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsNameByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Builtins whose arguments are assignments too.
bool Declares(const std::string& word) {
  return word == "export" || word == "declare" || word == "typeset" || word == "local" ||
         word == "readonly";
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

ShellReader::ShellReader(const ShellText& input, ShellState& state, int depth,
                         std::vector<ShellWord> prefix, std::string inside)
    : input_(input),
      state_(state),
      depth_(depth),
      prefix_(std::move(prefix)),
      outer_(std::move(inside)) {}

std::string ShellReader::Inside() const {
  for (const std::string& compound : compounds_) {
    if (compound != "{") return compound;
  }
  return outer_;
}

void ShellReader::Push(const std::string& keyword) { compounds_.push_back(keyword); }

void ShellReader::Pop() {
  if (!compounds_.empty()) compounds_.pop_back();
}

// At the beginning of a command: consumes a word that opens or closes a compound one.
bool ShellReader::ReadKeyword() {
  size_t end = at_;
  while (end < input_.bytes.size() &&
         absl::ascii_islower(static_cast<unsigned char>(input_.bytes[end]))) {
    ++end;
  }
  std::string word = input_.bytes.substr(at_, end - at_);
  if (word.empty() && (Peek() == '{' || Peek() == '}' || Peek() == '!')) {
    word = std::string(1, Peek());
    end = at_ + 1;
  }
  const char after = end < input_.bytes.size() ? input_.bytes[end] : '\n';
  if (word.empty() || !(after == ' ' || after == '\t' || after == '\n' || after == ';' ||
                        after == ')' || (word == "}" && after != '=')))
    return false;
  const size_t begin = at_;
  if (word == "if" || word == "for" || word == "while" || word == "until" || word == "case" ||
      word == "select") {
    if (Inside().empty()) {
      const size_t line_end = std::min(input_.bytes.find('\n', at_), input_.bytes.size());
      Remark(begin, line_end,
             absl::StrCat("what stands in \"", word, "\" may not run, or not once"));
    }
    Push(word);
    at_ = end;
    // The names that a loop runs over its values with, and the words of a case, are no commands.
    if (word == "for" || word == "case" || word == "select") {
      while (!AtEnd() && Peek() != '\n' && Peek() != ';') {
        if (word == "case" && input_.bytes.compare(at_, 3, " in") == 0 && !IsNameByte(Peek(3))) {
          at_ += 3;
          break;
        }
        if (Peek() == '\'' || Peek() == '"' || Peek() == '$' || Peek() == '`') {
          if (ReadWord(false).empty() && Peek() == '\n') break;
        } else {
          if (word != "case" && IsNameStart(Peek())) {
            std::string name;
            while (!AtEnd() && IsNameByte(Peek())) {
              name += Peek();
              ++at_;
            }
            if (name != "in") state_.variables[name].known = false;
          } else {
            ++at_;
          }
        }
      }
    }
    return true;
  }
  if (word == "fi" || word == "done" || word == "esac" || word == "}") {
    Pop();
    at_ = end;
    return true;
  }
  if (word == "then" || word == "elif" || word == "else" || word == "do" || word == "!" ||
      word == "time") {
    at_ = end;
    return true;
  }
  if (word == "{") {
    Push(function_follows_ ? "function" : "{");
    function_follows_ = false;
    at_ = end;
    return true;
  }
  if (word == "function") {
    at_ = end;
    while (!AtEnd() && Peek() != '{' && Peek() != '\n' && Peek() != ';') ++at_;
    function_follows_ = true;
    return true;
  }
  return false;
}

void ShellReader::Assign(const std::string& name, bool append, ShellVariable value) {
  if (!Inside().empty() || conditional_) value.known = false;
  ShellVariable& variable = state_.variables[name];
  if (append && variable.known && value.known) {
    if (value.array) {
      variable.array = true;
      for (ShellText& element : value.values) variable.values.push_back(std::move(element));
    } else if (variable.values.empty()) {
      variable.values = std::move(value.values);
    } else {
      Charge(variable.values[0].bytes.size());
      if (!value.values.empty()) variable.values[0].Add(value.values[0]);
    }
    return;
  }
  if (append) value.known = false;
  variable = std::move(value);
}

// "( word ... )", at the bracket.
void ShellReader::ReadArray(ShellVariable& value) {
  const size_t begin = at_++;
  value.array = true;
  while (!AtEnd()) {
    const char c = Peek();
    if (c == ')') {
      ++at_;
      return;
    }
    if (c == '#') {
      while (!AtEnd() && Peek() != '\n') ++at_;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      ++at_;
    } else if (c == '\\' && Peek(1) == '\n') {
      at_ += 2;
    } else if (c == '[' || c == '(' || c == ';' || c == '&' || c == '|' || c == '<' || c == '>') {
      const size_t place = at_;
      at_ = Closing(begin, '(', ')');
      Remark(
          begin, at_,
          absl::StrCat("an array with \"", std::string(1, input_.bytes[place]), "\" is not read"));
      value.known = false;
      return;
    } else {
      for (ShellText& field : ReadWord(true)) value.values.push_back(std::move(field));
      if (value.values.size() > kMaxWords) return Fail(begin, "an array of too many words");
    }
  }
  Fail(begin, "\"(\" is never closed");
}

// NAME=..., NAME+=... or NAME[...]=... at this place; false if there is none.
bool ShellReader::ReadAssignment() {
  size_t place = at_;
  if (!IsNameStart(Peek())) return false;
  while (place < input_.bytes.size() && IsNameByte(input_.bytes[place])) ++place;
  const std::string name = input_.bytes.substr(at_, place - at_);
  const auto byte = [this](size_t i) { return i < input_.bytes.size() ? input_.bytes[i] : '\0'; };
  const size_t begin = at_;
  bool element = false;
  if (byte(place) == '[') {
    const size_t close = input_.bytes.find(']', place);
    const size_t line_end = input_.bytes.find('\n', place);
    if (close == std::string::npos || close > line_end) return false;
    place = close + 1;
    element = true;
  }
  const bool append = byte(place) == '+';
  if (append) ++place;
  if (byte(place) != '=') return false;
  at_ = place + 1;
  ShellVariable value;
  value.line = LineAt(begin);
  if (Peek() == '(') {
    ReadArray(value);
  } else {
    std::vector<ShellText> words = ReadWord(/*split=*/false);
    value.values.push_back(words.empty() ? ShellText() : std::move(words.front()));
  }
  if (element) value.known = false;
  if (!Inside().empty() || conditional_) {
    Remark(begin, at_, "may not be assigned: the variable's value is not known");
  }
  Assign(name, append, std::move(value));
  return true;
}

// ">file", "2>&1", "<<EOF" at this place; false if there is none.
bool ShellReader::ReadRedirection() {
  size_t place = at_;
  while (place < input_.bytes.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(input_.bytes[place]))) {
    ++place;
  }
  if (place == at_ && Peek() == '&' && Peek(1) == '>') ++place;
  if (place >= input_.bytes.size()) return false;
  const char c = input_.bytes[place];
  if (c != '<' && c != '>') return false;
  if (place == at_ && place + 1 < input_.bytes.size() && input_.bytes[place + 1] == '(') {
    return false;  // process substitution, a word
  }
  at_ = place;
  const bool here = Peek() == '<' && Peek(1) == '<' && Peek(2) != '<';
  while (Peek() == '<' || Peek() == '>' || Peek() == '&' || Peek() == '|') ++at_;
  if (here && Peek() == '-') ++at_;
  while (Peek() == ' ' || Peek() == '\t') ++at_;
  std::vector<ShellText> word = ReadWord(/*split=*/false);
  if (here && !word.empty()) here_documents_.push_back(word.front().bytes);
  return true;
}

// Behind a line's end: the texts that its commands read.
void ShellReader::SkipHereDocuments() {
  for (const std::string& delimiter : here_documents_) {
    while (at_ < input_.bytes.size()) {
      const size_t end = std::min(input_.bytes.find('\n', at_), input_.bytes.size());
      const absl::string_view line =
          absl::StripLeadingAsciiWhitespace(absl::string_view(input_.bytes).substr(at_, end - at_));
      at_ = std::min(end + 1, input_.bytes.size());
      if (line == delimiter) break;
    }
  }
  here_documents_.clear();
}

void ShellReader::FinishCommand(std::vector<ShellText> words, int line) {
  if (words.empty()) return;
  const std::string first = words[0].bytes;
  if (first == "unset" || first == "read" || first == "mapfile" || first == "readarray" ||
      first == "let" || first == "getopts" || first == "printf") {
    for (size_t i = 1; i < words.size(); ++i) {
      const std::string name = words[i].bytes.substr(0, words[i].bytes.find('='));
      const auto found = state_.variables.find(name);
      if (found != state_.variables.end()) found->second.known = false;
    }
    return;
  }
  if (first == "source" || first == "." || first == "eval") {
    std::string text = first;
    for (size_t i = 1; i < words.size(); ++i) absl::StrAppend(&text, " ", words[i].bytes);
    state_.reading.not_read.push_back({line, ShownText(text).substr(0, 60),
                                       "runs a text that is not here; variables may differ"});
    return;
  }
  std::vector<ShellWord> all = prefix_;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string shell = BaseName(words[i].bytes);
    const bool runs_text = (shell == "bash" || shell == "sh") && i + 2 < words.size() &&
                           words[i + 1].bytes.size() >= 2 && words[i + 1].bytes[0] == '-' &&
                           words[i + 1].bytes[1] != '-' && words[i + 1].bytes.back() == 'c';
    if (runs_text && depth_ < kMaxDepth) {
      // Each command of the text, with the launcher that starts the shell before it.
      ShellReader(words[i + 2], state_, depth_ + 1, all, Inside()).ReadCommands();
      return;
    }
    const int word_line = words[i].lines.empty() ? line : words[i].lines.front();
    all.push_back({words[i].bytes, word_line});
  }
  if (!Charge(all.size())) return;
  state_.reading.commands.push_back({std::move(all), line, Inside()});
}

void ShellReader::ReadCommand() {
  std::vector<ShellText> words;
  const int line = LineAt(at_);
  bool assigned = false;
  while (!AtEnd()) {
    const char c = Peek();
    if (c == ' ' || c == '\t') {
      ++at_;
    } else if (c == '\\' && Peek(1) == '\n') {
      at_ += 2;
    } else if (c == '#') {
      while (!AtEnd() && Peek() != '\n') ++at_;
    } else if (c == '\n' || c == ';' || c == '|' || c == ')' || (c == '&' && Peek(1) != '>')) {
      break;
    } else if (ReadRedirection()) {
      continue;
    } else if (c == '(') {
      if (words.size() == 1 && !assigned) {  // name ()
        at_ = Closing(at_, '(', ')');
        function_follows_ = true;
        return;
      }
      if (words.empty() && Peek(1) == '(') {
        const size_t begin = at_;
        at_ = Closing(at_, '(', ')');
        Remark(begin, at_, "arithmetic command");
        return;
      }
      Push("(");
      ++at_;
      return;
    } else if (words.empty() && !assigned && ReadKeyword()) {
      return;
    } else if ((words.empty() || Declares(words[0].bytes)) && ReadAssignment()) {
      assigned = true;
    } else {
      const size_t before = at_;
      for (ShellText& field : ReadWord(/*split=*/true)) words.push_back(std::move(field));
      if (words.size() > kMaxWords) return Fail(at_, "a command of too many words");
      if (at_ == before) ++at_;  // a byte that begins nothing
    }
  }
  if (state_.failure.ok() && !(words.size() == 1 && Declares(words[0].bytes))) {
    FinishCommand(std::move(words), line);
  }
}

void ShellReader::ReadCommands() {
  while (!AtEnd()) {
    const char c = Peek();
    if (c == '\n') {
      ++at_;
      conditional_ = false;
      SkipHereDocuments();
    } else if (c == ';') {
      ++at_;
      conditional_ = false;
    } else if (c == '&' || c == '|') {
      conditional_ = Peek(1) == c;
      at_ += Peek(1) == c ? 2 : 1;
      // A list goes on behind its operator's line.
      while (conditional_ && (Peek() == ' ' || Peek() == '\t' || Peek() == '\n')) ++at_;
    } else if (c == ')') {
      ++at_;
      if (!compounds_.empty() && compounds_.back() == "(") Pop();
    } else {
      ReadCommand();
    }
  }
}

std::string ShownText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{absl::string_view(&kUnknownPart, 1), "?"}});
}

absl::StatusOr<ShellReading> ReadShellScript(
    absl::string_view script, const std::map<std::string, std::string>& environment) {
  ShellText input;
  input.bytes.reserve(script.size());
  int line = 1;
  for (size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if (c == '\0') {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line, ": a NUL byte; a script is text"));
    }
    if (c == '\r' && i + 1 < script.size() && script[i + 1] == '\n') continue;
    input.Add(c == kUnknownPart ? '?' : c, line);
    if (c == '\n') ++line;
  }
  ShellState state;
  for (const auto& [name, value] : environment) {
    ShellVariable variable;
    ShellText text;
    for (const char c : value) text.Add(c, 0);
    variable.values = {std::move(text)};
    state.variables[name] = std::move(variable);
  }
  ShellReader(input, state, 0).ReadCommands();
  if (!state.failure.ok()) return state.failure;
  for (const auto& [name, variable] : state.variables) {
    if (!variable.known || variable.array || variable.values.size() != 1) continue;
    const std::string& value = variable.values.front().bytes;
    if (value.find(kUnknownPart) != std::string::npos) continue;
    state.reading.variables[name] = {value, variable.line};
  }
  return std::move(state.reading);
}

}  // namespace rhumb::launch
