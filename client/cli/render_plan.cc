// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_plan.h"

#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/plan_command.h"
#include "client/cli/render_layouts.h"
#include "client/cli/render_parts.h"
#include "client/config/human_numbers.h"
#include "client/config/written_numbers.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

// Constraints that are no fields of the question, in words.
std::string ConstraintName(const std::string& constraint) {
  static const Command& command = *new Command(PlanCommand());
  if (constraint == "gpu_memory") return "GPU memory";
  if (constraint == "gpu_count") return "the number of GPUs";
  return FieldTitle(&command, constraint);
}

// What to write after `flag` for a value that is `from` now and must become `to`, or nothing if
// numbers do not say it. Limits are rounded away from `from`, so that the rest stays feasible.
std::string FlagValue(const Flag& flag, double from, double to) {
  const Side side = to > from ? Side::kUp : Side::kDown;
  // These are met exactly or not at all.
  if (flag.field == "global_batch_tokens" || absl::StartsWith(flag.field, "layout.")) {
    return flag.kind == FlagKind::kCount ? PrintJsonNumber(to) : "";
  }
  switch (flag.kind) {
    case FlagKind::kCount:
      return WriteCount(to, side);
    case FlagKind::kNumber:
      return WriteNumber(to, side);
    case FlagKind::kDuration:
    case FlagKind::kDurationOrDate:
      return WriteDuration(to, side);
    case FlagKind::kUsd:
      return WriteUsd(to, side);
    case FlagKind::kBytes:
      return WriteBytes(to, side);
    default:
      return "";
  }
}

// "--gpus 512xH100-SXM5-80GB@2.5": the pool of `question` with another number of GPUs; empty if
// there is not exactly one, as the number is then of all together.
std::string PoolFlag(const v1::CreatePlanRequest* question, double gpu_count) {
  if (question == nullptr || question->gpu_pools_size() != 1) return "";
  const v1::GpuPool& pool = question->gpu_pools(0);
  return absl::StrCat("--gpus ", PrintJsonNumber(std::ceil(gpu_count)), "x", pool.gpu_type(),
                      pool.has_price_usd_per_gpu_hour()
                          ? absl::StrCat("@", PrintJsonNumber(pool.price_usd_per_gpu_hour()))
                          : "");
}

// "--deadline 18d10h": what to write to relax the constraint; empty if no single flag does.
std::string FlagFor(const v1::Plan::Relaxation& relaxation, const v1::CreatePlanRequest* question) {
  if (relaxation.constraint() == "gpu_count") return PoolFlag(question, relaxation.to());
  static const Command& command = *new Command(PlanCommand());
  for (const Flag& flag : command.flags) {
    if (flag.field != relaxation.constraint()) continue;
    const std::string value = FlagValue(flag, relaxation.from(), relaxation.to());
    return value.empty() ? "" : absl::StrCat("--", flag.name, " ", value);
  }
  return "";
}

std::string InfeasibleSentence(const v1::Plan& plan) {
  std::vector<std::string> names;
  for (const std::string& constraint : plan.infeasibility().conflict())
    names.push_back(ConstraintName(constraint));
  if (names.empty()) return "No plan meets this question.";
  if (names.size() == 1)
    return absl::StrCat("No plan meets this question: ", names[0], " cannot be met.");
  const std::string last = names.back();
  names.pop_back();
  return absl::StrCat("No plan meets this question: ", JoinParts(names, ", "), " and ", last,
                      " cannot be met together.");
}

void AddRelaxations(const v1::Plan& plan, const v1::CreatePlanRequest* question, Report& report) {
  const char* label = "Would do";
  for (const v1::Plan::Relaxation& relaxation : plan.infeasibility().relaxations()) {
    const std::string flag = FlagFor(relaxation, question);
    report.Row(label, JoinParts({flag, relaxation.text()}, ": "));
    label = "";
  }
}

// Laws then mean the active parameters by N.
bool IsMixture(const v1::Plan& plan) { return plan.model().expert_count() > 0; }

void AddTokens(const v1::Plan& plan, Report& report) {
  std::string text = FormatCount(static_cast<double>(plan.token_count()));
  if (plan.has_unique_token_count()) {
    absl::StrAppend(&text, " (", FormatRatio(plan.epoch_count()), " epochs of ",
                    FormatCount(static_cast<double>(plan.unique_token_count())), " distinct)");
  }
  const std::string convention = ConventionName(plan.law().flops_convention());
  report.Row(
      "Tokens",
      JoinParts({text,
                 absl::StrCat(FormatRatio(plan.tokens_per_param()), " per ",
                              IsMixture(plan) ? "active " : "", "parameter"),
                 absl::StrCat(FormatFlops(plan.training_flops()),
                              convention.empty() ? "" : absl::StrCat(" (", convention, ")"))},
                ", "));
}

void AddLoss(const v1::Plan& plan, bool wide, Report& report) {
  const v1::Plan::LawUse& law = plan.law();
  const std::string convention = ConventionName(law.param_count_convention());
  report.Row("Loss", absl::StrCat(
                         FormatLossEstimate(plan.loss()), " by ", BareName(law.name()), ", N ",
                         IsMixture(plan) ? absl::StrCat("active (", convention, ")") : convention));
  report.Row("",
             JoinParts({law.dataset().empty() ? "" : absl::StrCat("on ", law.dataset()),
                        law.tokenizer().empty() ? "" : absl::StrCat("tokenizer ", law.tokenizer())},
                       ", "));
  if (wide) report.Row("", law.source());
}

void AddBatch(const v1::Plan& plan, bool wide, Report& report) {
  if (plan.has_batch() && plan.batch().global_batch_tokens() > 0) {
    const v1::Plan::Batch& batch = plan.batch();
    report.Row("Batch", absl::StrCat(FormatCount(static_cast<double>(batch.global_batch_tokens())),
                                     " tokens = ", FormatInteger(batch.global_batch_size()),
                                     " sequences a step, ", Counted(batch.step_count(), "step")));
    std::string critical =
        absl::StrCat("critical batch ", FormatCount(batch.critical_batch_tokens()), " tokens");
    if (batch.critical_high_tokens() > 0) {
      absl::StrAppend(&critical, " (other rules ", FormatCount(batch.critical_low_tokens()), " to ",
                      FormatCount(batch.critical_high_tokens()), ")");
    }
    report.Row("", JoinParts({critical, batch.source()}, ", "));
  }
  if (plan.has_learning_rate() && plan.learning_rate().peak() > 0) {
    const v1::Plan::LearningRate& rate = plan.learning_rate();
    report.Row("Learning rate",
               JoinParts({absl::StrCat("suggestion: peak ", FormatScientific(rate.peak()), " (",
                                       FormatScientific(rate.low()), " to ",
                                       FormatScientific(rate.high()), ")"),
                          rate.schedule(), wide ? rate.source() : ""},
                         ", "));
  }
}

void AddBinding(const v1::Plan& plan, Report& report) {
  const char* label = "Binds";
  for (const v1::Plan::Binding& binding : plan.binding()) {
    std::string text =
        binding.text().empty() ? ConstraintName(binding.constraint()) : binding.text();
    if (binding.has_shadow_price()) {
      absl::StrAppend(&text, " [", FormatScientific(binding.shadow_price()), " ", binding.unit(),
                      "]");
    }
    report.Row(label, text);
    label = "";
  }
}

// Empty where the size is fixed: one point is no region.
std::string SizeRange(const char* label, double low, double high) {
  if (high <= 0 || FormatCount(low) == FormatCount(high)) return "";
  return absl::StrCat(label, FormatCount(low), " to ", FormatCount(high));
}

void AddLawOptimum(const v1::Plan& plan, Report& report) {
  if (!plan.has_law_optimum()) return;
  const v1::Plan::LawOptimum& optimum = plan.law_optimum();
  report.Row("Law optimum",
             JoinParts({absl::StrCat(FormatCount(optimum.param_count()),
                                     IsMixture(plan) ? " active on " : " on ",
                                     FormatCount(optimum.token_count()), " tokens, loss ",
                                     FormatLoss(optimum.loss_nats())),
                        absl::StrCat(FormatFlops(optimum.training_flops())),
                        optimum.has_cost_usd() ? FormatUsd(optimum.cost_usd()) : ""},
                       ", "));
  const std::string flat =
      JoinParts({SizeRange("within 0.1% from ", optimum.param_count_low_0p1pct(),
                           optimum.param_count_high_0p1pct()),
                 SizeRange("within 1% from ", optimum.param_count_low_1pct(),
                           optimum.param_count_high_1pct())},
                ", ");
  if (!flat.empty()) report.Row("", absl::StrCat("flat region: ", flat));
}

void AddAlternatives(const v1::Plan& plan, const Terminal& terminal, Report& report) {
  if (plan.alternatives().empty()) return;
  report.Row("Alternatives",
             "trade-offs of loss, cost and time; 1.0%: within 1.0% of this plan's loss");
  const bool priced = plan.alternatives(0).has_total_usd();
  Table table;
  table.columns = {{.title = "ALTERNATIVE"},
                   {.title = "MODEL", .number = true},
                   {.title = "TOKENS", .number = true},
                   {.title = "LOSS", .number = true},
                   {.title = "GPUS"},
                   {.title = "WALL", .number = true},
                   {.title = priced ? "COST" : "GPU-HOURS", .number = true}};
  for (const v1::Plan::Alternative& other : plan.alternatives()) {
    table.rows.push_back(
        // Said once above the table instead of in every row.
        {absl::StrReplaceAll(other.text(), {{" within ", ", "}, {" of this plan's loss", ""}}),
         FormatCount(static_cast<double>(other.param_count())),
         FormatCount(static_cast<double>(other.token_count())), FormatLoss(other.loss_nats()),
         other.gpu_count() > 0 ? absl::StrCat(other.gpu_count(), "x", other.gpu_type()) : "",
         FormatDuration(other.wall_seconds()),
         !priced                 ? FormatCount(other.gpu_hours())
         : other.has_total_usd() ? FormatUsd(other.total_usd())
                                 : ""});
  }
  report.Block(RenderTable(table, {}, terminal));
}

void AddSearch(const v1::Plan& plan, bool explain, Report& report) {
  if (!plan.has_search()) return;
  const v1::Plan::Search& search = plan.search();
  std::string text = absl::StrCat(Counted(search.candidate_count(), "candidate"), ", ",
                                  FormatInteger(search.evaluated_count()), " evaluated, ",
                                  FormatInteger(search.pruned_count()), " ruled out by bounds, in ",
                                  FormatDuration(search.seconds()));
  if (!search.complete())
    absl::StrAppend(&text, "; stopped by the deadline, so this is the best found so far");
  report.Row("Search", text, search.complete() ? Style::kDim : Style::kWarning);
  if (explain) {
    report.Row("",
               "a candidate is an architecture, a GPU type and count, and a layout; batch and "
               "tokens are solved inside "
               "each, so that what is not evaluated is proven unable to win",
               Style::kDim);
  }
}

std::string ShortLoss(const v1::Plan& plan) {
  return plan.has_loss() ? FormatLoss(plan.loss().mean_nats()) : "";
}

}  // namespace

std::string PlanSentence(const v1::Plan& plan) {
  if (plan.state() != v1::Plan::STATE_FEASIBLE) return InfeasibleSentence(plan);
  const double param_count = static_cast<double>(plan.model().param_count());
  const std::string active =
      IsMixture(plan) && plan.model().has_active_param_count()
          ? absl::StrCat(" (", FormatCount(static_cast<double>(plan.model().active_param_count())),
                         " active)")
          : "";
  std::string text = absl::StrCat("Train a ", FormatCount(param_count), " model", active, " on ",
                                  FormatCount(static_cast<double>(plan.token_count())), " tokens");
  if (plan.has_allocation()) {
    absl::StrAppend(&text, " with ", FormatInteger(plan.allocation().gpu_count()), " ",
                    plan.allocation().gpu_type());
  }
  if (plan.has_time() && plan.time().wall_seconds() > 0) {
    absl::StrAppend(&text, " for ", FormatDuration(plan.time().wall_seconds()));
  }
  if (plan.has_cost() && plan.cost().has_total_usd()) {
    absl::StrAppend(&text, " and ", FormatUsd(plan.cost().total_usd()));
  }
  return absl::StrCat(text, ": expected loss ", FormatLossEstimate(plan.loss()), ".");
}

std::string RenderPlan(const v1::Plan& plan, const PlanRenderOptions& options,
                       const Terminal& terminal) {
  Report report(terminal);
  const bool feasible = plan.state() == v1::Plan::STATE_FEASIBLE;
  report.Sentence(PlanSentence(plan), feasible ? Style::kGood : Style::kBad);
  if (!feasible) AddRelaxations(plan, options.question, report);
  if (plan.has_model()) AddModel(plan.model(), report);
  if (plan.has_token_count()) AddTokens(plan, report);
  if (plan.has_loss()) AddLoss(plan, options.wide, report);
  AddBatch(plan, options.wide, report);
  if (plan.has_allocation()) report.Row("Allocation", DescribeAllocation(plan.allocation()));
  if (plan.has_layout()) AddLayout(plan.layout(), report);
  if (plan.has_memory())
    AddMemory(plan.memory(), {.parts = options.explain || options.wide, .stages = options.wide},
              report);
  if (plan.has_time())
    AddTime(plan.time(), {.level = plan.loss().level(), .causes = options.explain || options.wide},
            report);
  if (plan.has_cost()) AddCost(plan.cost(), report);
  if (plan.has_calibration()) AddCalibration(plan.calibration(), report);
  AddBinding(plan, report);
  AddLawOptimum(plan, report);
  if (options.explain) AddBestLayouts(plan, terminal, report);
  AddAlternatives(plan, terminal, report);
  AddWarnings(plan.warnings(), report);
  AddAssumptions(plan.assumptions(), options.wide, report);
  AddSearch(plan, options.explain, report);
  report.Row("Name", plan.name());
  return report.text();
}

Table PlansTable(const std::vector<v1::Plan>& plans, const std::string& swept_title,
                 const std::vector<std::string>& swept_values) {
  Table table;
  if (!swept_title.empty()) table.columns.push_back({.title = swept_title, .number = true});
  for (Column column :
       std::vector<Column>{{.title = "NAME"},
                           {.title = "STATE"},
                           {.title = "MODEL", .number = true},
                           {.title = "TOKENS", .number = true},
                           {.title = "LOSS", .number = true},
                           {.title = "GPUS"},
                           {.title = "WALL", .number = true},
                           {.title = "COST", .number = true},
                           {.title = "GPU-HOURS", .number = true, .wide_only = true},
                           {.title = "MFU", .number = true, .wide_only = true},
                           {.title = "LAW", .wide_only = true},
                           {.title = "OBJECTIVE", .wide_only = true}}) {
    table.columns.push_back(std::move(column));
  }
  for (size_t i = 0; i < plans.size(); ++i) {
    const v1::Plan& plan = plans[i];
    std::vector<std::string> row;
    if (!swept_title.empty()) row.push_back(swept_values[i]);
    const bool has_cost = plan.has_cost();
    const bool has_time = plan.has_time();
    for (std::string cell : std::vector<std::string>{
             BareName(plan.name()),
             plan.state() == v1::Plan::STATE_FEASIBLE ? "feasible" : "infeasible",
             plan.has_model() ? FormatCount(static_cast<double>(plan.model().param_count())) : "",
             plan.has_token_count() ? FormatCount(static_cast<double>(plan.token_count())) : "",
             ShortLoss(plan),
             plan.has_allocation()
                 ? absl::StrCat(plan.allocation().gpu_count(), "x", plan.allocation().gpu_type())
                 : "",
             has_time ? FormatDuration(plan.time().wall_seconds()) : "",
             has_cost && plan.cost().has_total_usd() ? FormatUsd(plan.cost().total_usd()) : "",
             has_cost ? FormatCount(plan.cost().gpu_hours()) : "",
             has_time ? FormatFraction(plan.time().mfu()) : "", BareName(plan.law().name()),
             v1::Objective_Name(plan.objective()).substr(sizeof("OBJECTIVE_") - 1)}) {
      row.push_back(std::move(cell));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace rhumb::cli
