// SPDX-License-Identifier: Apache-2.0
// The scalars of a launcher's configuration file, whatever it is written in, as facts that name
// their place in it.
#ifndef RHUMB_CLIENT_LAUNCH_CONFIG_SCALARS_H_
#define RHUMB_CLIENT_LAUNCH_CONFIG_SCALARS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"

namespace rhumb::launch {

// A scalar, without its quotes and comment.
struct ConfigScalar {
  std::string text;
  int line = 0;  // of the file; 0 where its parser does not say (JSON)
};

// By path, as "fsdp_config.fsdp_version".
using ConfigScalars = std::map<std::string, ConfigScalar>;

// The scalars of `text`, lists of them as "a,b". INVALID_ARGUMENT if it is no JSON, no TOML.
absl::StatusOr<ConfigScalars> JsonScalars(absl::string_view text);
absl::StatusOr<ConfigScalars> TomlScalars(absl::string_view text);

// Scalars as facts. What is no value of its key is remarked in `facts`.
class ScalarReader {
 public:
  // `path` names the file in the facts' texts.
  ScalarReader(const ConfigScalars& scalars, const std::string& path, JobFacts& facts);

  // `fact` in the place of what the file says of `key`.
  void Override(const std::string& key, Fact<std::string> fact) { facts_by_key_[key] = fact; }

  // nullopt where nothing says it: no such key, null, or "auto".
  std::optional<Fact<std::string>> Text(const std::string& key) const;

  // As Text, of a whole number of at least `minimum`; `instead` says it.
  std::optional<Fact<int64_t>> Integer(const std::string& key, int64_t minimum,
                                       const std::vector<Remedy>& instead) const;

  bool IsTrue(const std::string& key) const;

  // The keys that none of the above was asked for, as facts.
  std::map<std::string, Fact<std::string>> Unread() const;

  // Remarks `key` where it is above 1: a form of parallelism that is not modelled.
  void RefuseAboveOne(const std::string& key, absl::string_view reason) const;

 private:
  std::map<std::string, Fact<std::string>> facts_by_key_;
  mutable std::set<std::string> read_;  // keys
  JobFacts& facts_;
};

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_CONFIG_SCALARS_H_
