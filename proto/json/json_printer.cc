// SPDX-License-Identifier: Apache-2.0
#include "proto/json/json_printer.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "proto/json/json_names.h"

namespace rhumb {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

template <typename Float>
std::string ShortestNumber(Float value) {
  if (!std::isfinite(value)) return "null";
  // "-0" would come back as the integer 0.
  if (value == 0) return std::signbit(value) ? "-0.0" : "0";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end.ptr);
}

// Length of the valid UTF-8 sequence at text[i], 0 if there is none.
size_t SequenceLength(const std::string& text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(i);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(i + 1);
  // Overlong forms, surrogates, and beyond U+10FFFF.
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  return length;
}

// RFC 3339 in UTC with as many of 0, 3, 6 or 9 decimals as the instant needs.
std::string FormatInstant(int64_t seconds, int64_t nanos) {
  const absl::CivilSecond civil =
      absl::ToCivilSecond(absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
  std::string text = absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", civil.year(), civil.month(),
                                     civil.day(), civil.hour(), civil.minute(), civil.second());
  if (nanos != 0) {
    std::string decimals = absl::StrFormat(".%09d", nanos);
    while (decimals.size() > 4 && decimals.compare(decimals.size() - 3, 3, "000") == 0) {
      decimals.resize(decimals.size() - 3);
    }
    text += decimals;
  }
  return text + 'Z';
}

class Printer {
 public:
  explicit Printer(const JsonPrintOptions& options) : indent_(std::max(options.indent, 0)) {}

  void PrintMessage(const Message& message) {
    if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
      PrintTimestamp(message);
      return;
    }
    if (message.GetDescriptor() == google::protobuf::ListValue::descriptor()) {
      PrintRepeated(message, *message.GetDescriptor()->field(0));
      return;
    }
    if (message.GetDescriptor() == google::protobuf::Struct::descriptor()) {
      PrintMap(message, *message.GetDescriptor()->field(0));
      return;
    }
    if (message.GetDescriptor() == google::protobuf::Value::descriptor()) {
      PrintAnyValue(message);
      return;
    }
    const Reflection& reflection = *message.GetReflection();
    Open('{');
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (field.has_presence() && !reflection.HasField(message, &field)) continue;
      Key(field.name());
      if (field.is_map()) {
        PrintMap(message, field);
      } else if (field.is_repeated()) {
        PrintRepeated(message, field);
      } else {
        PrintValue(message, field, -1);
      }
    }
    Close('}');
  }

  std::string Take() { return std::move(out_); }

 private:
  // A Timestamp of a dynamic or generated message alike: read through its own descriptor.
  void PrintTimestamp(const Message& message) {
    const Reflection& reflection = *message.GetReflection();
    const auto& descriptor = *message.GetDescriptor();
    out_ += '"';
    out_ += FormatInstant(reflection.GetInt64(message, descriptor.FindFieldByNumber(1)),
                          reflection.GetInt32(message, descriptor.FindFieldByNumber(2)));
    out_ += '"';
  }

  // google.protobuf.Value: the JSON value it holds.
  void PrintAnyValue(const Message& message) {
    const FieldDescriptor* set = message.GetReflection()->GetOneofFieldDescriptor(
        message, message.GetDescriptor()->oneof_decl(0));
    if (set == nullptr || set->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      out_ += "null";
    } else {
      PrintValue(message, *set, -1);
    }
  }

  void PrintRepeated(const Message& message, const FieldDescriptor& field) {
    Open('[');
    const int size = message.GetReflection()->FieldSize(message, &field);
    for (int i = 0; i < size; ++i) {
      Separate();
      PrintValue(message, field, i);
    }
    Close(']');
  }

  void PrintMap(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const FieldDescriptor& value_field = *field.message_type()->map_value();
    std::vector<std::pair<std::string, const Message*>> entries;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      Printer key(JsonPrintOptions{});
      if (key_field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        entries.emplace_back(entry.GetReflection()->GetString(entry, &key_field), &entry);
      } else {
        key.PrintValue(entry, key_field, -1);
        entries.emplace_back(key.Take(), &entry);
      }
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    Open('{');
    for (const auto& [key, entry] : entries) {
      Key(key);
      PrintValue(*entry, value_field, -1);
    }
    Close('}');
  }

  // Element `index` of a repeated field, or the value of a singular one for index = -1.
  void PrintValue(const Message& message, const FieldDescriptor& field, int index) {
    const Reflection& r = *message.GetReflection();
    const bool one = index < 0;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        absl::StrAppend(
            &out_, one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index));
        return;
      case FieldDescriptor::CPPTYPE_INT64:
        absl::StrAppend(
            &out_, one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index));
        return;
      case FieldDescriptor::CPPTYPE_UINT32:
        absl::StrAppend(&out_, one ? r.GetUInt32(message, &field)
                                   : r.GetRepeatedUInt32(message, &field, index));
        return;
      case FieldDescriptor::CPPTYPE_UINT64:
        absl::StrAppend(&out_, one ? r.GetUInt64(message, &field)
                                   : r.GetRepeatedUInt64(message, &field, index));
        return;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        out_ += ShortestNumber(one ? r.GetDouble(message, &field)
                                   : r.GetRepeatedDouble(message, &field, index));
        return;
      case FieldDescriptor::CPPTYPE_FLOAT:
        out_ += ShortestNumber(one ? r.GetFloat(message, &field)
                                   : r.GetRepeatedFloat(message, &field, index));
        return;
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ += (one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index))
                    ? "true"
                    : "false";
        return;
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int number =
            one ? r.GetEnumValue(message, &field) : r.GetRepeatedEnumValue(message, &field, index);
        const auto* value = field.enum_type()->FindValueByNumber(number);
        out_ += value != nullptr ? QuoteJson(ShortEnumName(*value)) : absl::StrCat(number);
        return;
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text =
            one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
        out_ += QuoteJson(field.type() == FieldDescriptor::TYPE_BYTES ? absl::Base64Escape(text)
                                                                      : text);
        return;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        PrintMessage(one ? r.GetMessage(message, &field)
                         : r.GetRepeatedMessage(message, &field, index));
        return;
    }
  }

  void Open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void Close(char bracket) {
    --depth_;
    if (!first_) NewLine();
    out_ += bracket;
    first_ = false;
  }
  void Separate() {
    if (!first_) out_ += ',';
    NewLine();
    first_ = false;
  }
  void Key(const std::string& name) {
    Separate();
    out_ += QuoteJson(name);
    out_ += indent_ > 0 ? ": " : ":";
  }
  void NewLine() {
    if (indent_ == 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(depth_) * indent_, ' ');
  }

  int indent_;
  int depth_ = 0;
  bool first_ = true;
  std::string out_;
};

}  // namespace

std::string QuoteJson(const std::string& text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
      absl::StrAppend(&out, absl::StrFormat("\\u%04x", static_cast<unsigned>(c)));
    } else {
      out.append(text, i, length);
    }
    i += length;
  }
  out += '"';
  return out;
}

std::string PrintJsonNumber(double value) { return ShortestNumber(value); }

std::string PrintJson(const Message& message, const JsonPrintOptions& options) {
  Printer printer(options);
  printer.PrintMessage(message);
  return printer.Take();
}

}  // namespace rhumb
