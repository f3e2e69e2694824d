// SPDX-License-Identifier: Apache-2.0
#include "client/cli/learned_runs.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/resources.h"
#include "client/cli/run_facts.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/measured_run.h"
#include "planner/plan/pool.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"
#include "proto/convert/architecture_message.h"
#include "proto/convert/gpu_message.h"
#include "proto/convert/layout_message.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {
namespace {

constexpr int kRunsPerPage = 100;
// Why the steps of `finished` say nothing of its plan's layout; empty if they do.
std::string WhyNoRow(const FinishedRun& finished) {
  const v1::Run& run = finished.run;
  if (!finished.plan.has_value()) return "has no plan that is stored";
  const v1::Plan& plan = *finished.plan;
  if (plan.state() != v1::Plan::STATE_FEASIBLE || !plan.has_layout() || !plan.has_allocation()) {
    return "its plan has no layout";
  }
  if (run.replans_size() > 0) {
    return "was planned anew while it ran: its steps are of several layouts";
  }
  if (!ActualOf(run, "step_seconds").has_value()) return "told of no step times";
  const std::optional<double> gpus = ActualOf(run, "gpu_count");
  if (gpus.has_value() && *gpus != static_cast<double>(plan.allocation().gpu_count())) {
    return absl::StrFormat("ran on %.0f GPUs, its plan has %d", *gpus,
                           plan.allocation().gpu_count());
  }
  const v1::RunSettings& settings = run.settings();
  if (settings.has_global_batch_tokens() &&
      settings.global_batch_tokens() != plan.batch().global_batch_tokens()) {
    return "ran in another batch than its plan's";
  }
  if (settings.has_gpu_count() && settings.gpu_count() != plan.allocation().gpu_count()) {
    return absl::StrCat("ran on ", settings.gpu_count(), " GPUs, its plan has ",
                        plan.allocation().gpu_count());
  }
  if (!settings.framework().empty() && settings.framework() != plan.layout().framework()) {
    return absl::StrCat("ran with ", settings.framework(), ", its plan is of ",
                        plan.layout().framework());
  }
  return "";
}

// The run as one that was measured; a reason where it cannot be.
absl::StatusOr<MeasuredRun> MeasuredRunOf(const FinishedRun& finished,
                                          const std::vector<Gpu>& gpus) {
  const std::string why = WhyNoRow(finished);
  if (!why.empty()) return absl::InvalidArgumentError(why);
  const v1::Plan& plan = *finished.plan;
  const auto gpu = std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& known) {
    return known.id == plan.allocation().gpu_type();
  });
  if (gpu == gpus.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("its GPU type ", plan.allocation().gpu_type(), " is not known any more"));
  }
  MeasuredRun run;
  run.row_id = finished.run.name();
  run.shape = convert::FromProto(plan.model());
  run.gpu = *gpu;
  const GpuPool pool = ResolvePool(*gpu, plan.allocation().gpu_count(),
                                   plan.allocation().gpus_per_node(), std::nullopt, std::nullopt);
  run.fabric = Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu};
  RHUMB_ASSIGN_OR_RETURN(run.profile, FindFrameworkProfile(plan.layout().framework()));
  run.layout = convert::FromProto(plan.layout());
  RHUMB_RETURN_IF_ERROR(ValidateRunnableLayout(run.shape, run.layout));
  run.global_batch_size = plan.batch().global_batch_size();
  run.step_seconds = ActualOf(finished.run, "step_seconds");
  run.peak_bytes = ActualOf(finished.run, "peak_memory_bytes");
  run.out_of_memory = finished.run.state() == v1::RUN_STATE_OUT_OF_MEMORY;
  return run;
}

// Rows whose errors go together: of one cluster and one framework.
std::string TableOf(const FinishedRun& finished) {
  const std::string cluster =
      finished.run.jobs().empty() ? "" : BareName(finished.run.jobs(0).cluster());
  const std::string framework =
      finished.plan.has_value() ? finished.plan->layout().framework() : "";
  if (cluster.empty() && framework.empty()) return "runs";
  return cluster.empty()     ? framework
         : framework.empty() ? cluster
                             : absl::StrCat(cluster, " ", framework);
}

}  // namespace

std::optional<double> ActualOf(const v1::Run& run, absl::string_view quantity) {
  const v1::RunComparison* found = FindComparison(run, quantity);
  if (found == nullptr || !found->has_actual() || !(found->actual() > 0)) return std::nullopt;
  return found->actual();
}

absl::StatusOr<std::vector<FinishedRun>> FinishedRuns(const std::string& cluster,
                                                      client::Client& client) {
  std::vector<FinishedRun> finished;
  std::map<std::string, std::optional<v1::Plan>> plans;
  v1::ListRunsRequest request;
  request.set_page_size(kRunsPerPage);
  request.set_view(v1::PLAN_VIEW_FULL);
  request.set_cluster(cluster);
  do {
    RHUMB_ASSIGN_OR_RETURN(const v1::ListRunsResponse page, client.ListRuns(request));
    for (const v1::Run& run : page.runs()) {
      if (IsOpen(run)) continue;
      auto plan = plans.find(run.plan());
      if (plan == plans.end()) {
        plan = plans.emplace(run.plan(), std::nullopt).first;
        v1::GetPlanRequest get;
        get.set_name(run.plan());
        if (!run.plan().empty()) {
          absl::StatusOr<v1::Plan> found = client.GetPlan(get);
          if (found.ok()) {
            plan->second = *std::move(found);
          } else if (!absl::IsNotFound(found.status())) {
            return found.status();
          }
        }
      }
      finished.push_back({run, plan->second});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  std::sort(finished.begin(), finished.end(), [](const FinishedRun& a, const FinishedRun& b) {
    return std::make_pair(a.run.end_time().seconds(), a.run.name()) <
           std::make_pair(b.run.end_time().seconds(), b.run.name());
  });
  return finished;
}

absl::StatusOr<std::vector<Gpu>> KnownGpus(client::Client& client) {
  RHUMB_ASSIGN_OR_RETURN(const v1::ListGpuTypesResponse types, AllGpuTypes(client));
  std::vector<Gpu> gpus;
  for (const v1::GpuType& type : types.gpu_types()) gpus.push_back(convert::FromProto(type));
  return gpus;
}

RunTables JudgeFinishedRuns(const std::vector<FinishedRun>& runs, const std::vector<Gpu>& gpus,
                            const std::string& framework, const TimeCalibration* calibration) {
  RunTables tables;
  std::string hashed;
  for (const FinishedRun& finished : runs) {
    const bool has_plan = finished.plan.has_value();
    if (!framework.empty() && (!has_plan || finished.plan->layout().framework() != framework)) {
      continue;
    }
    JudgedRun judged;
    judged.table = TableOf(finished);
    judged.row.row_id = finished.run.name();
    absl::StatusOr<MeasuredRun> run = MeasuredRunOf(finished, gpus);
    if (run.ok()) {
      judged.prediction = PredictRun(*run, TimeConstantsWith(calibration, run->gpu.family));
      absl::StrAppend(&hashed, finished.run.name(), " ", finished.run.plan(), " ",
                      absl::StrFormat("%.17g", run->step_seconds.value_or(0)), "\n");
      judged.row.run = *std::move(run);
    } else {
      judged.row.defect.reason = std::string(run.status().message());
    }
    tables.runs.push_back(std::move(judged));
  }
  tables.sha256 = Sha256Hex(hashed);
  return tables;
}

std::vector<std::string> RemarksOnGain(const v1::Calibration& calibration) {
  std::vector<std::string> remarks;
  for (const v1::CalibratedFamily& family : calibration.families()) {
    if (!family.has_left_out_error_fraction()) {
      remarks.push_back(absl::StrCat(
          family.family(), ": too few runs to leave any out: what others would see is not known"));
    } else if (family.left_out_error_fraction() >= family.default_error_fraction()) {
      remarks.push_back(absl::StrFormat(
          "%s: runs that were left out are predicted no better than without it (%.1f%% against "
          "%.1f%%): not worth adopting",
          family.family(), 100 * family.left_out_error_fraction(),
          100 * family.default_error_fraction()));
    }
  }
  return remarks;
}

}  // namespace rhumb::cli
