// SPDX-License-Identifier: Apache-2.0
// Reads typed fields out of one table of a Document. The first thing wrong is kept and every later
// read returns its default, so that callers read all fields in a row and look at status() once.
#ifndef RHUMB_CLIENT_CONFIG_FIELD_READER_H_
#define RHUMB_CLIENT_CONFIG_FIELD_READER_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/config/document.h"

namespace rhumb {

// Whether a number may stand in quotes.
enum class QuotedNumbers {
  kRefused,  // a Hugging Face config: text is a mistake
  kPlain,    // JSON of Rhumb: "12" is 12, as protobuf writes int64
  kHuman     // TOML: "128K" is 128000
};

class FieldReader {
 public:
  // Names of one field, the first of them for messages when none is given.
  using Names = std::initializer_list<absl::string_view>;

  // `table` must outlive the reader. `prefix` stands before field names in messages ("pools[2].").
  FieldReader(const DocumentValue& table, absl::string_view prefix, QuotedNumbers quoted_numbers);

  // Integers in [min, 1e9]. A field that is null counts as absent for the optional forms only.
  int64_t Integer(Names names, int64_t min);
  int64_t IntegerOr(Names names, int64_t min, int64_t default_value);
  std::optional<int64_t> OptionalInteger(Names names, int64_t min, int64_t max = kMaxInteger);
  // Finite numbers >= 0.
  std::optional<double> OptionalNumber(Names names);
  // US dollars >= 0: a number or, in TOML, a text such as "$2.5".
  std::optional<double> OptionalUsd(Names names);
  // Seconds > 0: a number, or a text such as "24h".
  std::optional<double> OptionalDuration(Names names);
  bool FlagOr(Names names, bool default_value);
  // Not empty.
  std::string Text(Names names);
  std::optional<std::string> OptionalText(Names names);
  // The list called `name`, or null if it is absent.
  const DocumentValue* OptionalList(absl::string_view name);

  // Fails unless every key of the table is one of `allowed`; the message lists them.
  void RefuseUnknownKeys(const std::vector<absl::string_view>& allowed);

  // Records `message` at the position of `name`, unless something was wrong before.
  void Fail(absl::string_view name, absl::string_view message);

  // INVALID_ARGUMENT: "[line 3, column 1: ]num_layers must be an integer from 1 to 1000000000, got
  // "32"".
  const absl::Status& status() const { return status_; }

  static constexpr int64_t kMaxInteger = 1'000'000'000;

 private:
  struct Found {
    absl::string_view name;
    const DocumentValue* value;  // null: absent
  };
  Found Find(Names names) const;
  Found FindUnlessNull(Names names) const;
  int64_t ReadInteger(const Found& found, int64_t min, int64_t max);
  // Records "[line, column: ]message"; FailField puts the prefix of the table in between.
  void FailAt(const DocumentValue* where, absl::string_view message);
  void FailField(const DocumentValue* where, absl::string_view message);

  const DocumentValue& table_;
  const std::string prefix_;
  const QuotedNumbers quoted_numbers_;
  absl::Status status_;
};

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_FIELD_READER_H_
