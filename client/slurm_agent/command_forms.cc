// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/command_forms.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/launch/slurm_time.h"
#include "client/slurm_agent/number_ranges.h"

namespace rhumb::slurm_agent {
namespace {

int64_t Seconds(absl::string_view text) {
  int64_t seconds = 0;
  return absl::SimpleAtoi(text, &seconds) ? std::max<int64_t>(0, seconds) : 0;
}

}  // namespace

absl::StatusOr<std::vector<SourcePartition>> ParsePartitions(absl::string_view text) {
  std::vector<SourcePartition> partitions;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, '|');
    if (fields.size() != 3 || fields[0].empty()) {
      return absl::DataLossError(absl::StrCat("sinfo: not a partition: ", line.substr(0, 100)));
    }
    const bool known =
        std::any_of(partitions.begin(), partitions.end(),
                    [&](const SourcePartition& each) { return each.name == fields[0]; });
    if (known) continue;
    SourcePartition partition;
    partition.name = std::string(fields[0]);
    partition.is_up = fields[1] == "up";
    const absl::StatusOr<std::optional<double>> limit = launch::ParseSlurmTime(fields[2]);
    if (!limit.ok()) {
      return absl::DataLossError(absl::StrCat("sinfo: not a limit: ", fields[2].substr(0, 100)));
    }
    partition.max_wall_seconds = *limit;
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

std::vector<SourceReservation> ParseReservations(absl::string_view text) {
  std::vector<SourceReservation> reservations;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    SourceReservation reservation;
    for (absl::string_view word : absl::StrSplit(line, ' ')) {
      if (absl::ConsumePrefix(&word, "ReservationName=")) reservation.name = std::string(word);
      if (absl::ConsumePrefix(&word, "StartTime=")) reservation.start_seconds = Seconds(word);
      if (absl::ConsumePrefix(&word, "EndTime=")) reservation.end_seconds = Seconds(word);
      if (absl::ConsumePrefix(&word, "Nodes=")) reservation.nodes = ExpandHostList(word);
      if (absl::ConsumePrefix(&word, "Flags=")) {
        for (const absl::string_view flag : absl::StrSplit(word, ',')) {
          reservation.is_maintenance = reservation.is_maintenance || flag == "MAINT";
        }
      }
    }
    if (!reservation.name.empty()) reservations.push_back(std::move(reservation));
  }
  return reservations;
}

absl::StatusOr<SourceIdentity> ParseConfiguration(absl::string_view text) {
  SourceIdentity identity;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(parts.first);
    const absl::string_view value = absl::StripAsciiWhitespace(parts.second);
    if (key == "ClusterName") identity.cluster = std::string(value);
    if (key == "SLURM_VERSION") identity.version = absl::StrCat("Slurm ", value, ", commands");
  }
  if (identity.cluster.empty()) {
    return absl::DataLossError("scontrol show config names no cluster");
  }
  return identity;
}

}  // namespace rhumb::slurm_agent
