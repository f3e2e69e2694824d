// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_comparisons.h"

namespace rhumb::daemon {
namespace {

v1::RunComparison& ComparisonOf(const std::string& quantity, v1::Run& run) {
  for (v1::RunComparison& each : *run.mutable_comparisons()) {
    if (each.quantity() == quantity) return each;
  }
  v1::RunComparison& added = *run.add_comparisons();
  added.set_quantity(quantity);
  return added;
}

}  // namespace

void Compare(const std::string& quantity, const std::optional<double>& planned,
             const std::optional<double>& actual, const std::string& source, v1::Run& run) {
  if (!planned.has_value() && !actual.has_value()) return;
  v1::RunComparison& comparison = ComparisonOf(quantity, run);
  if (planned.has_value() && !comparison.has_planned()) comparison.set_planned(*planned);
  if (actual.has_value() && !comparison.has_actual()) {
    comparison.set_actual(*actual);
    comparison.set_source(source);
  }
  if (comparison.has_actual() && comparison.planned() > 0) {
    comparison.set_ratio(comparison.actual() / comparison.planned());
  }
}

const v1::RunComparison* FindComparison(const std::string& quantity, const v1::Run& run) {
  for (const v1::RunComparison& each : run.comparisons()) {
    if (each.quantity() == quantity) return &each;
  }
  return nullptr;
}

std::optional<double> ActualOf(const std::string& quantity, const v1::Run& run) {
  const v1::RunComparison* found = FindComparison(quantity, run);
  if (found == nullptr || !found->has_actual()) return std::nullopt;
  return found->actual();
}

std::optional<double> PlannedOf(const std::string& quantity, const v1::Run& run) {
  const v1::RunComparison* found = FindComparison(quantity, run);
  if (found == nullptr || !found->has_planned()) return std::nullopt;
  return found->planned();
}

}  // namespace rhumb::daemon
