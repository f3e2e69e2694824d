// SPDX-License-Identifier: Apache-2.0
// The reader behind shell_script.h: one pass in the order in which a shell would read, so that a
// variable has the value it was last given.
#ifndef RHUMB_CLIENT_LAUNCH_SHELL_READER_H_
#define RHUMB_CLIENT_LAUNCH_SHELL_READER_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/launch/shell_script.h"

namespace rhumb::launch {

// Bytes that know their lines, through variables and arrays too.
struct ShellText {
  std::string bytes;
  std::vector<int> lines;  // of each byte

  void Add(char byte, int line) {
    bytes += byte;
    lines.push_back(line);
  }
  void Add(const ShellText& text) {
    bytes += text.bytes;
    lines.insert(lines.end(), text.lines.begin(), text.lines.end());
  }
  ShellText Part(size_t begin, size_t end) const;
};

struct ShellVariable {
  bool array = false;
  std::vector<ShellText> values;  // one unless it is an array
  bool known = true;
  int line = 0;
};

using ShellVariables = std::map<std::string, ShellVariable>;

// What one reading and the readings of texts inside it (`bash -c`, `${A:-text}`) share.
struct ShellState {
  ShellVariables variables;
  ShellReading reading;
  size_t expanded_bytes = 0;
  absl::Status failure;  // the first
};

class ShellReader {
 public:
  // Reads `input`; `prefix` stands before each command of it (`srun ... bash -c`).
  ShellReader(const ShellText& input, ShellState& state, int depth,
              std::vector<ShellWord> prefix = {}, std::string inside = "");

  // All commands of the input, into the state's reading.
  void ReadCommands();

  // The whole input as one text inside double quotes.
  ShellText ReadQuoted();

 private:
  // A word while it is read: the fields it falls into.
  struct Fields {
    std::vector<ShellText> done;
    ShellText current;
    bool has_current = false;
    bool split = true;  // unquoted expansions fall apart at blanks

    void AddByte(char byte, int line) {
      current.Add(byte, line);
      has_current = true;
    }
    void Finish();
    // The value of an unquoted expansion.
    void AddSplit(const ShellText& text);
    // The elements of "${A[@]}".
    void AddElements(const std::vector<ShellText>& elements);
  };

  // --- shell_script.cc: commands
  void ReadCommand();
  bool ReadKeyword();
  bool ReadAssignment();
  void Assign(const std::string& name, bool append, ShellVariable value);
  void ReadArray(ShellVariable& value);
  bool ReadRedirection();
  void SkipHereDocuments();
  void FinishCommand(std::vector<ShellText> words, int line);
  void Push(const std::string& keyword);
  void Pop();
  std::string Inside() const;

  // --- shell_expand.cc: words
  std::vector<ShellText> ReadWord(bool split);
  void ReadDollar(Fields& fields, bool quoted);
  void ReadBraces(Fields& fields, bool quoted);
  void ReadSubstitution(Fields& fields, bool quoted);
  void ReadArithmetic(Fields& fields, bool quoted);
  void ReadSingleQuotes(Fields& fields);
  void ReadDoubleQuotes(Fields& fields);
  void ReadBackticks(Fields& fields);
  void ExpandVariable(const std::string& name, absl::string_view index, Fields& fields,
                      bool quoted);
  void AddUnknown(Fields& fields, int line);
  void AddValue(const ShellText& value, Fields& fields, bool quoted);
  std::optional<int64_t> IntegerOf(const std::string& name) const;
  // Place behind the bracket that closes the one at `begin`; quotes are passed over, single ones
  // where `apostrophes` says that they are quotes.
  size_t Closing(size_t begin, char open, char close, bool apostrophes = true);
  // Source text of a remark, on one line.
  std::string Excerpt(size_t begin, size_t end) const;
  void Remark(size_t begin, size_t end, absl::string_view reason);
  void Fail(size_t at, absl::string_view what);
  bool Charge(size_t bytes);

  bool AtEnd() const { return at_ >= input_.bytes.size() || !state_.failure.ok(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < input_.bytes.size() ? input_.bytes[at_ + ahead] : '\0';
  }
  int LineAt(size_t at) const;

  const ShellText& input_;
  ShellState& state_;
  int depth_;
  std::vector<ShellWord> prefix_;
  std::string outer_;
  size_t at_ = 0;
  std::vector<std::string> compounds_;
  std::vector<std::string> here_documents_;  // delimiters whose texts follow the line
  bool conditional_ = false;                 // behind && or ||
  bool function_follows_ = false;
};

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_SHELL_READER_H_
