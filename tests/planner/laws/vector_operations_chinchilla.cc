// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <string>

#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/data_constrained.h"
#include "planner/laws/downstream.h"
#include "planner/laws/hoffmann.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/serving.h"
#include "tests/planner/laws/vector_operations.h"

namespace rhumb {
namespace {

const Law& LawOfSet(const Json& inputs) {
  static const std::map<std::string, std::string> kNames = {
      {"besiroglu", "besiroglu2024"},
      {"hoffmann_unrounded", "hoffmann2022"},
      {"hoffmann_rounded", "hoffmann2022-rounded"},
      {"sardana", "sardana2024"},
      {"muennighoff_c4", "muennighoff2023-c4"},
      {"c4", "gadre2024-c4"},
      {"rpj", "gadre2024-redpajama"},
      {"rw", "gadre2024-refinedweb"}};
  return *FindLaw(kNames.at(inputs.at("set").get<std::string>()));
}
const ChinchillaLaw& Set(const Json& inputs) { return LawOfSet(inputs).constants; }

const Law& Muennighoff() { return *FindLaw("muennighoff2023-c4"); }

Json LifetimeAtLoss(const Json& in) {
  const InferenceDemand demand{Num(in, "D_inf"), Num(in, "cost_ratio_w")};
  const LifetimeOptimum best = LifetimeOptimumAtLoss(Set(in), Num(in, "L"), demand).value();
  const FrontierPoint train = OptimumForLoss(Set(in), Num(in, "L")).value();
  return {{"N", best.param_count},
          {"D", best.token_count},
          {"N_over_Nchin", best.param_count / train.param_count},
          {"D_over_Dchin", best.token_count / train.token_count},
          {"total_cost_ratio",
           best.lifetime_flops / LifetimeFlops(train.param_count, train.token_count, demand)},
          {"wedge", best.wedge}};
}

Json DeltaAtOptimum(const Json& in) {
  Law law;
  const Json& theta = in.at("theta_lnA_lnB_lnE_alpha_beta");
  law.constants = {.irreducible_loss_nats = std::exp(theta[2].get<double>()),
                   .a = std::exp(theta[0].get<double>()),
                   .b = std::exp(theta[1].get<double>()),
                   .alpha = theta[3].get<double>(),
                   .beta = theta[4].get<double>()};
  law.covariance = LawCovariance{.parameters = {"ln_A", "ln_B", "ln_E", "alpha", "beta"},
                                 .values = Eigen::MatrixXd(5, 5),
                                 .source = "the vector"};
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) law.covariance->values(i, j) = in.at("cov")[i][j].get<double>();
  }
  const FrontierPoint best = OptimumForCompute(law.constants, Num(in, "C"));
  const TokenUse use{
      .token_count = best.token_count, .unique_token_count = {}, .batch_overhead = 1};
  return {{"L", PredictLoss(law, best.param_count, use)},
          {"sd_L", PredictLossStdDev(law, best.param_count, use).value()},
          {"ln_N", std::log(best.param_count)},
          {"sd_lnN", LogOptimalParamsStdDev(law, Num(in, "C")).value()}};
}

// L(C, M): N = sqrt(C / (6 M)), D = M N; and the downstream error that goes with the law.
Json GadreLossAndError(const Json& in) {
  const double n = std::sqrt(Num(in, "C") / (kTrainingFlopsPerParamToken * Num(in, "M")));
  const Law& law = LawOfSet(in);
  const double loss = ExpectedLoss(law.constants, n, Num(in, "M") * n);
  for (const GadreErrorConstants& error : kGadreErrors) {
    if (error.law == law.name) return {{"L", loss}, {"err17", GadreError(error, loss)}};
  }
  return {{"L", loss}};
}

}  // namespace

Operations ChinchillaOperations() {
  return {
      {"chinchilla/derived_constants",
       [](const Json& in) {
         const FrontierConstants c = DeriveFrontier(Set(in));
         return Json{{"G", c.g},
                     {"a", c.params_exponent},
                     {"b", c.tokens_exponent},
                     {"gamma", c.loss_exponent},
                     {"K", c.loss_prefactor}};
       }},
      {"chinchilla/loss",
       [](const Json& in) {
         return Json{{"L", ExpectedLoss(Set(in), Num(in, "N"), Num(in, "D"))}};
       }},
      {"chinchilla/optimum",
       [](const Json& in) {
         const FrontierPoint p = OptimumForCompute(Set(in), Num(in, "C"));
         return Json{{"N", p.param_count},
                     {"D", p.token_count},
                     {"D_over_N", p.tokens_per_param},
                     {"L", p.loss_nats}};
       }},
      {"chinchilla/params_for_loss_at_D",
       [](const Json& in) {
         return Json{{"N", ParamsForLoss(Set(in), Num(in, "D"), Num(in, "L")).value()}};
       }},
      {"chinchilla/target_loss",
       [](const Json& in) {
         const auto p = OptimumForLoss(Set(in), Num(in, "L"));
         if (!p.ok()) return Json{{"feasible", false}};
         return Json{{"C_min", p->training_flops}, {"N", p->param_count}, {"D", p->token_count}};
       }},
      {"chinchilla/tokens_for_N_optimal",
       [](const Json& in) {
         const FrontierPoint p = OptimumForParams(Set(in), Num(in, "N"));
         return Json{{"D", p.token_count}, {"C", p.training_flops}};
       }},
      {"chinchilla/tokens_for_loss_at_N",
       [](const Json& in) {
         const auto d = TokensForLoss(Set(in), Num(in, "N"), Num(in, "L"));
         if (d.ok()) return Json{{"D", *d}};
         return Json{{"feasible", false}, {"floor_at_N", LossFloor(LawOfSet(in), Num(in, "N"))}};
       }},
      {"devries2023/size_tradeoff",
       [](const Json& in) {
         const SizeTradeOff t = TradeSizeForTokens(Set(in), Num(in, "k_N")).value();
         return Json{{"k_D", t.tokens_ratio}, {"overhead", t.compute_overhead_fraction}};
       }},
      {"devries2023/smallest_feasible_fraction",
       [](const Json& in) {
         return Json{{"k_N_min", SmallestSizeFraction(Set(in))}};
       }},
      {"sardana2024/lifetime_budget_optimum",
       [](const Json& in) {
         const LifetimeOptimum p =
             LifetimeOptimumAtBudget(Set(in), Num(in, "C_total"),
                                     {Num(in, "D_inf"), Num(in, "cost_ratio_w")})
                 .value();
         return Json{{"N", p.param_count}, {"D", p.token_count}, {"L", p.loss_nats}};
       }},
      {"sardana2024/lifetime_optimum_at_loss", LifetimeAtLoss},
      {"uncertainty/delta_method_at_optimum", DeltaAtOptimum},
      {"gadre2024/loss_C_M", GadreLossAndError},
      {"gadre2024/M_opt",
       [](const Json& in) {
         return Json{{"M", OptimumForCompute(Set(in), 1e20).tokens_per_param}};
       }},
  };
}

Operations DataConstrainedOperations() {
  const RepetitionConstants r = *Muennighoff().repetition;
  return {
      {"muennighoff2023/effective_data",
       [r](const Json& in) {
         return Json{{"D_eff", EffectiveCount(Num(in, "D"), Num(in, "U_D"), r.data_decay_epochs)}};
       }},
      {"muennighoff2023/effective_params",
       [r](const Json& in) {
         return Json{{"N_eff", EffectiveCount(Num(in, "N"), Num(in, "U_N"), r.param_decay)}};
       }},
      {"muennighoff2023/loss",
       [](const Json& in) {
         return Json{{"L", PredictLoss(Muennighoff(), Num(in, "N"),
                                       {.token_count = Num(in, "D"),
                                        .unique_token_count = Num(in, "D_C"),
                                        .batch_overhead = 1})}};
       }},
      {"muennighoff2023/loss_floor",
       [r](const Json& in) {
         return Json{{"L", DataConstrainedLossFloor(Muennighoff().constants, r, Num(in, "D_C"))}};
       }},
      {"muennighoff2023/optimum",
       [r](const Json& in) {
         const DataConstrainedOptimum p =
             OptimumForComputeAndData(Muennighoff().constants, r, Num(in, "C"), Num(in, "D_C"));
         return Json{{"N", p.param_count},
                     {"D", p.token_count},
                     {"epochs", p.epoch_count},
                     {"L", p.loss_nats}};
       }},
  };
}

Operations HoffmannOperations() {
  const auto power_law = [](absl::Span<const HoffmannRow> rows) {
    return [rows](const Json& in) {
      const PowerLaw law = FitPowerLaw(rows).value();
      return Json{{"N", Evaluate(law, Num(in, "C"))},
                  {"exponent", law.exponent},
                  {"prefactor", law.prefactor}};
    };
  };
  return {
      {"hoffmann2022/approach1_N_opt", power_law(HoffmannTable3())},
      {"hoffmann2022/approach2_N_opt", power_law(HoffmannTableA3Approach2())},
      {"hoffmann2022/flops_ratio_exact_over_6ND",
       [](const Json& in) {
         const HoffmannShape shape{.num_layers = Num(in, "n_layer"),
                                   .hidden_size = Num(in, "d_model"),
                                   .ffn_size = Num(in, "d_ff"),
                                   .num_heads = Num(in, "n_heads"),
                                   .sequence_length = Num(in, "seq"),
                                   .vocab_size = Num(in, "vocab")};
         return Json{{"N", HoffmannParamCount(shape)}, {"ratio", HoffmannFlopsRatio(shape)}};
       }},
      {"hoffmann2022/table3_consistency",
       [](const Json& in) {
         return Json{{"N_from_powerlaw",
                      Evaluate(FitPowerLaw(HoffmannTable3()).value(), Num(in, "published_C"))},
                     {"6ND", kTrainingFlopsPerParamToken * Num(in, "N") * Num(in, "published_D")}};
       }},
  };
}

}  // namespace rhumb
