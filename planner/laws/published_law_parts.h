// SPDX-License-Identifier: Apache-2.0
// The pieces that published_law.cc puts together, a topic a function, and the helpers that the
// topics share. Internal to planner/laws.
#ifndef RHUMB_PLANNER_LAWS_PUBLISHED_LAW_PARTS_H_
#define RHUMB_PLANNER_LAWS_PUBLISHED_LAW_PARTS_H_

#include <string>
#include <vector>

#include "planner/laws/published_law.h"

namespace rhumb {

std::vector<PublishedLaw> CatalogPublishedLaws();  // catalog.h: what the planner plans with
std::vector<PublishedLaw> KaplanPublishedLaws();
std::vector<PublishedLaw> MoePublishedLaws();
std::vector<PublishedLaw> OtherPublishedLaws();  // compression, transfer, vocabulary, downstream
std::vector<PublishedLaw> RulePublishedLaws();   // trends of C, batch and learning-rate rules

// Bounds of a count that no law passes in earnest and no formula overflows within.
inline constexpr double kLeastCount = 1;
inline constexpr double kMostCount = 1e30;
inline constexpr double kMostFlops = 1e40;

// Variables that several laws share; callers narrow the ranges.
LawVariable ParamCountVariable(std::string meaning);
LawVariable TokenCountVariable(std::string meaning);
LawVariable FlopsVariable(std::string meaning);
LawVariable LossVariable(std::string meaning);
LawVariable ExpertCountVariable();
LawVariable SparsityVariable(std::string meaning);

// Least value over k N D = training_flops at fixed other variables; `values` in the law's order.
absl::StatusOr<PublishedOptimum> AllocateFlops(const PublishedLaw& law, double training_flops,
                                               double flops_per_param_token, size_t params_index,
                                               size_t tokens_index,
                                               absl::Span<const double> values);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_PUBLISHED_LAW_PARTS_H_
