// SPDX-License-Identifier: Apache-2.0
// How a site's Slurm calls the GPU types of the catalogue.
#ifndef RHUMB_CLIENT_SLURM_GPU_NAMES_H_
#define RHUMB_CLIENT_SLURM_GPU_NAMES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/slurm/outcome.h"

namespace rhumb::slurm {

// Where a site keeps the table; it may be missing.
inline constexpr char kGpuNamesFile[] = "/etc/rhumb/slurm-gpus.conf";

class GpuNames {
 public:
  // Reads lines "NAME = TYPE" ("h100 = H100-SXM5-80GB"); blank lines and those behind # are passed
  // over. The name "untyped" stands for GPUs that gres.conf gives no type. A problem names the
  // line.
  static Outcome<GpuNames> Read(std::string_view text);

  // The type that `name` stands for; `name` itself where the table has none: the daemon knows the
  // catalogue's aliases.
  std::string TypeOf(std::string_view name) const;

  // What gres.conf calls `type`: the first such name of the table, else the catalogue's short
  // alias, which is the type up to its first dash in lower case ("h100"). Empty: no type.
  std::string NameOf(std::string_view type) const;

  // `pool`, COUNTxNAME with or without @PRICE, with the type instead of the name.
  std::string PoolOf(std::string_view pool) const;

  // Name and type of each row, in order.
  const std::vector<std::pair<std::string, std::string>>& rows() const { return rows_; }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;  // name, type
};

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_GPU_NAMES_H_
