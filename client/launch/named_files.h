// SPDX-License-Identifier: Apache-2.0
// The files that a launcher's command names, and what to say instead of those that were not read.
#ifndef RHUMB_CLIENT_LAUNCH_NAMED_FILES_H_
#define RHUMB_CLIENT_LAUNCH_NAMED_FILES_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"

namespace rhumb::launch {

// The text of a file that the script names; its failure becomes a remark.
using FileReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// Of what a kind of file says, that which `facts` lack.
using RemediesOf = std::vector<Remedy> (*)(const JobFacts& facts);

class NamedFiles {
 public:
  // `read_file` must outlive this.
  explicit NamedFiles(const FileReader& read_file) : read_file_(read_file) {}

  // The file that `flag` names; nullopt where the script does not tell it, which Remark() says.
  std::optional<Fact<std::string>> Name(const ScriptFlag& flag, RemediesOf remedies);

  // Hands the text of the file to `parse`. Remark() names one that cannot be read or parsed.
  void Read(const Fact<std::string>& name,
            const std::function<absl::Status(absl::string_view text)>& parse, RemediesOf remedies);

  // Keeps `item`, a file that is not even named, for Remark().
  void Missing(NotRead item, RemediesOf remedies) {
    unread_.push_back({std::move(item), remedies});
  }

  // Puts the files that were not read into `facts`. Called last: what the flags beside them say is
  // not asked for.
  void Remark(JobFacts& facts) const;

 private:
  struct Unread {
    NotRead item;
    RemediesOf remedies;
  };

  const FileReader& read_file_;
  std::vector<Unread> unread_;
};

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_NAMED_FILES_H_
