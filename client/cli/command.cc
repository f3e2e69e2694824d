// SPDX-License-Identifier: Apache-2.0
// The table of commands and the flags they share.
#include "client/cli/command.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/accuracy_command.h"
#include "client/cli/calibrate_command.h"
#include "client/cli/calibration_command.h"
#include "client/cli/check_command.h"
#include "client/cli/cluster_command.h"
#include "client/cli/completion_command.h"
#include "client/cli/doctor_command.h"
#include "client/cli/fit_command.h"
#include "client/cli/gpu_command.h"
#include "client/cli/ingest_command.h"
#include "client/cli/law_backtest_command.h"
#include "client/cli/law_command.h"
#include "client/cli/law_import_command.h"
#include "client/cli/law_suggest_command.h"
#include "client/cli/nodes_command.h"
#include "client/cli/output.h"
#include "client/cli/plan_command.h"
#include "client/cli/plans_command.h"
#include "client/cli/predict_command.h"
#include "client/cli/replan_command.h"
#include "client/cli/run_compare_command.h"
#include "client/cli/run_drift_command.h"
#include "client/cli/run_log_command.h"
#include "client/cli/runs_command.h"
#include "client/cli/submit_command.h"
#include "client/cli/sync_command.h"
#include "client/cli/version_command.h"
#include "client/cli/watch_command.h"

namespace rhumb::cli {

const std::vector<Command>& Commands() {
  static const std::vector<Command>& commands =
      *new std::vector<Command>{PlanCommand(),
                                CheckCommand(),
                                AccuracyCommand(),
                                CalibrateCommand(),
                                CalibrationListCommand(),
                                CalibrationShowCommand(),
                                CalibrationApplyCommand(),
                                CalibrationRevertCommand(),
                                CalibrationDeleteCommand(),
                                PredictCommand(),
                                FitCommand(),
                                LawListCommand(),
                                LawShowCommand(),
                                LawImportCommand(),
                                LawExportCommand(),
                                LawBacktestCommand(),
                                LawSuggestCommand(),
                                LawDeleteCommand(),
                                GpuListCommand(),
                                GpuShowCommand(),
                                GpuApplyCommand(),
                                GpuDeleteCommand(),
                                ClusterApplyCommand(),
                                ClusterListCommand(),
                                ClusterShowCommand(),
                                ClusterDeleteCommand(),
                                ClusterNodesCommand(),
                                ClusterSyncCommand(),
                                ClusterReserveCommand(),
                                ClusterReleaseCommand(),
                                ClusterReservationsCommand(),
                                PlansListCommand(),
                                PlansShowCommand(),
                                PlansDeleteCommand(),
                                RunListCommand(),
                                RunShowCommand(),
                                RunCreateCommand(),
                                RunFinishCommand(),
                                RunReplanCommand(),
                                RunLogCommand(),
                                RunCompareCommand(),
                                RunDriftCommand(),
                                WatchCommand(),
                                IngestCommand(),
                                SyncCommand(),
                                SubmitCommand(),
                                DoctorCommand(),
                                CompletionCommand(),
                                VersionCommand()};
  return commands;
}

const std::vector<Flag>& GlobalFlags() {
  static const std::vector<Flag>& flags = *new std::vector<Flag>{
      {.name = "output",
       .kind = FlagKind::kChoice,
       .placeholder = "FORMAT",
       .help = "table, wide, json, yaml, csv or name",
       .group = "Output",
       .choices = OutputFormats(),
       .short_name = 'o'},
      {.name = "json", .kind = FlagKind::kSwitch, .help = "same as -o json", .group = "Output"},
      {.name = "parsable",
       .kind = FlagKind::kSwitch,
       .help = "tables as one line a row, fields separated by |",
       .group = "Output"},
      {.name = "noheader",
       .kind = FlagKind::kSwitch,
       .help = "tables and csv without their first line",
       .group = "Output"},
      {.name = "color",
       .kind = FlagKind::kChoice,
       .placeholder = "WHEN",
       .help = "auto (on a terminal, unless NO_COLOR is set), always or never",
       .group = "Output",
       .choices = {"auto", "always", "never"}},
      {.name = "quiet",
       .kind = FlagKind::kSwitch,
       .help = "no remarks on stderr; errors stay",
       .group = "Output",
       .short_name = 'q'},
      {.name = "addr",
       .kind = FlagKind::kText,
       .placeholder = "ADDRESS",
       .help = "daemon to ask: unix:///path or host:port",
       .group = "Daemon"},
      {.name = "local",
       .kind = FlagKind::kSwitch,
       .help = "answer in-process even if a daemon is there",
       .group = "Daemon"},
      {.name = "no-local",
       .kind = FlagKind::kSwitch,
       .help = "never answer in-process",
       .group = "Daemon"},
      {.name = "timeout",
       .kind = FlagKind::kDuration,
       .placeholder = "TIME",
       .help = "longest wait for an answer, as in 5s; default 60s",
       .group = "Daemon"},
      {.name = "help",
       .kind = FlagKind::kSwitch,
       .help = "show this text",
       .group = "Other",
       .short_name = 'h'},
  };
  return flags;
}

std::string CommandName(const Command& command) { return absl::StrJoin(command.words, " "); }

std::string FlagTitle(const Flag& flag) {
  return flag.field.empty() ? absl::StrCat("--", flag.name)
                            : absl::StrCat("--", flag.name, " (", flag.field, ")");
}

const Flag* FindFlag(const Command& command, absl::string_view name) {
  for (const Flag& flag : command.flags) {
    if (flag.name == name) return &flag;
  }
  for (const Flag& flag : GlobalFlags()) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

}  // namespace rhumb::cli
