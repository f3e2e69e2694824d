// SPDX-License-Identifier: Apache-2.0
// Opaque page tokens: a position in a list, so that rows added or deleted meanwhile shift nothing.
#ifndef RHUMB_DAEMON_PAGE_TOKEN_H_
#define RHUMB_DAEMON_PAGE_TOKEN_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/store.h"

namespace rhumb::daemon {

std::string PageTokenOf(const ListPosition& position);

// nullopt for an empty token (the first page); InvalidArgument for field page_token if we did not
// make it.
absl::StatusOr<std::optional<ListPosition>> ParsePageToken(absl::string_view token);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_PAGE_TOKEN_H_
