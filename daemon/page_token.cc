// SPDX-License-Identifier: Apache-2.0
#include "daemon/page_token.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/rpc_status.h"

namespace rhumb::daemon {

std::string PageTokenOf(const ListPosition& position) {
  return absl::WebSafeBase64Escape(absl::StrCat("1|", position.time_ns, "|", position.name));
}

absl::StatusOr<std::optional<ListPosition>> ParsePageToken(absl::string_view token) {
  if (token.empty()) return std::nullopt;
  std::string text;
  ListPosition position;
  if (absl::WebSafeBase64Unescape(token, &text)) {
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('|', 2));
    int64_t time_ns = 0;
    if (parts.size() == 3 && parts[0] == "1" && absl::SimpleAtoi(parts[1], &time_ns)) {
      return ListPosition{time_ns, parts[2]};
    }
  }
  return FieldError("page_token", "must be the next_page_token of an earlier answer");
}

}  // namespace rhumb::daemon
