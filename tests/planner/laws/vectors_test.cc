// SPDX-License-Identifier: Apache-2.0
// Every published or independently computed vector of the laws implemented here, from one JSON
// file. The file is optional data; the other tests of this folder hold transcribed values for its
// absence.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/critical_batch.h"
#include "planner/laws/data_constrained.h"
#include "planner/laws/hoffmann.h"
#include "planner/laws/kaplan.h"
#include "planner/laws/learning_rate.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/serving.h"

namespace rhumb {
namespace {

using Json = nlohmann::json;
using Operation = std::function<Json(const Json& inputs)>;

double Num(const Json& inputs, const char* key) { return inputs.at(key).get<double>(); }

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
  law.covariance.emplace();
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) law.covariance->values[i][j] = in.at("cov")[i][j].get<double>();
  }
  const FrontierPoint best = OptimumForCompute(law.constants, Num(in, "C"));
  const TokenUse use{
      .token_count = best.token_count, .unique_token_count = {}, .batch_overhead = 1};
  return {{"L", PredictLoss(law, best.param_count, use)},
          {"sd_L", PredictLossStdDev(law, best.param_count, use).value()},
          {"ln_N", std::log(best.param_count)},
          {"sd_lnN", LogOptimalParamsStdDev(law, Num(in, "C")).value()}};
}

KaplanShape ShapeOf(const Json& in) {
  return {.num_layers = Num(in, "n_layer"),
          .hidden_size = Num(in, "d_model"),
          .attention_size = in.value("d_attn", 0.0),
          .ffn_size = in.value("d_ff", 0.0)};
}

std::map<std::string, Operation> ChinchillaOperations() {
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
      {"gadre2024/M_opt",
       [](const Json& in) {
         return Json{{"M", OptimumForCompute(Set(in), 1e20).tokens_per_param}};
       }},
  };
}

std::map<std::string, Operation> DataConstrainedOperations() {
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

std::map<std::string, Operation> HoffmannOperations() {
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

std::map<std::string, Operation> KaplanLossOperations() {
  return {
      {"kaplan2020/L_of_N",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfParams(Num(in, "N"))}};
       }},
      {"kaplan2020/L_of_D",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfTokens(Num(in, "D"))}};
       }},
      {"kaplan2020/L_of_C_naive",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfFlops(Num(in, "flops"))}};
       }},
      {"kaplan2020/L_of_Cmin",
       [](const Json& in) {
         return Json{{"pf_days", FlopsToPfDays(Num(in, "flops"))},
                     {"L", KaplanLossOfMinFlops(Num(in, "flops"))}};
       }},
      {"kaplan2020/L_of_N_D",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfParamsAndTokens(Num(in, "N"), Num(in, "D"))},
                     {"overfit_dL", KaplanOverfitFraction(Num(in, "N"), Num(in, "D"))}};
       }},
      {"kaplan2020/L_of_N_Smin",
       [](const Json& in) {
         return Json{{"L", KaplanLossOfParamsAndSteps(Num(in, "N"), Num(in, "S_min"))}};
       }},
      {"kaplan2020/D_no_overfit",
       [](const Json& in) {
         return Json{{"D", KaplanTokensAgainstOverfit(Num(in, "N"))}};
       }},
      {"kaplan2020/S_stop_lower_bound",
       [](const Json& in) {
         return Json{{"S", KaplanEarlyStopStepBound(Num(in, "N"), Num(in, "D"))}};
       }},
      {"kaplan2020/lr_rule",
       [](const Json& in) {
         return Json{{"lr", KaplanLearningRate(Num(in, "N")).value()}};
       }},
      {"kaplan2020/nonembedding_params",
       [](const Json& in) {
         return Json{{"N", KaplanParamCount(ShapeOf(in))}};
       }},
      {"kaplan2020/forward_flops_per_token",
       [](const Json& in) {
         return Json{{"flops", KaplanForwardFlopsPerToken(ShapeOf(in), Num(in, "n_ctx"))}};
       }},
      {"kaplan2020/train_flops_per_token_with_attention",
       [](const Json& in) {
         return Json{{"flops", KaplanTrainingFlopsPerToken(ShapeOf(in), Num(in, "n_ctx"))}};
       }},
      {"units/flops_to_pf_days",
       [](const Json& in) {
         return Json{{"pf_days", FlopsToPfDays(Num(in, "flops"))}};
       }},
      {"units/pf_day_to_flops",
       [](const Json& in) {
         return Json{{"flops", PfDaysToFlops(Num(in, "pf_days"))}};
       }},
  };
}

std::map<std::string, Operation> KaplanFrontierOperations() {
  return {
      {"kaplan2020/B_crit_tokens",
       [](const Json& in) {
         return Json{{"B_crit", KaplanCriticalBatchTokens(Num(in, "L"))}};
       }},
      {"kaplan2020/B_crit_loss_ratio_for_doubling",
       [](const Json&) {
         return Json{{"L_ratio", KaplanLossRatioForDoubledBatch()}};
       }},
      {"kaplan2020/N_opt_at_B_crit",
       [](const Json& in) {
         return Json{{"C_min_pf_days", FlopsToPfDays(Num(in, "C_flops")) / 2},
                     {"N", KaplanParamsAtCriticalBatch(Num(in, "C_flops"))}};
       }},
      {"kaplan2020/S_min_C_min",
       [](const Json& in) {
         const KaplanMinimum m =
             KaplanAdjustForBatch(Num(in, "N"), Num(in, "S"), Num(in, "B"), Num(in, "L"));
         return Json{
             {"S_min", m.min_step_count}, {"C", m.training_flops}, {"C_min", m.min_training_flops}};
       }},
      {"kaplan2020/appendix_B_constants",
       [](const Json&) {
         const KaplanFrontierConstants c = KaplanFrontier();
         return Json{{"alpha_C", c.loss_exponent},
                     {"C_c_flops", c.critical_flops},
                     {"C_c_pf_days", FlopsToPfDays(c.critical_flops)},
                     {"excess_over_converged", c.excess_over_converged}};
       }},
      {"kaplan2020/appendix_B_optimum",
       [](const Json& in) {
         const KaplanFrontierPoint p = KaplanOptimumForMinFlops(Num(in, "C_flops"));
         return Json{{"L", p.loss_nats},
                     {"N", p.param_count},
                     {"S", p.min_step_count},
                     {"B", p.batch_tokens}};
       }},
      {"kaplan2020/compute_efficient_table6",
       [](const Json& in) {
         const KaplanTable6 t = KaplanEfficientTrends(PfDaysToFlops(Num(in, "C_min_pf_days")));
         return Json{{"N", t.param_count},
                     {"B", t.batch_tokens},
                     {"S", t.min_step_count},
                     {"D", t.token_count}};
       }},
      {"kaplan2020/efficient_vs_converged",
       [](const Json& in) {
         const KaplanStoppingRatios r = KaplanCompareStopping(Num(in, "f"), Num(in, "f_prime"));
         return Json{{"N_ratio", r.params}, {"S_ratio", r.steps}, {"C_ratio", r.flops}};
       }},
      {"kaplan2020/suboptimal_size",
       [](const Json& in) {
         const KaplanSizePenalty p = KaplanWrongSize(Num(in, "N_over_Neff")).value();
         return Json{{"compute_ratio", p.flops_ratio}, {"steps_ratio", p.steps_ratio}};
       }},
  };
}

std::map<std::string, Operation> BatchAndRateOperations() {
  return {
      {"mccandlish2018/tradeoff",
       [](const Json& in) {
         const BatchTradeOff t =
             TradeStepsForTokens(Num(in, "S_min"), Num(in, "E_min"), Num(in, "B"));
         return Json{
             {"B_crit", t.critical_batch_tokens}, {"S", t.step_count}, {"E", t.token_count}};
       }},
      {"mccandlish2018/two_batch_estimator",
       [](const Json& in) {
         const NoiseScale n = EstimateNoiseScale(Num(in, "G2_small"), Num(in, "G2_big"),
                                                 Num(in, "B_small"), Num(in, "B_big"))
                                  .value();
         return Json{{"G2", n.squared_gradient_norm},
                     {"trSigma", n.covariance_trace},
                     {"B_simple", n.noise_scale}};
       }},
      {"minicpm2024/batch",
       [](const Json& in) {
         BatchInputs inputs;
         inputs.loss_nats = Num(in, "L_c4");
         return Json{
             {"batch_tokens", CriticalBatchTokens(BatchRule::kMiniCpm2024, inputs).value()}};
       }},
      {"porian2024/hyperparams",
       [](const Json& in) {
         BatchInputs batch;
         batch.param_count = Num(in, "N");
         LearningRateInputs rate;
         rate.non_embedding_param_count = Num(in, "N");
         return Json{{"lr", PeakLearningRate(LearningRateRule::kPorian2024, rate).value()},
                     {"batch_tokens", CriticalBatchTokens(BatchRule::kPorian2024, batch).value()}};
       }},
      {"steplaw2025/hyperparams",
       [](const Json& in) {
         BatchInputs batch;
         batch.token_count = Num(in, "D");
         LearningRateInputs rate;
         rate.non_embedding_param_count = Num(in, "N");
         rate.token_count = Num(in, "D");
         return Json{{"lr", PeakLearningRate(LearningRateRule::kStepLaw2025, rate).value()},
                     {"batch_tokens", CriticalBatchTokens(BatchRule::kStepLaw2025, batch).value()}};
       }},
      {"deepseek2024/hyperparams",
       [](const Json& in) {
         BatchInputs batch;
         batch.training_flops = Num(in, "C");
         LearningRateInputs rate;
         rate.training_flops = Num(in, "C");
         const DeepSeekAllocation best = DeepSeekOptimum(Num(in, "C"));
         return Json{{"lr", PeakLearningRate(LearningRateRule::kDeepSeek2024, rate).value()},
                     {"batch_tokens", CriticalBatchTokens(BatchRule::kDeepSeek2024, batch).value()},
                     {"M", best.flops_per_token},
                     {"D", best.token_count}};
       }},
      {"deepseek2024/M_flops_per_token",
       [](const Json& in) {
         const double m =
             DeepSeekFlopsPerToken(Num(in, "n_layer"), Num(in, "d_model"), Num(in, "l_seq"));
         return Json{{"M", m}, {"ratio_6N1_over_M", 6 * KaplanParamCount(ShapeOf(in)) / m}};
       }},
      {"bergsma2025/B_opt",
       [](const Json& in) {
         const double tokens = BergsmaBestBatchTokens(Num(in, "D"));
         return Json{{"tokens", tokens}, {"sequences_of_2048", tokens / 2048}};
       }},
      {"bergsma2025/tau_opt",
       [](const Json& in) {
         return Json{{"tau", BergsmaTimeScale(Num(in, "tokens_per_param"))}};
       }},
      {"bergsma2025/weight_decay",
       [](const Json& in) {
         return Json{{"lambda", BergsmaWeightDecay(Num(in, "B_tokens"), Num(in, "lr"), Num(in, "D"),
                                                   Num(in, "N"))}};
       }},
  };
}

std::map<std::string, Operation> AllOperations() {
  std::map<std::string, Operation> all;
  for (auto part : {ChinchillaOperations(), DataConstrainedOperations(), HoffmannOperations(),
                    KaplanLossOperations(), KaplanFrontierOperations(), BatchAndRateOperations()}) {
    all.merge(part);
  }
  return all;
}

void ExpectSame(const Json& got, const Json& expected, double rel_tol, const std::string& id) {
  for (const auto& [key, value] : expected.items()) {
    ASSERT_TRUE(got.contains(key)) << id << " has no " << key;
    if (value.is_boolean()) {
      EXPECT_EQ(got.at(key).get<bool>(), value.get<bool>()) << id << " " << key;
      continue;
    }
    const double want = value.get<double>();
    // One rounding is allowed where the vector asks for bit equality.
    const double tolerance = std::max(rel_tol, 2e-16) * std::abs(want);
    EXPECT_NEAR(got.at(key).get<double>(), want, tolerance) << id << " " << key;
  }
}

TEST(LawVectorsTest, EveryVectorOfTheImplementedLawsIsReproduced) {
  const std::string path = std::string(RHUMB_SHARED_DIR) + "/laws/test-vectors.json";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << "optional data absent: " << path;
  const Json document = Json::parse(file);
  const std::map<std::string, Operation> operations = AllOperations();
  // Laws whose every operation must be executed. Gadre's other operation adds a downstream law.
  const std::set<std::string> complete = {
      "chinchilla",  "sardana2024", "muennighoff2023", "hoffmann2022", "mccandlish2018",
      "kaplan2020",  "units",       "uncertainty",     "devries2023",  "bergsma2025",
      "steplaw2025", "minicpm2024", "deepseek2024",    "porian2024"};
  int executed_count = 0;
  std::set<std::string> seen;
  for (const Json& test_case : document.at("cases")) {
    const std::string law = test_case.at("law").get<std::string>();
    const std::string key = law + "/" + test_case.at("op").get<std::string>();
    const auto operation = operations.find(key);
    if (operation == operations.end()) {
      EXPECT_FALSE(complete.contains(law)) << key << " is not executed";
      continue;
    }
    ExpectSame(operation->second(test_case.at("inputs")), test_case.at("expected"),
               test_case.at("rel_tol").get<double>(), test_case.at("id").get<std::string>());
    seen.insert(key);
    ++executed_count;
  }
  EXPECT_EQ(seen.size(), operations.size()) << "an operation met no vector";
  EXPECT_GE(executed_count, 130);
  RecordProperty("executed", executed_count);
  std::printf("executed %d of %zu vectors\n", executed_count, document.at("cases").size());
}

}  // namespace
}  // namespace rhumb
