// SPDX-License-Identifier: Apache-2.0
// ParseJson. The only file of this folder that includes nlohmann (seconds to compile).
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/config/document.h"

namespace rhumb {
namespace {

// Builds the tree from the parser's events, so that a repeated key, an endless nesting and a number
// out of range are refused where they stand; the library's own tree would keep the last, recurse,
// and throw.
class DocumentBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add({}); }
  bool boolean(bool given) override {
    DocumentValue value;
    value.kind = ValueKind::kBool;
    value.boolean = given;
    return Add(std::move(value));
  }
  bool number_integer(number_integer_t given) override {
    DocumentValue value;
    value.kind = ValueKind::kInteger;
    value.integer = given;
    value.number = static_cast<double>(given);
    return Add(std::move(value));
  }
  bool number_unsigned(number_unsigned_t given) override {
    if (given <= static_cast<number_unsigned_t>(std::numeric_limits<int64_t>::max())) {
      return number_integer(static_cast<int64_t>(given));
    }
    return number_float(static_cast<double>(given), {});
  }
  bool number_float(number_float_t given, const string_t&) override {
    DocumentValue value;
    value.kind = ValueKind::kNumber;
    value.number = given;
    return Add(std::move(value));
  }
  bool string(string_t& given) override {
    DocumentValue value;
    value.kind = ValueKind::kText;
    value.text = std::move(given);
    return Add(std::move(value));
  }
  bool binary(binary_t&) override { return Fail("binary values are not allowed"); }
  bool start_object(std::size_t) override { return Open(ValueKind::kTable); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(ValueKind::kList); }
  bool end_array() override { return Close(); }
  bool key(string_t& given) override {
    if (given_keys_.back().count(given) > 0) {
      return Fail(absl::StrCat("key \"", absl::CHexEscape(given), "\" is given twice"));
    }
    given_keys_.back().insert(given);
    open_.back().keys.push_back(given);
    return true;
  }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 3: syntax error ...": the
    // name says nothing.
    const std::string what = error.what();
    const size_t end_of_name = what.find("] ");
    error_ = end_of_name == std::string::npos ? what : what.substr(end_of_name + 2);
    return false;
  }

  const std::string& error() const { return error_; }
  DocumentValue TakeRoot() { return std::move(root_); }

 private:
  bool Fail(std::string message) {
    error_ = std::move(message);
    return false;
  }
  bool Add(DocumentValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool Open(ValueKind kind) {
    if (open_.size() >= static_cast<size_t>(kMaxDocumentDepth)) {
      return Fail(absl::StrCat("nested deeper than ", kMaxDocumentDepth));
    }
    DocumentValue value;
    value.kind = kind;
    open_.push_back(std::move(value));
    given_keys_.emplace_back();
    return true;
  }
  bool Close() {
    DocumentValue value = std::move(open_.back());
    open_.pop_back();
    given_keys_.pop_back();
    return Add(std::move(value));
  }

  std::vector<DocumentValue> open_;
  std::vector<std::set<std::string>> given_keys_;
  DocumentValue root_;
  std::string error_;
};

}  // namespace

absl::StatusOr<DocumentValue> ParseJson(absl::string_view text) {
  DocumentBuilder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return absl::InvalidArgumentError(absl::StrCat("not valid JSON: ", builder.error()));
  }
  DocumentValue root = builder.TakeRoot();
  if (root.kind != ValueKind::kTable) {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON must be one object {...}, got ", root.Shown()));
  }
  return root;
}

}  // namespace rhumb
