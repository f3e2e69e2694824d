// SPDX-License-Identifier: Apache-2.0
#include "proto/json/json_tree.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace rhumb {
namespace {

// Deeper input is refused: recursion must not reach the end of the stack. The deepest message has
// five levels.
constexpr size_t kMaxDepth = 64;

constexpr char kPathPayload[] = "rhumb.json/path";

// Builds the tree of values; keeps the path, so that an error inside the text can be told by field.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add({}); }
  bool boolean(bool flag) override {
    JsonValue value{.kind = JsonValue::Kind::kBool};
    value.flag = flag;
    return Add(std::move(value));
  }
  bool number_integer(number_integer_t number) override { return AddNumber(absl::StrCat(number)); }
  bool number_unsigned(number_unsigned_t number) override {
    return AddNumber(absl::StrCat(number));
  }
  bool number_float(number_float_t, const string_t& written) override { return AddNumber(written); }
  bool string(string_t& text) override {
    JsonValue value{.kind = JsonValue::Kind::kString};
    value.text = text;
    return Add(std::move(value));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(JsonValue::Kind::kObject); }
  bool start_array(std::size_t) override { return Open(JsonValue::Kind::kArray); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    for (const auto& [known, value] : open_.back().members) {
      if (known == name) {
        status_ = RefuseJson(PathOf(open_.size()),
                             absl::StrCat("has the key \"", ExcerptOfJson(name), "\" twice"));
        return false;
      }
    }
    open_.back().members.emplace_back(name, JsonValue{});
    return true;
  }
  bool parse_error(std::size_t, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    if (error.id == 406) {  // number overflow; the text says only the number
      status_ = RefuseJson(PathOf(open_.size() + 1),
                           absl::StrCat("must be a finite number, got ", ExcerptOfJson(token)));
      return false;
    }
    std::string what =
        error.what();  // "[json.exception.parse_error.101] parse error at line 1, ..."
    if (const size_t end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    what.resize(std::min<size_t>(what.size(), 300));
    // It quotes what was read last, byte by byte, which need not be text.
    std::replace_if(
        what.begin(), what.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
        '?');
    status_ = absl::InvalidArgumentError(absl::StrCat("not JSON: ", what));
    return false;
  }

  absl::Status status() const { return status_; }
  JsonValue TakeRoot() { return std::move(root_); }

 private:
  bool AddNumber(std::string written) {
    JsonValue value{.kind = JsonValue::Kind::kNumber};
    value.text = std::move(written);
    return Add(std::move(value));
  }

  bool Add(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().kind == JsonValue::Kind::kArray) {
      open_.back().items.push_back(std::move(value));
    } else {
      open_.back().members.back().second = std::move(value);
    }
    return true;
  }

  bool Open(JsonValue::Kind kind) {
    if (open_.size() == kMaxDepth) {
      status_ =
          RefuseJson(PathOf(open_.size() + 1), absl::StrCat("is nested deeper than ", kMaxDepth));
      return false;
    }
    open_.push_back(JsonValue{.kind = kind});
    return true;
  }

  bool Close() {
    JsonValue done = std::move(open_.back());
    open_.pop_back();
    return Add(std::move(done));
  }

  // Path of the value that level `level` of the open containers is about to hold or holds.
  std::string PathOf(size_t level) const {
    std::string path;
    for (size_t i = 0; i + 1 < level && i < open_.size(); ++i) {
      if (open_[i].kind == JsonValue::Kind::kArray) {
        absl::StrAppend(&path, "[", open_[i].items.size(), "]");
      } else if (!open_[i].members.empty()) {
        path = JoinJsonPath(path, open_[i].members.back().first);
      }
    }
    return path;
  }

  std::vector<JsonValue> open_;
  JsonValue root_;
  absl::Status status_;
};

}  // namespace

std::string JoinJsonPath(absl::string_view path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

absl::Status RefuseJson(absl::string_view path, absl::string_view problem) {
  absl::Status status =
      absl::InvalidArgumentError(absl::StrCat(path.empty() ? "the JSON text" : path, " ", problem));
  if (!path.empty()) status.SetPayload(kPathPayload, absl::Cord(path));
  return status;
}

std::string PathOfRefusal(const absl::Status& status) {
  return std::string(status.GetPayload(kPathPayload).value_or(absl::Cord()));
}

std::string ExcerptOfJson(absl::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return std::string(text);
  size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

std::string DescribeJson(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBool:
      return value.flag ? "true" : "false";
    case JsonValue::Kind::kNumber:
      return ExcerptOfJson(value.text);
    case JsonValue::Kind::kString:
      return absl::StrCat("\"", ExcerptOfJson(value.text), "\"");
    case JsonValue::Kind::kArray:
      return "an array";
    case JsonValue::Kind::kObject:
      return "an object";
  }
  return "";
}

absl::StatusOr<JsonValue> ParseJsonTree(absl::string_view text) {
  TreeBuilder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return builder.status().ok() ? absl::InvalidArgumentError("not JSON") : builder.status();
  }
  return builder.TakeRoot();
}

}  // namespace rhumb
