// SPDX-License-Identifier: Apache-2.0
#include "proto/json/json_tree.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace rhumb {
namespace {

// Deeper input is refused: recursion must not reach the end of the stack. The deepest message has
// five levels.
constexpr size_t kMaxDepth = 64;
// A value takes a hundred bytes, whatever it says: what a text may cost is bounded by more than its
// length. A message of 16 MiB that says something has fewer.
constexpr size_t kMaxValueCount = 500'000;
// No message has as many fields, and each key is compared with those before it.
constexpr size_t kMaxKeyCount = 4096;
// So many things that are wrong are said at once.
constexpr size_t kMaxRefusalCount = 20;

constexpr char kRefusalPayload[] = "rhumb.json/refusals";
// Control characters, which Printable() takes out of what is said.
constexpr char kBetweenParts = '\x1f', kBehindRefusal = '\x1e';

// `text` fit for terminals and logs: control characters become '?'.
std::string Printable(absl::string_view text) {
  std::string printable(text);
  for (char& c : printable) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return printable;
}

std::string TextOf(const JsonRefusal& refusal) {
  return absl::StrCat(refusal.path.empty() ? "the JSON text" : refusal.path, " ", refusal.problem);
}

void AppendRefusal(const JsonRefusal& refusal, std::string& payload) {
  absl::StrAppend(&payload, refusal.path, std::string(1, kBetweenParts), refusal.problem,
                  std::string(1, kBehindRefusal));
}

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
    if (open_.back().members.size() == kMaxKeyCount) {
      status_ =
          RefuseJson(PathOf(open_.size()), absl::StrCat("has more than ", kMaxKeyCount, " keys"));
      return false;
    }
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
    if (++value_count_ > kMaxValueCount) {
      status_ = RefuseJson("", absl::StrCat("has more than ", kMaxValueCount, " values"));
      return false;
    }
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
  size_t value_count_ = 0;
  JsonValue root_;
  absl::Status status_;
};

}  // namespace

std::string JoinJsonPath(absl::string_view path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

absl::Status RefuseJson(absl::string_view path, absl::string_view problem) {
  const JsonRefusal refusal = {Printable(path), Printable(problem)};
  std::string payload;
  AppendRefusal(refusal, payload);
  absl::Status status = absl::InvalidArgumentError(TextOf(refusal));
  status.SetPayload(kRefusalPayload, absl::Cord(payload));
  return status;
}

absl::Status JoinRefusals(const std::vector<absl::Status>& refusals) {
  if (refusals.empty()) return absl::OkStatus();
  if (refusals.size() == 1) return refusals.front();
  std::vector<JsonRefusal> all;
  for (const absl::Status& each : refusals) {
    for (JsonRefusal& refusal : RefusalsOf(each)) all.push_back(std::move(refusal));
  }
  all.resize(std::min(all.size(), kMaxRefusalCount));
  std::string payload;
  std::vector<std::string> texts;
  for (const JsonRefusal& each : all) {
    AppendRefusal(each, payload);
    texts.push_back(TextOf(each));
  }
  absl::Status joined = absl::InvalidArgumentError(absl::StrJoin(texts, "; "));
  joined.SetPayload(kRefusalPayload, absl::Cord(payload));
  return joined;
}

std::vector<JsonRefusal> RefusalsOf(const absl::Status& status) {
  const std::string payload(status.GetPayload(kRefusalPayload).value_or(absl::Cord()));
  std::vector<JsonRefusal> refusals;
  for (const absl::string_view each : absl::StrSplit(payload, kBehindRefusal, absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(each, absl::MaxSplits(kBetweenParts, 1));
    refusals.push_back({std::string(parts.first), std::string(parts.second)});
  }
  return refusals;
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
