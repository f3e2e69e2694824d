// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_isoflop.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

using Budget = v1::LawFitResult::IsoFlopBudget;

constexpr size_t kShownBudgets = 12;

// By rising compute; where there are more than are shown, those that come nearest to a parabola.
std::vector<const Budget*> Shown(const v1::LawFitResult& fit, bool wide) {
  std::vector<const Budget*> budgets;
  for (const Budget& budget : fit.isoflop_budgets()) budgets.push_back(&budget);
  if (wide || budgets.size() <= kShownBudgets) return budgets;
  std::stable_sort(budgets.begin(), budgets.end(), [](const Budget* a, const Budget* b) {
    return a->size_count() > b->size_count();
  });
  budgets.resize(kShownBudgets);
  std::sort(budgets.begin(), budgets.end(), [](const Budget* a, const Budget* b) {
    return a->training_flops() < b->training_flops();
  });
  return budgets;
}

std::string Sizes(const Budget& budget) {
  if (budget.runs().empty()) return "";
  const std::string low = FormatCount(budget.runs(0).param_count());
  return budget.size_count() == 1
             ? low
             : absl::StrCat(low, " to ",
                            FormatCount(budget.runs(budget.runs_size() - 1).param_count()));
}

Table BudgetsTable(const std::vector<const Budget*>& budgets) {
  Table table;
  table.columns = {{.title = "BUDGET", .number = true}, {.title = "ROWS", .number = true},
                   {.title = "SIZES", .number = true},  {.title = "N"},
                   {.title = "BEST N", .number = true}, {.title = "WITHIN 0.1%"},
                   {.title = "LOSS", .number = true},   {.title = "USED"}};
  for (const Budget* budget : budgets) {
    const bool has_best = budget->has_best_param_count();
    table.rows.push_back(
        {ShortExponents(absl::StrFormat("%.3g", budget->training_flops())),
         absl::StrCat(budget->runs_size()), absl::StrCat(budget->size_count()), Sizes(*budget),
         has_best ? FormatCount(budget->best_param_count()) : "",
         has_best ? absl::StrCat(FormatCount(budget->flat_param_count().low()), " to ",
                                 FormatCount(budget->flat_param_count().high()))
                  : "",
         has_best ? FormatLoss(budget->best_loss_nats()) : "", budget->used() ? "yes" : "no"});
  }
  return table;
}

}  // namespace

void AddBudgets(const v1::LawFitResult& fit, const std::string& compute_column, bool wide,
                Report& report) {
  if (fit.isoflop_budgets().empty()) return;
  int64_t rows = 0, with_three = 0;
  for (const Budget& budget : fit.isoflop_budgets()) {
    rows += budget.runs_size();
    if (budget.size_count() >= 3) ++with_three;
  }
  report.Row(
      "Budgets",
      absl::StrCat(Counted(rows, "row"), " in ", Counted(fit.isoflop_budgets_size(), "budget"),
                   " of compute", compute_column.empty() ? "" : " by ", compute_column,
                   " (rows within 10% share one), ", with_three, with_three == 1 ? " has" : " have",
                   " the three sizes of a parabola"));
  const std::vector<const Budget*> shown = Shown(fit, wide);
  report.Block(RenderTable(BudgetsTable(shown), {}, report.terminal()));
  const size_t hidden = static_cast<size_t>(fit.isoflop_budgets_size()) - shown.size();
  if (hidden > 0) {
    report.Row("", absl::StrCat("and ", Counted(static_cast<int64_t>(hidden), "budget"),
                                " of no more sizes, listed by -o wide"));
  }
}

}  // namespace rhumb::cli
