// SPDX-License-Identifier: Apache-2.0
// A text of labelled paragraphs, the form of every answer that is not a table.
#ifndef RHUMB_CLIENT_CLI_REPORT_H_
#define RHUMB_CLIENT_CLI_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

// Joins the parts that are not empty.
std::string JoinParts(const std::vector<std::string>& parts, absl::string_view separator);

class Report {
 public:
  explicit Report(const Terminal& terminal) : terminal_(terminal) {}

  // The answer itself, over the full width, with an empty line after it.
  void Sentence(absl::string_view text, Style style);

  // A paragraph beside its label; an empty `label` continues the one before, an empty `text` adds
  // nothing.
  void Row(absl::string_view label, absl::string_view text, Style style = Style::kPlain);

  // As Row, not wrapped: for what is aligned already.
  void Line(absl::string_view label, absl::string_view text);

  // Lines that are aligned already, below the row before.
  void Block(absl::string_view text);

  // Memory of the fullest GPU by part as a bar up to the capacity, with its legend.
  void MemoryBar(const v1::MemoryPlan& memory);

  const Terminal& terminal() const { return terminal_; }
  const std::string& text() const { return text_; }

 private:
  Terminal terminal_;
  std::string text_;
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_REPORT_H_
