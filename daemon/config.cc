// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <sstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "planner/status_macros.h"
#include "toml++/toml.h"

namespace rhumb::daemon {
namespace {

namespace fs = std::filesystem;

enum class Kind { kText, kInteger, kReal };

absl::Status SetInteger(const std::string& text, int& out) {
  if (absl::SimpleAtoi(text, &out)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must be an integer, got \"", text, "\""));
}

absl::Status SetMode(const std::string& text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size() && out <= 0777) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("must be an octal mode as in \"0660\", got \"", text, "\""));
}

absl::Status SetReal(const std::string& text, double& out) {
  if (absl::SimpleAtod(text, &out) && std::isfinite(out)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must be a number, got \"", text, "\""));
}

// Value of http.socket for the name that HttpSocketBeside makes of server.socket.
constexpr char kBeside[] = "beside";

// "/run/rhumb/rhumbd-http.sock" of "/run/rhumb/rhumbd.sock"; none beside none.
std::string HttpSocketBeside(const std::string& socket) {
  if (socket.empty()) return "";
  const fs::path path = socket;
  const std::string name = absl::StrCat(path.stem().string(), "-http", path.extension().string());
  return (path.parent_path() / name).string();
}

// One key: its name, kind in TOML, default, and what its text sets.
struct Key {
  const char* name;
  Kind kind;
  const char* fallback;
  absl::Status (*set)(const std::string& text, Config& config);
};

constexpr Key kKeys[] = {
    {"store.database", Kind::kText, "/var/lib/rhumb/rhumb.db",
     [](const std::string& text, Config& config) {
       config.server.database_path = text;
       return text.empty() ? absl::InvalidArgumentError("must not be empty") : absl::OkStatus();
     }},
    {"server.socket", Kind::kText, "/run/rhumb/rhumbd.sock",
     [](const std::string& text, Config& config) {
       config.server.listen_unix_path = text;
       return absl::OkStatus();
     }},
    {"server.socket_mode", Kind::kText, "0660",
     [](const std::string& text, Config& config) {
       return SetMode(text, config.server.listen_unix_mode);
     }},
    {"server.listen", Kind::kText, "",
     [](const std::string& text, Config& config) {
       config.server.listen_tcp = text;
       return absl::OkStatus();
     }},
    {"server.drain_seconds", Kind::kReal, "10",
     [](const std::string& text, Config& config) {
       return SetReal(text, config.server.drain_seconds);
     }},
    {"http.socket", Kind::kText, kBeside,
     [](const std::string& text, Config& config) {
       config.server.http_unix_path = text;
       return absl::OkStatus();
     }},
    {"http.listen", Kind::kText, "",
     [](const std::string& text, Config& config) {
       config.server.http_tcp = text;
       return absl::OkStatus();
     }},
    {"limits.max_threads", Kind::kInteger, "256",
     [](const std::string& text, Config& config) {
       return SetInteger(text, config.server.max_thread_count);
     }},
    {"limits.http_threads", Kind::kInteger, "64",
     [](const std::string& text, Config& config) {
       return SetInteger(text, config.server.http_thread_count);
     }},
    {"limits.max_message_bytes", Kind::kInteger, "16777216",
     [](const std::string& text, Config& config) {
       return SetInteger(text, config.server.max_message_bytes);
     }},
    {"runs.raw_seconds", Kind::kInteger, "3600",
     [](const std::string& text, Config& config) {
       return SetInteger(text, config.server.run_raw_seconds);
     }},
    {"runs.ten_second_days", Kind::kInteger, "2",
     [](const std::string& text, Config& config) {
       return SetInteger(text, config.server.run_ten_second_days);
     }},
    {"runs.five_minute_days", Kind::kInteger, "90",
     [](const std::string& text, Config& config) {
       return SetInteger(text, config.server.run_five_minute_days);
     }},
    {"log.level", Kind::kText, "info",
     [](const std::string& text, Config& config) {
       const auto level = ParseLogLevel(text);
       if (level.ok()) config.log.level = *level;
       return level.status();
     }},
    {"log.format", Kind::kText, "logfmt",
     [](const std::string& text, Config& config) {
       const auto format = ParseLogFormat(text);
       if (format.ok()) config.log.format = *format;
       return format.status();
     }},
};

const Key* FindKey(absl::string_view name) {
  const auto found = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [&](const Key& key) { return name == key.name; });
  return found == std::end(kKeys) ? nullptr : found;
}

std::string KnownKeys() {
  return absl::StrJoin(kKeys, ", ",
                       [](std::string* out, const Key& key) { absl::StrAppend(out, key.name); });
}

absl::Status Bad(absl::string_view origin, absl::string_view key, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(origin, ": ", key, " ", problem));
}

// Applies one value; the last one applied wins.
absl::Status Apply(const std::string& name, const std::string& text, const std::string& origin,
                   Config& config) {
  const Key* key = FindKey(name);
  if (key == nullptr)
    return Bad(origin, name, absl::StrCat("is not a known key; known: ", KnownKeys()));
  const absl::Status status = key->set(text, config);
  if (!status.ok()) return Bad(origin, name, status.message());
  for (ConfigValue& value : config.values) {
    if (value.key == name) value = {name, text, origin};
  }
  return absl::OkStatus();
}

// Text of a TOML value of the kind that the key wants; nullopt for another kind.
std::optional<std::string> TextOf(const toml::node& node, Kind kind) {
  if (kind == Kind::kText && node.is_string()) return node.as_string()->get();
  if (kind != Kind::kText && node.is_integer()) return absl::StrCat(node.as_integer()->get());
  if (kind == Kind::kReal && node.is_floating_point()) {
    std::ostringstream text;
    text << node.as_floating_point()->get();
    return text.str();
  }
  return std::nullopt;
}

const char* KindName(Kind kind) {
  return kind == Kind::kText      ? "text in quotes"
         : kind == Kind::kInteger ? "an integer"
                                  : "a number";
}

absl::Status ApplyTable(const toml::table& table, const std::string& file, Config& config) {
  for (const auto& [table_name, node] : table) {
    const std::string where =
        absl::StrCat(file, ":", node.source().begin.line, ":", node.source().begin.column);
    const std::string name(table_name.str());
    if (!node.is_table()) {
      return Bad(where, name, absl::StrCat("is not a known table; known keys: ", KnownKeys()));
    }
    for (const auto& [key_name, value] : *node.as_table()) {
      const std::string key = absl::StrCat(name, ".", std::string(key_name.str()));
      const std::string origin = absl::StrCat(file, ":", value.source().begin.line);
      const Key* known = FindKey(key);
      if (known == nullptr) {
        return Bad(absl::StrCat(origin, ":", value.source().begin.column), key,
                   absl::StrCat("is not a known key; known: ", KnownKeys()));
      }
      const std::optional<std::string> text = TextOf(value, known->kind);
      if (!text.has_value())
        return Bad(origin, key, absl::StrCat("must be ", KindName(known->kind)));
      RHUMB_RETURN_IF_ERROR(Apply(key, *text, origin, config));
    }
  }
  return absl::OkStatus();
}

absl::Status ApplyFile(const std::string& path, Config& config) {
  std::error_code ignored;
  // A folder reads as empty, a pipe for ever.
  if (!fs::is_regular_file(path, ignored))
    return absl::InvalidArgumentError(absl::StrCat(path, " is no regular file"));
  try {
    return ApplyTable(toml::parse_file(path), path, config);
  } catch (const toml::parse_error& error) {
    const auto& begin = error.source().begin;
    if (begin.line == 0) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(error.description())));
    }
    return absl::InvalidArgumentError(absl::StrCat(path, ":", begin.line, ":", begin.column, ": ",
                                                   std::string(error.description())));
  }
}

absl::StatusOr<std::vector<std::string>> FilesOf(const ConfigSources& sources) {
  std::vector<std::string> files;
  std::error_code error;
  if (fs::exists(sources.config_path, error)) {
    files.push_back(sources.config_path);
  } else if (sources.config_path_given) {
    return absl::InvalidArgumentError(absl::StrCat("cannot open ", sources.config_path));
  }
  fs::path directory = sources.config_path;
  directory.replace_extension(".d");
  std::vector<std::string> drop_ins;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".toml") drop_ins.push_back(it->path().string());
  }
  std::sort(drop_ins.begin(), drop_ins.end());
  files.insert(files.end(), drop_ins.begin(), drop_ins.end());
  return files;
}

// RHUMBD_STORE_DATABASE of store.database.
std::string VariableOf(const Key& key) {
  return absl::StrCat("RHUMBD_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(key.name, {{".", "_"}})));
}

absl::Status ApplyEnvironment(const std::vector<std::string>& environment, Config& config) {
  for (const std::string& entry : environment) {
    if (!absl::StartsWith(entry, "RHUMBD_")) continue;
    const size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    const Key* known = nullptr;
    for (const Key& key : kKeys) {
      if (VariableOf(key) == name) known = &key;
    }
    if (known == nullptr || equals == std::string::npos) {
      std::vector<std::string> variables;
      for (const Key& key : kKeys) variables.push_back(VariableOf(key));
      return absl::InvalidArgumentError(
          absl::StrCat("environment: ", name,
                       " is not a known variable; known: ", absl::StrJoin(variables, ", ")));
    }
    RHUMB_RETURN_IF_ERROR(Apply(known->name, entry.substr(equals + 1), name, config));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const ConfigSources& sources) {
  Config config;
  for (const Key& key : kKeys) config.values.push_back({key.name, "", ""});
  for (const Key& key : kKeys)
    RHUMB_RETURN_IF_ERROR(Apply(key.name, key.fallback, "default", config));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(sources));
  for (const std::string& file : files) RHUMB_RETURN_IF_ERROR(ApplyFile(file, config));
  RHUMB_RETURN_IF_ERROR(ApplyEnvironment(sources.environment, config));
  for (const ConfigSources::FlagValue& flag : sources.flags) {
    RHUMB_RETURN_IF_ERROR(Apply(flag.key, flag.text, flag.flag, config));
  }
  if (config.server.http_unix_path == kBeside)
    config.server.http_unix_path = HttpSocketBeside(config.server.listen_unix_path);
  return config;
}

std::string PrintConfig(const Config& config) {
  std::string out, table;
  for (const ConfigValue& value : config.values) {
    const size_t dot = value.key.find('.');
    if (value.key.substr(0, dot) != table) {
      absl::StrAppend(&out, table.empty() ? "" : "\n", "[", value.key.substr(0, dot), "]\n");
      table = value.key.substr(0, dot);
    }
    std::string text = value.value;
    if (FindKey(value.key)->kind == Kind::kText) {
      text = absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
    }
    absl::StrAppend(&out, value.key.substr(dot + 1), " = ", text, "  # ", value.origin, "\n");
  }
  return out;
}

}  // namespace rhumb::daemon
