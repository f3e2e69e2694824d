// SPDX-License-Identifier: Apache-2.0
#include "client/launch/named_files.h"

#include <utility>

#include "client/config/utf8.h"

namespace rhumb::launch {

std::optional<Fact<std::string>> NamedFiles::Name(const ScriptFlag& flag, RemediesOf remedies) {
  std::vector<NotRead> refused;
  std::optional<Fact<std::string>> name = TextValue(flag, {}, refused);
  for (NotRead& item : refused) Missing(std::move(item), remedies);
  return name;
}

void NamedFiles::Read(const Fact<std::string>& name,
                      const std::function<absl::Status(absl::string_view text)>& parse,
                      RemediesOf remedies) {
  const absl::StatusOr<std::string> text = read_file_(name.value);
  const absl::Status status = text.ok() ? parse(ToUtf8(*text)) : text.status();
  if (status.ok()) return;
  Missing({name.line, name.text, std::string(status.message())}, remedies);
}

void NamedFiles::Remark(JobFacts& facts) const {
  for (const Unread& unread : unread_) {
    NotRead& item = facts.not_read.emplace_back(unread.item);
    item.remedies = unread.remedies(facts);
  }
}

}  // namespace rhumb::launch
