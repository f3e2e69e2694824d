// SPDX-License-Identifier: Apache-2.0
// The numbered migrations, embedded from store/schema/*.sql. Forward only: a file is never changed
// once released.
#ifndef RHUMB_DAEMON_STORE_SCHEMA_H_
#define RHUMB_DAEMON_STORE_SCHEMA_H_

#include <vector>

namespace rhumb::daemon {

// SQL scripts; element i brings PRAGMA user_version from i to i + 1.
const std::vector<const char*>& Migrations();

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_SCHEMA_H_
