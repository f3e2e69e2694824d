// SPDX-License-Identifier: Apache-2.0
// Resources that are applied whole under a name, as clusters, GPU types and calibrations: one table
// of one form for each kind, and for kinds that keep their old versions one more for those.
#ifndef RHUMB_DAEMON_STORE_RESOURCE_STORE_H_
#define RHUMB_DAEMON_STORE_RESOURCE_STORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
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

// The row of a name; of a table of versions the one `wanted`. Within a transaction of the caller.
std::optional<StoredResource> SelectResource(soci::session& session, const std::string& table,
                                             const std::string& name,
                                             std::optional<int64_t> wanted = std::nullopt);
// Creates or replaces the row as it is.
void UpsertResource(soci::session& session, const std::string& table,
                    const StoredResource& resource);

// The tables of a kind that keeps its versions: all of them, and the last number of each name, also
// of deleted ones.
struct VersionTables {
  std::string versions, numbers;
};

// Thread-safe.
class ResourceStore {
 public:
  // `table` is one of the schema's, of the columns of StoredResource; `database` must outlive this.
  ResourceStore(Database& database, absl::string_view table,
                std::optional<VersionTables> versions = std::nullopt)
      : database_(database), table_(table), versions_(std::move(versions)) {}

  // Nullopt if there is none of the name.
  absl::StatusOr<std::optional<StoredResource>> Find(absl::string_view name);

  // The same of one version. Only of kinds that keep them.
  absl::StatusOr<std::optional<StoredResource>> FindVersion(absl::string_view name,
                                                            int64_t version);

  // Asked in the transaction before `next` replaces `known`: refuses, or changes what of `next`
  // stays as it was.
  using MayReplace = std::function<absl::Status(const StoredResource& known, StoredResource& next)>;

  // Creates or replaces; the version grows only when the content changes. Answers what is stored.
  // AlreadyExists as Store::FindByRequestId, or what `may_replace` answers; then nothing is stored.
  // The request is remembered with the name, of kinds that keep versions as NAME@VERSION.
  absl::StatusOr<StoredResource> Put(const StoredResource& resource, const RequestKey& key,
                                     const MayReplace& may_replace = nullptr);

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

  // With all its versions, whose numbers are not given again. False if there was none.
  absl::StatusOr<bool> Delete(absl::string_view name);

 private:
  Database& database_;
  const std::string table_;
  const std::optional<VersionTables> versions_;
  std::atomic<int64_t> change_count_ = 0;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_RESOURCE_STORE_H_
