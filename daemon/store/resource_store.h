// SPDX-License-Identifier: Apache-2.0
// Resources that are applied whole under a name, as clusters and GPU types: one table of one form
// for each kind.
#ifndef RHUMB_DAEMON_STORE_RESOURCE_STORE_H_
#define RHUMB_DAEMON_STORE_RESOURCE_STORE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"

namespace rhumb::daemon {

struct StoredResource {
  std::string name;  // clusters/..., gpuTypes/...
  int64_t version = 0;
  int64_t owner_uid = 0;
  int64_t update_time_ns = 0;
  std::string content;  // message bytes without what the other fields say
};

// Thread-safe.
class ResourceStore {
 public:
  // `table` is one of the schema's, of the columns of StoredResource; `database` must outlive this.
  ResourceStore(Database& database, absl::string_view table) : database_(database), table_(table) {}

  // Nullopt if there is none of the name.
  absl::StatusOr<std::optional<StoredResource>> Find(absl::string_view name);

  // Creates or replaces; the version grows only when the content changes. Answers what is stored.
  // AlreadyExists as Store::FindByRequestId; then nothing is stored.
  absl::StatusOr<StoredResource> Put(const StoredResource& resource, const RequestKey& key);

  // Up to `limit` after `after` (nullopt: from the newest).
  absl::StatusOr<std::vector<StoredResource>> List(const std::optional<ListPosition>& after,
                                                   int limit);
  // All names, for "nearest" in errors.
  absl::StatusOr<std::vector<std::string>> Names();

  // Another text whenever something was applied with other content, or deleted.
  absl::StatusOr<std::string> Revision();

  // Grows with every change made through this object: a cheap look before Revision(), which also
  // sees what other processes change.
  int64_t change_count() const { return change_count_; }

  // False if there was none.
  absl::StatusOr<bool> Delete(absl::string_view name);

 private:
  Database& database_;
  const std::string table_;
  std::atomic<int64_t> change_count_ = 0;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_RESOURCE_STORE_H_
