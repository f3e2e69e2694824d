// SPDX-License-Identifier: Apache-2.0
// A change of the layout in the words of the framework that a job runs: a flag of its script, a key
// of its configuration.
#ifndef RHUMB_CLIENT_LAUNCH_FRAMEWORK_WORDS_H_
#define RHUMB_CLIENT_LAUNCH_FRAMEWORK_WORDS_H_

#include <cstdint>
#include <string>

#include "client/launch/job_facts.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

// One flag of rhumb, as "--zero-stage" "3".
struct Change {
  std::string flag;
  std::string value;
};

// `text` as a number; 0 where it is none.
int64_t WholeNumber(const std::string& text);

// `change` for the job of `facts`; `changed` is the layout that it leads to. Empty where the
// framework is not known or has no word for it.
std::string InFramework(const Change& change, const JobFacts& facts, const v1::Layout& changed);

// What a job says to follow advice of `advice_code` that names no flag of rhumb, as
// SEQUENCE_PARALLEL; empty where its framework has no switch for it.
std::string SwitchInFramework(const std::string& advice_code, const JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_FRAMEWORK_WORDS_H_
