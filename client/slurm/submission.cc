// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/submission.h"

#include <utility>

#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

// Exit codes of `rhumb` that are answers to the question: wrong input, no plan, no such plan.
constexpr int kExitUsage = 2;
constexpr int kExitNotFound = 4;
constexpr int kExitUnavailable = 5;

constexpr char kOtherwise[] = "; `rhumb plan` with the same flags says more";

std::string Seconds(int64_t milliseconds) {
  std::string text = std::to_string(milliseconds / 1000);
  if (milliseconds % 1000 != 0) text += "." + std::to_string(milliseconds % 1000 / 100);
  return text + " s";
}

// What the helper said on stderr: its errors, on one line and without its name, or else the first
// paragraph, which says why there is no plan.
std::string Said(const HelperResult& result) {
  constexpr std::string_view kError = "rhumb: error: ";
  // Answering without the daemon is not the plugin's to offer.
  constexpr std::string_view kOffer = "; --local answers without one";
  std::string errors;
  for (const std::string_view line : Split(result.err, '\n')) {
    if (line.substr(0, kError.size()) != kError) continue;
    if (!errors.empty()) errors += "; ";
    errors += line.substr(kError.size());
  }
  if (const size_t offer = errors.find(kOffer); offer != std::string::npos) {
    errors.erase(offer, kOffer.size());
  }
  const std::string text = FirstParagraph(errors.empty() ? result.err : errors);
  return text.empty() ? "rhumb ended with code " + std::to_string(result.exit_code) : text;
}

Verdict Refuse(std::string line) { return {.refused = true, .line = std::move(line)}; }

std::string VariableOf(std::string_view option) {
  std::string name = "RHUMB_SLURM_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

}  // namespace

bool IsInherited(std::string_view name) {
  for (const std::string_view prefix :
       {"RHUMB_SLURM_", "SLURM_SPANK_RHUMB_", "SLURM_SPANK__SLURM_SPANK_OPTION_rhumb_",
        "_SLURM_SPANK_OPTION_rhumb_"}) {
    if (name.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

Submission::Submission(const std::vector<std::string>& words, Surroundings surroundings)
    : settings_(ReadSettings(words)), surroundings_(std::move(surroundings)) {}

// The plan's variables are those that the plugin, or the job's own plugin, set: in a job's tasks
// they are said to be this job's, in salloc's shell what salloc decided is still there.
void Submission::RememberJob() {
  if (!surroundings_.is_step) return;
  const bool is_own = surroundings_.variable("RHUMB_JOB_ID") == surroundings_.job_id ||
                      !surroundings_.variable(kPlanVariable).empty();
  if (!is_own) return;
  for (const std::string& name : surroundings_.variable_names()) {
    const bool is_plans = name.compare(0, 6, "RHUMB_") == 0 && !IsInherited(name) &&
                          name != "RHUMB_JOB_ID" && name != "RHUMB_ADDR";
    if (is_plans) variables_[name] = surroundings_.variable(name);
  }
}

void Submission::ForgetInherited() {
  RememberJob();
  for (const std::string& name : surroundings_.variable_names()) {
    if (IsInherited(name)) surroundings_.unset_variable(name);
  }
}

Verdict Submission::AddRequest(std::string_view text) {
  if (surroundings_.is_step) {
    return {.refused = false,
            .line = "this is a step of job " + surroundings_.job_id +
                    " and runs on what that job has: --rhumb is for its sbatch, salloc or srun"};
  }
  if (finished_) {
    return Refuse(
        "a heterogeneous job has several sizes and a plan has one: submit without --rhumb, or one "
        "job for each component");
  }
  // The administrator's mistake, which says nothing as long as nobody needs what is wrong.
  if (!settings_.ok()) return Refuse(settings_.problem);
  const Outcome<Request> request = ReadRequest(text);
  if (!request.ok()) return Refuse(request.problem);
  Request merged = requested_ ? Merge(request_, *request) : *request;
  if (requested_ && merged == request_) return {};
  requested_ = true;
  request_ = std::move(merged);
  Withdraw();
  return Plan();
}

Verdict Submission::Plan() {
  const Outcome<std::string> table = surroundings_.read_file(settings_->gpus_file);
  if (!table.ok()) return Refuse(settings_->gpus_file + ": " + table.problem);
  const Outcome<GpuNames> names = GpuNames::Read(*table);
  if (!names.ok()) return Refuse(settings_->gpus_file + ": " + names.problem);
  const HelperResult result =
      surroundings_.run_helper(settings_->helper, HelperArguments(request_, *settings_, *names),
                               settings_->deadline_milliseconds);
  return Take(result, *names);
}

Verdict Submission::Missing(const HelperResult& result) const {
  switch (result.end) {
    case HelperResult::End::kTimedOut:
      return Refuse("no answer within " + Seconds(settings_->deadline_milliseconds) +
                    "; plan first with `rhumb plan` and submit plan=NAME, or without --rhumb");
    case HelperResult::End::kFailed:
      return Refuse("cannot run " + settings_->helper + ": " + result.problem +
                    "; submit without --rhumb, and tell your administrator");
    case HelperResult::End::kTooMuch:
      return Refuse(settings_->helper + " answered without end; tell your administrator");
    case HelperResult::End::kExited:
      break;
  }
  if (result.exit_code == kExitUnavailable) {
    return Refuse(Said(result) + "; submit without --rhumb, or when the daemon answers again");
  }
  return {};
}

Verdict Submission::Take(const HelperResult& result, const GpuNames& names) {
  open_problem_.clear();
  if (Verdict missing = Missing(result); missing.refused) return missing;
  if (result.exit_code >= kExitUsage && result.exit_code <= kExitNotFound) {
    open_problem_ = Said(result) + kOtherwise;
    return {};
  }
  if (result.exit_code != 0) return Refuse(Said(result) + kOtherwise);
  Outcome<Variables> variables = ReadVariables(result.out);
  if (!variables.ok()) {
    return Refuse(settings_->helper + " answered what is no plan (" + variables.problem +
                  "); submit without --rhumb, and tell your administrator");
  }
  const Outcome<JobDecision> decision = Decide(*variables, names);
  if (!decision.ok()) {
    open_problem_ = decision.problem;
    return {};
  }
  variables_ = *std::move(variables.value);
  Publish(*decision);
  if (decision->job_count > 1) {
    chain_remark_ = decision->plan + " takes " + std::to_string(decision->job_count) +
                    " jobs, of which this is one: `rhumb submit` chains them";
  }
  if (settings_->policy != Policy::kAdvise) return {};
  std::string line = decision->plan + " would ask for";
  for (const auto& [name, value] : Options(*decision))
    line.append(" --").append(name).append("=").append(value);
  return {.refused = false, .line = line + "; the job is submitted as it stands"};
}

void Submission::Publish(const JobDecision& decision) {
  for (const auto& [name, value] : variables_) surroundings_.set_variable(name, value);
  surroundings_.set_variable(kPlanVariable, decision.plan);
  if (settings_->policy == Policy::kAdvise) return;
  for (const auto& [name, value] : Options(decision)) {
    surroundings_.set_variable(VariableOf(name), value);
  }
  surroundings_.set_variable("RHUMB_SLURM_PLANNED_MINUTES",
                             std::to_string(decision.planned_minutes));
  surroundings_.set_variable("RHUMB_SLURM_ANSWER", surroundings_.expect_filter());
}

void Submission::Withdraw() {
  for (const auto& [name, value] : variables_) surroundings_.unset_variable(name);
  variables_.clear();
  chain_remark_.clear();
  ForgetInherited();
}

// Here and not beside the plan: a later --rhumb may have replaced it.
Verdict Submission::Promise() {
  const HelperResult result = surroundings_.run_helper(
      settings_->helper, PromiseArguments(variables_["RHUMB_PLAN"], *settings_),
      settings_->deadline_milliseconds);
  if (Verdict missing = Missing(result); missing.refused) return missing;
  if (result.exit_code == 0) return {};
  return Refuse(Said(result) + "; submit again, for what is free then");
}

Verdict Submission::Finish() {
  if (surroundings_.is_step) return {};
  finished_ = true;
  if (!open_problem_.empty()) return Refuse(std::exchange(open_problem_, ""));
  if (!variables_.empty() && settings_->policy == Policy::kFill &&
      !surroundings_.filter_answered()) {
    return Refuse(
        "nobody sizes the job by the plan: Rhumb's part of cli_filter.lua is not loaded; use "
        "`rhumb "
        "submit`, and tell your administrator");
  }
  if (!variables_.empty() && settings_->policy == Policy::kFill && settings_->reserve &&
      AsksForFreeGpus(request_, *settings_)) {
    if (Verdict promise = Promise(); promise.refused) return promise;
  }
  return {.refused = false, .line = chain_remark_};
}

}  // namespace rhumb::slurm
