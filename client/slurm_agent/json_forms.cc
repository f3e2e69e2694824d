// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/json_forms.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb::slurm_agent {
namespace {

using Json = nlohmann::json;

// The array `name` of the document, of whose objects `kept` keys are kept: a job has a hundred
// more, and a queue ten thousand jobs.
absl::StatusOr<Json> ReadList(absl::string_view text, const std::string& name,
                              const std::set<std::string>& kept) {
  constexpr int kDepthOfDocument = 1, kDepthOfObjects = 3;
  const auto keep = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event != Json::parse_event_t::key) return true;
    if (depth == kDepthOfDocument) return parsed == name;
    return depth != kDepthOfObjects || kept.contains(parsed.get_ref<const std::string&>());
  };
  Json document = Json::parse(text.begin(), text.end(), keep, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains(name) || !document[name].is_array()) {
    return absl::DataLossError(absl::StrCat("no JSON with a list of ", name));
  }
  return std::move(document[name]);
}

std::string Text(const Json& object, const char* key) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

// A number, or one that is wrapped; nullopt: null, infinite, not set.
std::optional<int64_t> OptionalNumber(const Json& value) {
  if (value.is_number_unsigned() || value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!(std::abs(number) < 9e15)) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (!value.is_object()) return std::nullopt;
  const auto is = [&](const char* key) {
    const auto flag = value.find(key);
    return flag != value.end() && flag->is_boolean() && flag->get<bool>();
  };
  const auto number = value.find("number");
  if (!is("set") || is("infinite") || number == value.end() || number->is_object()) {
    return std::nullopt;
  }
  return OptionalNumber(*number);
}

std::optional<int64_t> OptionalNumber(const Json& object, const char* key) {
  const auto value = object.find(key);
  return value == object.end() ? std::nullopt : OptionalNumber(*value);
}

int64_t Number(const Json& object, const char* key) {
  return OptionalNumber(object, key).value_or(0);
}

// A text or a list of texts.
std::vector<std::string> Texts(const Json& object, const char* key) {
  std::vector<std::string> texts;
  const auto value = object.find(key);
  if (value == object.end()) return texts;
  if (value->is_string()) texts.push_back(value->get<std::string>());
  if (!value->is_array()) return texts;
  for (const Json& each : *value) {
    if (each.is_string()) texts.push_back(each.get<std::string>());
  }
  return texts;
}

// "mixed" of 22.05, ["IDLE", "DRAIN"] since.
std::vector<std::string> States(const Json& object, const char* key, const char* flags_key) {
  std::vector<std::string> states = Texts(object, key);
  for (std::string& flag : Texts(object, flags_key)) states.push_back(std::move(flag));
  for (std::string& state : states) absl::AsciiStrToUpper(&state);
  return states;
}

// The status of wait(2) as a number, or its parts.
void ReadExit(const Json& object, SourceJob& job) {
  const auto value = object.find("exit_code");
  if (value == object.end()) return;
  if (value->is_object() && value->contains("return_code")) {
    job.exit_code = Number(*value, "return_code");
    const auto signal = value->find("signal");
    if (signal == value->end() || !signal->is_object()) return;
    job.exit_signal = signal->contains("id") ? Number(*signal, "id") : Number(*signal, "signal_id");
    return;
  }
  const int64_t status = OptionalNumber(*value).value_or(0);
  job.exit_code = (status >> 8) & 0xff;
  job.exit_signal = status & 0x7f;
}

SourceJob ReadJob(const Json& object) {
  SourceJob job;
  job.job_id = Number(object, "job_id");
  job.array_job_id = Number(object, "array_job_id");
  if (job.array_job_id > 0) job.array_task_id = OptionalNumber(object, "array_task_id");
  job.array_tasks = Text(object, "array_task_string");
  // The record of elements that wait has a task id in some versions.
  if (!job.array_tasks.empty()) job.array_task_id.reset();
  job.het_job_id = Number(object, "het_job_id");
  job.het_job_offset = Number(object, "het_job_offset");
  job.restart_count = Number(object, "restart_cnt");
  job.states = States(object, "job_state", "");
  job.reason = Text(object, "state_reason");
  job.comment = Text(object, "comment");
  job.user_name = Text(object, "user_name");
  job.name = Text(object, "name");
  job.partition = Text(object, "partition");
  job.user_id = Number(object, "user_id");
  job.node_list = Text(object, "nodes");
  job.node_count = Number(object, "node_count");
  job.task_count = Number(object, "tasks");
  job.gres_detail = Texts(object, "gres_detail");
  job.tres_allocated = Text(object, "tres_alloc_str");
  job.tres_per_job = Text(object, "tres_per_job");
  job.tres_per_node = Text(object, "tres_per_node");
  job.tres_per_task = Text(object, "tres_per_task");
  job.submit_seconds = Number(object, "submit_time");
  job.start_seconds = Number(object, "start_time");
  job.end_seconds = Number(object, "end_time");
  job.suspend_seconds = Number(object, "suspend_time");
  job.run_before_suspend_seconds = Number(object, "pre_sus_time");
  if (const std::optional<int64_t> minutes = OptionalNumber(object, "time_limit")) {
    job.time_limit_seconds = static_cast<double>(*minutes) * 60;
  }
  ReadExit(object, job);
  return job;
}

}  // namespace

absl::StatusOr<NodeForms> ParseNodesJson(absl::string_view text) {
  RHUMB_ASSIGN_OR_RETURN(const Json list, ReadList(text, "nodes",
                                                   {"name", "state", "state_flags", "gres",
                                                    "gres_used", "reason", "partitions"}));
  NodeForms forms;
  for (const Json& object : list) {
    if (!object.is_object()) continue;
    SourceNode node;
    node.name = Text(object, "name");
    if (node.name.empty()) continue;
    node.states = States(object, "state", "state_flags");
    node.gres = Text(object, "gres");
    node.gres_used = Text(object, "gres_used");
    node.reason = Text(object, "reason");
    for (const std::string& partition : Texts(object, "partitions")) {
      forms.nodes_of_partition[partition].push_back(node.name);
    }
    forms.nodes.push_back(std::move(node));
  }
  return forms;
}

absl::StatusOr<std::vector<SourceJob>> ParseJobsJson(absl::string_view text) {
  RHUMB_ASSIGN_OR_RETURN(
      const Json list,
      ReadList(text, "jobs",
               {"job_id",        "array_job_id",   "array_task_id", "array_task_string",
                "het_job_id",    "het_job_offset", "job_state",     "state_reason",
                "comment",       "user_name",      "name",          "partition",
                "user_id",       "nodes",          "node_count",    "tasks",
                "gres_detail",   "tres_alloc_str", "tres_per_job",  "tres_per_node",
                "tres_per_task", "submit_time",    "start_time",    "end_time",
                "suspend_time",  "pre_sus_time",   "time_limit",    "exit_code",
                "restart_cnt"}));
  std::vector<SourceJob> jobs;
  for (const Json& object : list) {
    if (object.is_object() && Number(object, "job_id") > 0) jobs.push_back(ReadJob(object));
  }
  return jobs;
}

}  // namespace rhumb::slurm_agent
