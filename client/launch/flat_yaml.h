// SPDX-License-Identifier: Apache-2.0
// The part of YAML that accelerate's configuration files are written in: maps of scalars, a level
// or two deep, by indentation.
#ifndef RHUMB_CLIENT_LAUNCH_FLAT_YAML_H_
#define RHUMB_CLIENT_LAUNCH_FLAT_YAML_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/launch/config_scalars.h"
#include "client/launch/job_facts.h"

namespace rhumb::launch {

struct FlatYaml {
  // By path, as "fsdp_config.fsdp_version".
  ConfigScalars scalars;
  // Lines in another form: lists, flow collections, anchors, block texts.
  std::vector<NotRead> not_read;
};

// Never fails: what is not of this part of YAML is in `not_read`.
FlatYaml ReadFlatYaml(absl::string_view text);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_FLAT_YAML_H_
