// SPDX-License-Identifier: Apache-2.0
// Named questions about stored laws. A name has versions 1, 2, ..., which are never changed and
// whose numbers are never given twice. Published laws are not here.
#ifndef RHUMB_DAEMON_STORE_LAW_STORE_H_
#define RHUMB_DAEMON_STORE_LAW_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"

namespace rhumb::daemon {

struct StoredLaw {
  std::string name;  // laws/...
  int64_t version = 0;
  int64_t owner_uid = 0;  // who stored this version
  int64_t create_time_ns = 0;
  // Equal for what would be stored twice: the same data and options, or the same imported content.
  std::string origin_hash;
  std::string observations;  // observations/... it was fitted on; empty when imported
  std::string law;           // message bytes without what the other fields say
  std::string fit;           // message bytes of the fit's answer; empty when imported
};

// Who writes or deletes. Operators may do so under names of others.
struct LawWriter {
  int64_t uid = 0;
  bool is_operator = false;
};

// Thread-safe. Every error is fit for a caller: no bound value is in its text.
class LawStore {
 public:
  // `database` must outlive the store.
  explicit LawStore(Database& database) : database_(database) {}

  // The newest version, or `version`; nullopt if there is none.
  absl::StatusOr<std::optional<StoredLaw>> FindLaw(absl::string_view name,
                                                   std::optional<int64_t> version = std::nullopt);

  // Stores the next version, or answers the newest if that has the same origin_hash; the version
  // and owner of `law` are set here. Durable on return. PermissionDenied if the name has versions
  // and another owner, and the writer is no operator; AlreadyExists if the request id was used
  // otherwise; NotFound if `law.observations` is not empty and not stored (any more).
  absl::StatusOr<StoredLaw> InsertLaw(const StoredLaw& law, const LawWriter& writer,
                                      const RequestKey& key, int64_t now_ns);

  // OK if `writer` may store under the name or delete it: nobody has versions of it, or the writer
  // is the owner or an operator; else PermissionDenied.
  absl::Status CheckWriter(absl::string_view name, const LawWriter& writer);

  // The newest version of each name after `after`, in order of name, without `fit`.
  absl::StatusOr<std::vector<StoredLaw>> ListLaws(absl::string_view after, int limit);

  // All names that have versions, in order.
  absl::StatusOr<std::vector<std::string>> LawNames();

  // One version, or all of the name. False if there was none. PermissionDenied as above. With
  // `check_only` nothing is deleted.
  absl::StatusOr<bool> DeleteLaw(absl::string_view name, std::optional<int64_t> version,
                                 const LawWriter& writer, bool check_only);

 private:
  Database& database_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_LAW_STORE_H_
