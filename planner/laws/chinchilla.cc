// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/chinchilla.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace rhumb {
namespace {

absl::Status CheckConstant(const char* name, double value, bool zero_allowed) {
  const bool in_range = zero_allowed ? value >= 0 : value > 0;
  if (std::isfinite(value) && in_range) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s is %g; it must be %s and finite", name,
                                                    value,
                                                    zero_allowed ? "non-negative" : "positive"));
}

// ln(alpha A / (beta B)): everything about the frontier hangs on it.
double LogTermRatio(const ChinchillaLaw& law) {
  return std::log(law.alpha * law.a) - std::log(law.beta * law.b);
}

FrontierPoint PointAt(const ChinchillaLaw& law, double param_count, double token_count,
                      double flops_per_param_token) {
  return {.param_count = param_count,
          .token_count = token_count,
          .tokens_per_param = token_count / param_count,
          .training_flops = flops_per_param_token * param_count * token_count,
          .loss_nats = ExpectedLoss(law, param_count, token_count)};
}

// u^gamma. The branch spares the additive laws a pow, and keeps their values to the bit.
double Reducible(const ChinchillaLaw& law, double term_sum) {
  if (law.interaction_exponent == 1) return term_sum;
  return std::pow(term_sum, law.interaction_exponent);
}

// What the other term must be for the loss to be `target`, given one `term` and its floor; not
// positive (or not a number) if nothing is left for it.
double OtherTerm(const ChinchillaLaw& law, double target, double floor, double term) {
  if (law.interaction_exponent == 1) return target - floor;
  return TermSumForReducible(law, target - law.irreducible_loss_nats) - term;
}

// Count at which a term of prefactor c and exponent e equals `share`: (c/share)^(1/e).
double CountForTerm(double prefactor, double exponent, double share) {
  return std::pow(prefactor / share, 1 / exponent);
}

}  // namespace

absl::Status ValidateChinchillaLaw(const ChinchillaLaw& law) {
  absl::Status status =
      CheckConstant("irreducible_loss_nats", law.irreducible_loss_nats, /*zero_allowed=*/true);
  status.Update(CheckConstant("a", law.a, false));
  status.Update(CheckConstant("b", law.b, false));
  status.Update(CheckConstant("alpha", law.alpha, false));
  status.Update(CheckConstant("beta", law.beta, false));
  status.Update(CheckConstant("interaction_exponent", law.interaction_exponent, false));
  return status;
}

double ExpectedLoss(const ChinchillaLaw& law, double param_count, double token_count) {
  const double params_term = law.a * std::pow(param_count, -law.alpha);
  const double tokens_term = law.b * std::pow(token_count, -law.beta);
  if (law.interaction_exponent == 1) {
    return law.irreducible_loss_nats + params_term + tokens_term;
  }
  return law.irreducible_loss_nats + std::pow(params_term + tokens_term, law.interaction_exponent);
}

LossMarginals Marginals(const ChinchillaLaw& law, double param_count, double token_count) {
  LossMarginals marginals = {
      .by_log_params = -law.alpha * law.a * std::pow(param_count, -law.alpha),
      .by_log_tokens = -law.beta * law.b * std::pow(token_count, -law.beta)};
  if (law.interaction_exponent != 1) {
    const double term_sum =
        -(marginals.by_log_params / law.alpha + marginals.by_log_tokens / law.beta);
    const double outer =
        law.interaction_exponent * std::pow(term_sum, law.interaction_exponent - 1);
    marginals.by_log_params *= outer;
    marginals.by_log_tokens *= outer;
  }
  return marginals;
}

double TermSumForReducible(const ChinchillaLaw& law, double reducible_nats) {
  if (law.interaction_exponent == 1) return reducible_nats;
  return std::pow(reducible_nats, 1 / law.interaction_exponent);
}

FrontierConstants DeriveFrontier(const ChinchillaLaw& law) {
  const double sum = law.alpha + law.beta;
  const double g = std::exp(LogTermRatio(law) / sum);
  return {.g = g,
          .params_exponent = law.beta / sum,
          .tokens_exponent = law.alpha / sum,
          .loss_exponent = law.alpha * law.beta / sum * law.interaction_exponent,
          .loss_prefactor =
              Reducible(law, law.a * std::pow(g, -law.alpha) + law.b * std::pow(g, law.beta))};
}

FrontierPoint OptimumForCompute(const ChinchillaLaw& law, double training_flops,
                                double flops_per_param_token) {
  const FrontierConstants frontier = DeriveFrontier(law);
  const double product = training_flops / flops_per_param_token;  // N D
  return PointAt(law, frontier.g * std::pow(product, frontier.params_exponent),
                 std::pow(product, frontier.tokens_exponent) / frontier.g, flops_per_param_token);
}

absl::StatusOr<FrontierPoint> OptimumForLoss(const ChinchillaLaw& law, double target_loss_nats,
                                             double flops_per_param_token) {
  const double reducible = target_loss_nats - law.irreducible_loss_nats;
  if (!(reducible > 0)) {
    return absl::OutOfRangeError(
        absl::StrFormat("target_loss_nats is %.6g; this law cannot go to or below its irreducible "
                        "loss of %.6g nats",
                        target_loss_nats, law.irreducible_loss_nats));
  }
  const double term_sum = TermSumForReducible(law, reducible);
  const double param_count = CountForTerm(law.a * (1 + law.alpha / law.beta), law.alpha, term_sum);
  const double token_count = CountForTerm(law.b * (1 + law.beta / law.alpha), law.beta, term_sum);
  return PointAt(law, param_count, token_count, flops_per_param_token);
}

// On the frontier alpha A N^-alpha = beta B D^-beta, solved here for the other count.
FrontierPoint OptimumForParams(const ChinchillaLaw& law, double param_count,
                               double flops_per_param_token) {
  const double log_tokens = (law.alpha * std::log(param_count) - LogTermRatio(law)) / law.beta;
  return PointAt(law, param_count, std::exp(log_tokens), flops_per_param_token);
}

FrontierPoint OptimumForTokens(const ChinchillaLaw& law, double token_count,
                               double flops_per_param_token) {
  const double log_params = (LogTermRatio(law) + law.beta * std::log(token_count)) / law.alpha;
  return PointAt(law, std::exp(log_params), token_count, flops_per_param_token);
}

absl::StatusOr<double> TokensForLoss(const ChinchillaLaw& law, double param_count,
                                     double target_loss_nats) {
  const double term = law.a * std::pow(param_count, -law.alpha);
  const double floor = law.irreducible_loss_nats + Reducible(law, term);
  const double share = OtherTerm(law, target_loss_nats, floor, term);
  if (!(share > 0)) {
    return absl::OutOfRangeError(
        absl::StrFormat("target_loss_nats is %.6g; a model of %.6g parameters stays above %.6g "
                        "nats with any number "
                        "of tokens",
                        target_loss_nats, param_count, floor));
  }
  return CountForTerm(law.b, law.beta, share);
}

absl::StatusOr<double> ParamsForLoss(const ChinchillaLaw& law, double token_count,
                                     double target_loss_nats) {
  const double term = law.b * std::pow(token_count, -law.beta);
  const double floor = law.irreducible_loss_nats + Reducible(law, term);
  const double share = OtherTerm(law, target_loss_nats, floor, term);
  if (!(share > 0)) {
    return absl::OutOfRangeError(absl::StrFormat(
        "target_loss_nats is %.6g; training on %.6g tokens stays above %.6g nats at any model size",
        target_loss_nats, token_count, floor));
  }
  return CountForTerm(law.a, law.alpha, share);
}

double FrontierLossSlope(const ChinchillaLaw& law, double training_flops,
                         double flops_per_param_token) {
  const FrontierConstants frontier = DeriveFrontier(law);
  return -frontier.loss_exponent * frontier.loss_prefactor *
         std::pow(training_flops / flops_per_param_token, -frontier.loss_exponent);
}

double SecondOrderRegret(const ChinchillaLaw& law, double training_flops, double size_ratio,
                         double flops_per_param_token) {
  const FrontierPoint best = OptimumForCompute(law, training_flops, flops_per_param_token);
  const double slope = -Marginals(law, best.param_count, best.token_count).by_log_params;
  const double x = std::log(size_ratio);
  return (law.alpha + law.beta) / 2 * slope * x * x;
}

absl::StatusOr<SizeTradeOff> TradeSizeForTokens(const ChinchillaLaw& law, double size_fraction) {
  if (!(size_fraction > 0) || !std::isfinite(size_fraction)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("size_fraction is %g; it must be positive and finite", size_fraction));
  }
  const double left =
      1 - (std::pow(size_fraction, -law.alpha) - 1) * law.beta / law.alpha;  // k_D^-beta
  if (!(left > 0)) {
    return absl::OutOfRangeError(absl::StrFormat(
        "size_fraction is %.6g; no amount of data recovers the loss at or below %.6g",
        size_fraction, SmallestSizeFraction(law)));
  }
  const double tokens_ratio = std::pow(left, -1 / law.beta);
  return SizeTradeOff{.tokens_ratio = tokens_ratio,
                      .compute_overhead_fraction = size_fraction * tokens_ratio - 1};
}

double SmallestSizeFraction(const ChinchillaLaw& law) {
  return std::pow(1 + law.alpha / law.beta, -1 / law.alpha);
}

double SubstitutionElasticity(const ChinchillaLaw& law, double param_count, double token_count) {
  const LossMarginals marginals = Marginals(law, param_count, token_count);
  const double params_share =
      marginals.by_log_params / (marginals.by_log_params + marginals.by_log_tokens);
  return 1 / (1 + law.beta * params_share + law.alpha * (1 - params_share));
}

}  // namespace rhumb
