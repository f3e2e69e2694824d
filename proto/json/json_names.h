// SPDX-License-Identifier: Apache-2.0
// Names shared by the JSON printer and reader: enum values without their type prefix, nearest keys.
#ifndef RHUMB_PROTO_JSON_JSON_NAMES_H_
#define RHUMB_PROTO_JSON_JSON_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb {

// "LOSS" for OBJECTIVE_LOSS of enum Objective; the whole name where it does not carry the prefix.
std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value);

// The value called `name`, short or long form, or nullptr.
const google::protobuf::EnumValueDescriptor* FindEnumValue(
    const google::protobuf::EnumDescriptor& type, absl::string_view name);

// Short names of all values but the unspecified one, joined by ", ".
std::string EnumChoices(const google::protobuf::EnumDescriptor& type);

// Up to `count` of `known`, nearest first by edit distance; ties keep the order of `known`.
std::vector<std::string> NearestNames(absl::string_view name, const std::vector<std::string>& known,
                                      int count);

}  // namespace rhumb

#endif  // RHUMB_PROTO_JSON_JSON_NAMES_H_
