// SPDX-License-Identifier: Apache-2.0
// A value, or one line that says why there is none. The plugin is loaded into every sbatch, srun
// and salloc, so that nothing below this folder links a library for it.
#ifndef RHUMB_CLIENT_SLURM_OUTCOME_H_
#define RHUMB_CLIENT_SLURM_OUTCOME_H_

#include <optional>
#include <string>
#include <utility>

namespace rhumb::slurm {

template <typename Value>
struct Outcome {
  std::optional<Value> value;
  std::string problem;  // what was wrong and what is allowed; empty with a value

  bool ok() const { return value.has_value(); }
  const Value& operator*() const { return *value; }
  const Value* operator->() const { return &*value; }
};

template <typename Value>
Outcome<Value> Problem(const std::string& problem) {
  return {.value = std::nullopt, .problem = problem};
}

template <typename Value>
Outcome<Value> Good(Value value) {
  return {.value = std::move(value), .problem = ""};
}

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_OUTCOME_H_
