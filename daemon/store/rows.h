// SPDX-License-Identifier: Apache-2.0
// What the questions of the store share: bytes in BLOB columns, integers, and the rows that
// remember answered requests. Only for this folder.
#ifndef RHUMB_DAEMON_STORE_ROWS_H_
#define RHUMB_DAEMON_STORE_ROWS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"
#include "daemon/store/soci.h"

namespace rhumb::daemon {

// SOCI binds long long, which int64_t is not on Linux.
using Integer = long long;

// STRICT tables refuse text in a BLOB column: bytes go through soci::blob.
void WriteBlob(soci::blob& blob, const std::string& bytes);
std::string BlobBytes(soci::blob& blob);

// What the request made before, nullopt if it is new. AlreadyExists if its id was used with other
// content or by another method.
absl::StatusOr<std::optional<std::string>> SelectRequest(soci::session& session,
                                                         const RequestKey& key);

// Remembers the request in the transaction that does what it asks.
absl::Status InsertRequest(soci::session& session, const RequestKey& key,
                           const std::string& resource, int64_t now_ns);

// Deletes one row of `table`, one of the schema's, by name, and forgets the requests that made it,
// or with `versioned` NAME@VERSION. False if there was none.
absl::StatusOr<bool> DeleteByName(Database& database, const std::string& table,
                                  const std::string& name, bool versioned = false);

// Newest first: beyond every row.
inline ListPosition StartOf(const std::optional<ListPosition>& after) {
  return after.value_or(ListPosition{std::numeric_limits<int64_t>::max(), ""});
}

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_ROWS_H_
