// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/catalog.h"

#include <Eigen/Core>
#include <cmath>
#include <string>
#include <vector>

#include "planner/laws/law.h"

namespace rhumb {
namespace {

// Huber refit (delta 1e-3, sum) of the 240 points of Besiroglu et al. 2024, in theta = (ln A, ln B,
// ln E, alpha, beta), and the covariance of 300 bootstrap refits. J'J would understate it by 30%:
// the residuals are heavy tailed.
constexpr double kHuberTheta[5] = {6.169246372149619, 7.67015673111466, 0.5973068145474413,
                                   0.34731049878543874, 0.36717243253140797};
constexpr double kHuberCovariance[5][5] = {
    {0.06014297492701237, -0.02350964425309503, 0.0019541813443461156, 0.0035812350021797723,
     -0.0011783977923337215},
    {-0.02350964425309503, 0.1660242456963613, 0.0034241260924467018, -0.0014914864721910389,
     0.008146024247312554},
    {0.0019541813443461156, 0.0034241260924467018, 0.0001835129237200222, 0.00011458521217885938,
     0.00016761439615638882},
    {0.0035812350021797723, -0.0014914864721910389, 0.00011458521217885938, 0.00021360766457478416,
     -7.480174442605264e-05},
    {-0.0011783977923337215, 0.008146024247312554, 0.00016761439615638882, -7.480174442605264e-05,
     0.00039993374831262193},
};

LawCovariance HuberCovariance(const char* source) {
  return {.parameters = {"ln_A", "ln_B", "ln_E", "alpha", "beta"},
          .values = Eigen::Map<const Eigen::Matrix<double, 5, 5, Eigen::RowMajor>>(
              &kHuberCovariance[0][0]),
          .source = source};
}

// The points of figure 4 of Hoffmann et al. 2022 as extracted by Besiroglu et al. 2024.
DataBox EpochBox() {
  DataBox box;
  box.min_param_count = 5.7e7;
  box.max_param_count = 1.62e10;
  box.min_training_flops = 1.4e18;
  box.max_training_flops = 1.30e22;
  box.min_tokens_per_param = 0.036;
  box.max_tokens_per_param = 341;
  box.max_epoch_count = 1;
  return box;
}

// What the laws fitted on the runs of Hoffmann et al. 2022 share.
Law HoffmannFamily(const char* name, const ChinchillaLaw& constants, const char* source) {
  Law law;
  law.name = name;
  law.tokenizer = "SentencePiece 32k (Hoffmann et al. 2022)";
  law.dataset = "MassiveText";
  law.source = source;
  law.constants = constants;
  law.box = EpochBox();
  return law;
}

Law Besiroglu() {
  Law law = HoffmannFamily(
      "besiroglu2024",
      {.irreducible_loss_nats = 1.8172, .a = 482.01, .b = 2085.43, .alpha = 0.3478, .beta = 0.3658},
      "Besiroglu et al. 2024, arXiv:2404.10102, refit of Hoffmann et al. 2022 figure 4, as "
      "printed");
  law.covariance = HuberCovariance(
      "covariance of 300 bootstrap refits of the same 240 points, taken around the refit "
      "besiroglu2024-huber, not published with these constants");
  return law;
}

Law BesirogluHuber() {
  Law law = HoffmannFamily(
      "besiroglu2024-huber",
      {.irreducible_loss_nats = std::exp(kHuberTheta[2]),
       .a = std::exp(kHuberTheta[0]),
       .b = std::exp(kHuberTheta[1]),
       .alpha = kHuberTheta[3],
       .beta = kHuberTheta[4]},
      "own Huber refit (delta 1e-3, sum) of the 240 points of Besiroglu et al. 2024, "
      "arXiv:2404.10102");
  law.covariance = HuberCovariance("covariance of 300 bootstrap refits of the same 240 points");
  return law;
}

Law Muennighoff() {
  Law law;
  law.name = "muennighoff2023-c4";
  law.family = LawFamily::kDataConstrained;
  law.tokenizer = "GPT-2";
  law.dataset = "C4";
  law.source =
      "Muennighoff et al. 2023, arXiv:2305.16264, constants of the authors' code (datablations)";
  law.constants = {.irreducible_loss_nats = std::exp(0.6254804),
                   .a = std::exp(6.255414),
                   .b = std::exp(7.3049974),
                   .alpha = 0.3526596,
                   .beta = 0.3526596};
  law.repetition = RepetitionConstants{.data_decay_epochs = 15.387756, .param_decay = 5.309743};
  // The 182 runs of the authors' fit.
  law.box.min_param_count = 7.1e6;
  law.box.max_param_count = 8.67e9;
  law.box.max_training_flops = 9.26e21;
  return law;
}

// Gadre et al. state L(C, M) = E + (a M^eta + b M^-eta) C^-eta with C = 6ND and M = D/N; that is
// the Chinchilla form with A = a 6^-eta, B = b 6^-eta, alpha = beta = 2 eta.
Law Gadre(const char* name, const char* dataset, double a, double b, double eta, double e) {
  Law law;
  law.name = name;
  law.tokenizer = "GPT-NeoX";
  law.dataset = std::string(dataset) + ", evaluated on C4";
  law.source =
      "refit of the public runs of Gadre et al. 2024, arXiv:2403.08540; five or six points fit "
      "four "
      "constants, use it for over-training trends, not for sizing";
  const double scale = std::pow(6.0, -eta);
  law.constants = {.irreducible_loss_nats = e,
                   .a = a * scale,
                   .b = b * scale,
                   .alpha = 2 * eta,
                   .beta = 2 * eta};
  return law;
}

std::vector<Law> BuildCatalog() {
  return {
      Besiroglu(),
      BesirogluHuber(),
      HoffmannFamily("hoffmann2022",
                     {.irreducible_loss_nats = std::exp(0.5267228),
                      .a = std::exp(6.0073404),
                      .b = std::exp(6.0179186),
                      .alpha = 0.33917084,
                      .beta = 0.2849083},
                     "Hoffmann et al. 2022, arXiv:2203.15556, approach 3, unrounded constants of "
                     "the TeX source"),
      HoffmannFamily(
          "hoffmann2022-rounded",
          {.irreducible_loss_nats = 1.69, .a = 406.4, .b = 410.7, .alpha = 0.34, .beta = 0.28},
          "Hoffmann et al. 2022, arXiv:2203.15556, eq. (10), as printed"),
      HoffmannFamily(
          "sardana2024",
          {.irreducible_loss_nats = 1.69, .a = 406.4, .b = 410.7, .alpha = 0.336, .beta = 0.283},
          "Sardana & Frankle 2024, arXiv:2401.00448, default of the authors' code"),
      Muennighoff(),
      Gadre("gadre2024-c4", "C4", 141.27725779464336, 189.51552530720386, 0.12123612024117553,
            1.508260556879701),
      Gadre("gadre2024-redpajama", "RedPajama", 212.23612216882213, 366.68719957633476,
            0.13642535319575191, 1.836648410819716),
      Gadre("gadre2024-refinedweb", "RefinedWeb", 157.11628906586444, 246.20669594672069,
            0.12719742341535933, 1.7344621092637131),
  };
}

}  // namespace

const std::vector<Law>& LawCatalog() {
  static const auto* const kCatalog = new std::vector<Law>(BuildCatalog());
  return *kCatalog;
}

const Law* FindLaw(absl::string_view name) {
  for (const Law& law : LawCatalog()) {
    if (law.name == name) return &law;
  }
  return nullptr;
}

}  // namespace rhumb
