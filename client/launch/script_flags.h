// SPDX-License-Identifier: Apache-2.0
// The flags of one command, as argparse takes them: --name value, --name=value, the last one wins.
#ifndef RHUMB_CLIENT_LAUNCH_SCRIPT_FLAGS_H_
#define RHUMB_CLIENT_LAUNCH_SCRIPT_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"
#include "client/launch/shell_script.h"

namespace rhumb::launch {

struct ScriptFlag {
  std::string name;                 // with its dashes
  std::vector<std::string> values;  // up to the next flag; kUnknownPart where they are not known
  int line = 0;

  // "--num-layers 32", unknown parts as "?".
  std::string Written() const;
};

class ScriptFlags {
 public:
  // Flags of `words`; words before the first flag are left out. A word that is not known at all may
  // be any flags: it is remarked in `not_read`.
  ScriptFlags(const std::vector<ShellWord>& words, std::vector<NotRead>& not_read);

  // The last flag of one of the names, or null.
  const ScriptFlag* Find(std::initializer_list<absl::string_view> names) const;
  bool Has(absl::string_view name) const { return Find({name}) != nullptr; }

  // All flags "--section.key", in their order.
  std::vector<const ScriptFlag*> Dotted() const;

  // The flags that none of the above was asked for or gave.
  std::vector<const ScriptFlag*> Unread() const;

 private:
  std::vector<ScriptFlag> flags_;
  mutable std::vector<bool> read_;  // of flags_: what readers leave over is found out, not listed
};

// The value behind `flag`: a whole number of at least `minimum`. nullopt where there is none, after
// a remark in `not_read` that names `instead`, the flags of ours that say it.
std::optional<Fact<int64_t>> IntegerValue(const ScriptFlag& flag, int64_t minimum,
                                          const std::vector<Remedy>& instead,
                                          std::vector<NotRead>& not_read);

// As IntegerValue, any text that is known.
std::optional<Fact<std::string>> TextValue(const ScriptFlag& flag,
                                           const std::vector<Remedy>& instead,
                                           std::vector<NotRead>& not_read);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_SCRIPT_FLAGS_H_
