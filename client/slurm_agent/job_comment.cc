// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/job_comment.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rhumb::slurm_agent {
namespace {

constexpr size_t kMaxIdBytes = 63;
constexpr size_t kMaxJobIdBytes = 32;

// As the daemon takes names of resources: one that it refused would hold up all other jobs.
bool IsPlanId(absl::string_view id) {
  if (id.empty() || id.size() > kMaxIdBytes || id.back() == '-') return false;
  if (!absl::ascii_islower(static_cast<unsigned char>(id[0]))) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '-';
  });
}

}  // namespace

std::optional<JobComment> ParseJobComment(absl::string_view comment) {
  if (!absl::ConsumePrefix(&comment, "rhumb:plans/")) return std::nullopt;
  const absl::string_view word = comment.substr(0, comment.find_first_of(" \t\n"));
  const size_t hash = word.find('#');
  const absl::string_view id = word.substr(0, hash);
  if (!IsPlanId(id)) return std::nullopt;
  JobComment parsed = {.plan = absl::StrCat("plans/", id), .chain_job_id = ""};
  if (hash != absl::string_view::npos) {
    const absl::string_view job = word.substr(hash + 1);
    if (!IsJobIdText(job)) return std::nullopt;
    parsed.chain_job_id = std::string(job);
  }
  return parsed;
}

bool IsJobIdText(absl::string_view id) {
  if (id.empty() || id.size() > kMaxJobIdBytes) return false;
  if (!absl::ascii_isdigit(static_cast<unsigned char>(id[0]))) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_' || c == '+';
  });
}

}  // namespace rhumb::slurm_agent
