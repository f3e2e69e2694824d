// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/session.h"

#include <exception>

#include "absl/strings/str_cat.h"
#include "daemon/process/log.h"
#include "daemon/store/database.h"
#include "daemon/store/schema.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

sqlite_api::sqlite3* Handle(soci::session& session) {
  return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

// The primary result codes of SQLite that a user can do something about.
absl::Status StatusOfCode(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError("the database is busy: another process is writing");
    case SQLITE_FULL:
      return absl::ResourceExhaustedError("the disk of the database is full");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError("the database cannot be written");
    case SQLITE_CANTOPEN:
      return absl::PermissionDeniedError("the database cannot be opened");
    case SQLITE_CORRUPT:
      return absl::DataLossError("the database file is damaged");
    case SQLITE_NOTADB:
      return absl::DataLossError("the file is not a SQLite database");
    case SQLITE_IOERR:
      return absl::DataLossError("reading or writing the database file failed");
    default:
      return absl::InternalError(absl::StrCat("the database failed with code ", code));
  }
}

int64_t ReadPragma(soci::session& session, const char* pragma) {
  long long value = 0;
  session << absl::StrCat("PRAGMA ", pragma), soci::into(value);
  return value;
}

// What is in the file, read in one transaction so that a migration under way elsewhere shows whole
// or not at all.
struct FileState {
  int64_t application_id = 0, user_version = 0, table_count = 0;
};

FileState ReadFileState(soci::session& session) {
  FileState state;
  state.application_id = ReadPragma(session, "application_id");
  state.user_version = ReadPragma(session, "user_version");
  long long tables = 0;
  session << "SELECT count(*) FROM sqlite_master", soci::into(tables);
  state.table_count = tables;
  return state;
}

absl::Status CheckOurs(const FileState& state) {
  const bool fresh = state.application_id == 0 && state.user_version == 0 && state.table_count == 0;
  if (!fresh && state.application_id != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the database belongs to another application (application_id ", state.application_id, ")"));
  }
  if (state.user_version > SchemaVersion()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the database has schema version ", state.user_version,
                     ", newer than this build knows (", SchemaVersion(), "); upgrade rhumb"));
  }
  return absl::OkStatus();
}

// Inside a transaction that holds the write lock: whoever was first has migrated, the rest find
// nothing to do.
absl::Status Migrate(soci::session& session) {
  const FileState state = ReadFileState(session);
  RHUMB_RETURN_IF_ERROR(CheckOurs(state));
  for (int64_t version = state.user_version; version < SchemaVersion(); ++version) {
    RunScript(session, Migrations()[static_cast<size_t>(version)]);
    RunScript(session, absl::StrCat("PRAGMA user_version = ", version + 1,
                                    "; PRAGMA application_id = ", kApplicationId)
                           .c_str());
  }
  return absl::OkStatus();
}

}  // namespace

int SchemaVersion() { return static_cast<int>(Migrations().size()); }

absl::Status Guarded(const std::function<absl::Status()>& work) {
  int code = SQLITE_ERROR;
  std::string message;
  try {
    return work();
  } catch (const soci::sqlite3_soci_error& error) {
    code = error.result();
    message = error.get_error_message();
  } catch (const soci::soci_error& error) {
    message = error.get_error_message();
  } catch (const std::exception& error) {
    message = error.what();
  }
  const absl::Status status = StatusOfCode(code);
  Log(LogLevel::kWarning, "database error",
      {{"code", absl::StrCat(code)},
       {"error", message},
       {"status", std::string(status.message())}});
  return status;
}

void RunScript(soci::session& session, const char* script) {
  char* message = nullptr;
  const int code = sqlite_api::sqlite3_exec(Handle(session), script, nullptr, nullptr, &message);
  const std::string text = message != nullptr ? message : "";
  sqlite_api::sqlite3_free(message);
  if (code != SQLITE_OK) throw soci::sqlite3_soci_error(text, code);
}

bool InTransaction(soci::session& session) {
  return sqlite_api::sqlite3_get_autocommit(Handle(session)) == 0;
}

absl::StatusOr<std::unique_ptr<soci::session>> OpenSession(const SessionOptions& options) {
  // SOCI's connection string has no escape for a quote.
  if (options.path.find('"') != std::string::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat("the database path must not contain '\"', got ", options.path));
  }
  auto session = std::make_unique<soci::session>();
  RHUMB_RETURN_IF_ERROR(Guarded([&] {
    session->open(soci::sqlite3, absl::StrCat("dbname=\"", options.path, "\""));
    sqlite_api::sqlite3_busy_timeout(Handle(*session), options.busy_milliseconds);
    // FULL: acknowledged means on disk. The writer shares one fsync among the writes of a group.
    RunScript(*session, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL");
    return absl::OkStatus();
  }));
  return session;
}

absl::Status PrepareSchema(soci::session& session, const SessionOptions& options) {
  return Guarded([&]() -> absl::Status {
    // Looked at before anything is changed: a file that is not ours stays as it is.
    RunScript(session, "BEGIN");
    const FileState state = ReadFileState(session);
    RunScript(session, "COMMIT");
    RHUMB_RETURN_IF_ERROR(CheckOurs(state));
    if (options.path != ":memory:") {
      std::string mode;
      session << absl::StrCat("PRAGMA journal_mode = ", options.wal ? "WAL" : "DELETE"),
          soci::into(mode);
      if (options.wal && mode != "wal") {
        return absl::FailedPreconditionError(
            absl::StrCat("the database cannot use a write-ahead log, journal mode is ", mode));
      }
    }
    if (state.user_version == SchemaVersion()) return absl::OkStatus();
    RunScript(session, "BEGIN IMMEDIATE");
    const absl::Status migrated = Guarded([&] { return Migrate(session); });
    if (!migrated.ok()) {
      if (InTransaction(session)) RunScript(session, "ROLLBACK");
      return migrated;
    }
    RunScript(session, "COMMIT");
    return absl::OkStatus();
  });
}

}  // namespace rhumb::daemon
