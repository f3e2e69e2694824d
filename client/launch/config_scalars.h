// SPDX-License-Identifier: Apache-2.0
// The scalars of a launcher's configuration file, whatever it is written in, as facts that name
// their place in it.
#ifndef RHUMB_CLIENT_LAUNCH_CONFIG_SCALARS_H_
#define RHUMB_CLIENT_LAUNCH_CONFIG_SCALARS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

// The scalars of `text` (JSON); lists are left out. nullopt after a remark in `facts` where it is
// none.
std::optional<ConfigScalars> JsonScalars(absl::string_view text, const std::string& path,
                                         JobFacts& facts);

// Scalars as facts. What is no value of its key is remarked in `facts`.
class ScalarReader {
 public:
  // `path` names the file in the facts' texts.
  ScalarReader(ConfigScalars scalars, std::string path, JobFacts& facts);

  // nullopt where the file does not say it: no such key, null, or "auto".
  std::optional<Fact<std::string>> Text(const std::string& key) const;

  // As Text, of a whole number of at least `minimum`; `instead` says it.
  std::optional<Fact<int64_t>> Integer(const std::string& key, int64_t minimum,
                                       const std::vector<Remedy>& instead) const;

  bool IsTrue(const std::string& key) const;

  // Remarks `key` where it is above 1: a form of parallelism that is not modelled.
  void RefuseAboveOne(const std::string& key, absl::string_view reason) const;

 private:
  ConfigScalars scalars_;
  std::string path_;
  JobFacts& facts_;
};

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_CONFIG_SCALARS_H_
