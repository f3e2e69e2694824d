// SPDX-License-Identifier: Apache-2.0
// Which test executes an entry of the golden file, told by its method.
#ifndef RHUMB_TESTS_PLANNER_FIT_GOLDEN_KINDS_H_
#define RHUMB_TESTS_PLANNER_FIT_GOLDEN_KINDS_H_

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/planner/fit/golden_table.h"

namespace rhumb {

enum class GoldenKind {
  kSurface,         // E + A N^-alpha + B D^-beta under a robust loss
  kTrap,            // a start that misleads others
  kLikelihood,      // evaluation of another objective
  kBootstrap,       //
  kExtrapolation,   //
  kCoupled,         //
  kOvertraining,    // Gadre's tied form
  kComputePower,    //
  kRepetition,      // fit of R_D, R_N
  kEvaluation,      // of the repetition law
  kIsoFlop,         //
  kSizeRegression,  // ln n_opt on ln C
  kEnvelope,        //
  kSweep,           // learning rate and batch
  kCriticalBatch,   //
};

// nullopt: no test executes it.
inline std::optional<GoldenKind> KindOf(const std::string& name, const Json& entry) {
  const std::string method = entry.at("method").get<std::string>();
  const auto has = [&method](const char* text) { return method.find(text) != std::string::npos; };
  if (entry.contains("check") && has("approach3") && has("predict")) {
    return GoldenKind::kExtrapolation;
  }
  if (has("approach3")) return GoldenKind::kSurface;
  if (has("free scale")) return GoldenKind::kLikelihood;
  if (has("start at Hoffmann")) return GoldenKind::kTrap;
  if (has("nonparametric bootstrap")) return GoldenKind::kBootstrap;
  if (has("^gamma")) return GoldenKind::kCoupled;
  if (has("Gadre 2024 law")) return GoldenKind::kOvertraining;
  if (has("(C/C0)^-k+E")) return GoldenKind::kComputePower;
  if (has("fit R_D*")) return GoldenKind::kRepetition;
  if (has("evaluate law") && name.starts_with("muennighoff")) return GoldenKind::kEvaluation;
  if (has("approach2")) return GoldenKind::kIsoFlop;
  if (has("ln n_opt on ln C")) return GoldenKind::kSizeRegression;
  if (has("approach1")) return GoldenKind::kEnvelope;
  if (has("least squares ln lr")) return GoldenKind::kSweep;
  if (has("B_crit")) return GoldenKind::kCriticalBatch;
  return std::nullopt;
}

// Of a kind that has none the calling test fails: its loop would assert nothing.
inline std::vector<std::string> EntriesOf(GoldenKind kind) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : GoldenFile().items()) {
    if (KindOf(name, entry) == kind) names.push_back(name);
  }
  EXPECT_FALSE(names.empty()) << "no golden entry of kind " << static_cast<int>(kind);
  return names;
}

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_FIT_GOLDEN_KINDS_H_
