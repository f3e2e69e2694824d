// SPDX-License-Identifier: Apache-2.0
// rhumbd: flags to configuration, configuration to a server, signals to its end. Nothing else.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "daemon/config.h"
#include "daemon/process/log.h"
#include "daemon/process/sd_notify.h"
#include "daemon/server.h"

extern char** environ;

namespace rhumb::daemon {
namespace {

// sysexits.h: try again later, bad configuration.
constexpr int kExitUsage = 2;
constexpr int kExitHeldByAnother = 75;
constexpr int kExitBadConfig = 78;

struct Flags {
  ConfigSources sources;
  bool check_config = false;
  bool print_config = false;
};

// Exit status to end with, or -1 to go on.
int ParseFlags(int argc, char** argv, Flags& flags) {
  CLI::App app{
      "rhumbd: the Rhumb daemon. Plans LLM training runs over gRPC; see rhumb(1) for asking.",
      "rhumbd"};
  app.set_version_flag("--version", absl::StrCat("rhumbd ", ServerVersion()));
  struct Option {
    const char* flag;
    const char* key;
    const char* help;
    std::string value = {};
  };
  Option options[] = {
      {"--database", "store.database", "SQLite file"},
      {"--socket", "server.socket", "unix socket to listen on"},
      {"--listen", "server.listen", "loopback TCP address to listen on, as in 127.0.0.1:7448"},
      {"--http-socket", "http.socket",
       "unix socket for HTTP; beside (the gRPC one, with -http in its name) or empty for none"},
      {"--http-listen", "http.listen", "loopback TCP address for HTTP, as in 127.0.0.1:7449"},
      {"--log-level", "log.level", "debug, info, warning, error or off"},
      {"--log-format", "log.format", "logfmt or json"},
  };
  for (Option& option : options) app.add_option(option.flag, option.value, option.help);
  const auto* config = app.add_option("--config", flags.sources.config_path, "configuration file")
                           ->capture_default_str();
  app.add_flag("--check-config", flags.check_config, "check the configuration and stop");
  app.add_flag("--print-config", flags.print_config, "print every value with its origin and stop");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kExitUsage;
  }
  flags.sources.config_path_given = config->count() > 0;
  for (const Option& option : options) {
    if (app.count(option.flag) > 0)
      flags.sources.flags.push_back({option.key, option.value, option.flag});
  }
  for (char** entry = environ; *entry != nullptr; ++entry)
    flags.sources.environment.emplace_back(*entry);
  return -1;
}

int ExitCodeOf(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return kExitHeldByAnother;
  if (absl::IsInvalidArgument(status)) return kExitBadConfig;
  return EXIT_FAILURE;
}

void ReloadLogLevel(const ConfigSources& sources) {
  const auto config = LoadConfig(sources);
  if (!config.ok()) {
    Log(LogLevel::kError, "reload failed, nothing changed",
        {{"error", std::string(config.status().message())}});
    return;
  }
  SetLogLevel(config->log.level);
  Log(LogLevel::kInfo, "reloaded");
}

// Waits for signals, drains on the first TERM or INT, gives up on the second.
int RunUntilSignalled(Server& server, const sigset_t& signals, const ConfigSources& sources) {
  std::future<void> drained;
  while (true) {
    if (drained.valid()) {
      // The rest of the drain is awaited with an eye on a second signal.
      const timespec tick = {0, 50'000'000};
      const int signal = sigtimedwait(&signals, nullptr, &tick);
      if (signal == SIGTERM || signal == SIGINT) {
        Log(LogLevel::kWarning, "second signal, ending now");
        std::_Exit(EXIT_FAILURE);
      }
      if (drained.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
        return EXIT_SUCCESS;
      continue;
    }
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGHUP) {
      ReloadLogLevel(sources);
      continue;
    }
    Log(LogLevel::kInfo, "draining", {{"signal", signal == SIGINT ? "INT" : "TERM"}});
    SdNotify("STOPPING=1");
    drained = std::async(std::launch::async, [&server] { server.Drain(); });
  }
}

int Main(int argc, char** argv) {
  Flags flags;
  if (const int code = ParseFlags(argc, argv, flags); code >= 0) return code;
  const auto config = LoadConfig(flags.sources);
  if (!config.ok()) {
    std::cerr << "rhumbd: " << config.status().message() << "\n";
    return kExitBadConfig;
  }
  if (flags.print_config) {
    std::cout << PrintConfig(*config);
    return EXIT_SUCCESS;
  }
  if (flags.check_config) {
    const absl::Status valid = CheckServerOptions(config->server);
    if (!valid.ok()) std::cerr << "rhumbd: " << valid.message() << "\n";
    return valid.ok() ? EXIT_SUCCESS : kExitBadConfig;
  }
  LogOptions log = config->log;
  log.journal_prefix = std::getenv("JOURNAL_STREAM") != nullptr;
  InitLog(log);

  // Blocked before any thread starts, so that every thread inherits it and only sigwait sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A file at its largest size is a full disk.
  std::signal(SIGXFSZ, SIG_IGN);

  auto server = Server::Start(config->server);
  if (!server.ok()) {
    std::cerr << "rhumbd: " << server.status().message() << "\n";
    return ExitCodeOf(server.status());
  }
  Log(LogLevel::kInfo, "serving",
      {{"version", ServerVersion()},
       {"database", config->server.database_path},
       {"socket", config->server.listen_unix_path},
       {"tcp_port", absl::StrCat((*server)->tcp_port())},
       {"http_socket", config->server.http_unix_path},
       {"http_port", absl::StrCat((*server)->http_tcp_port())}});
  SdNotify("READY=1");
  const int code = RunUntilSignalled(**server, signals, flags.sources);
  Log(LogLevel::kInfo, "stopped");
  return code;
}

}  // namespace
}  // namespace rhumb::daemon

int main(int argc, char** argv) { return rhumb::daemon::Main(argc, argv); }
