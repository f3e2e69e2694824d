// SPDX-License-Identifier: Apache-2.0
// What stands behind --rhumb=: a stored plan, or the question of one.
#ifndef RHUMB_CLIENT_SLURM_REQUEST_H_
#define RHUMB_CLIENT_SLURM_REQUEST_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/slurm/gpu_names.h"
#include "client/slurm/outcome.h"
#include "client/slurm/settings.h"

namespace rhumb::slurm {

struct Request {
  std::string plan;  // plans/p-0123; empty: a question
  // Long flags of `rhumb plan` without dashes, in order, each with its values; a switch has one
  // empty value.
  std::vector<std::pair<std::string, std::vector<std::string>>> flags;

  bool operator==(const Request&) const = default;
};

// Reads "plan=NAME" or "gpus=16xh100,deadline=24h". Parts are separated by commas; where the text
// has a semicolon, by semicolons alone, so that values may hold commas. A problem for an empty
// text, a word that is no flag, or a flag that is about output or the daemon, which are not the
// user's here.
Outcome<Request> ReadRequest(std::string_view text);

// `later` over `earlier`: flags of both hold as `later` says them, and a plan and a question
// replace each other.
Request Merge(Request earlier, const Request& later);

// Whether the answer is a plan on what is free now of a cluster.
bool AsksForFreeGpus(const Request& request, const Settings& settings);

// The helper's arguments, without its own name. `settings` gives the cluster of a question that
// names no GPUs.
std::vector<std::string> HelperArguments(const Request& request, const Settings& settings,
                                         const GpuNames& names);

// Those that have it promise the GPUs of the stored plan.
std::vector<std::string> PromiseArguments(const std::string& plan, const Settings& settings);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_REQUEST_H_
