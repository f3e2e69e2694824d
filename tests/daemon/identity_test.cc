// SPDX-License-Identifier: Apache-2.0
#include "daemon/identity.h"

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/laws/catalog.h"
#include "planner/sha256.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {
namespace {

// NIST FIPS 180-4 example values (csrc.nist.gov, "SHA256.pdf").
TEST(Sha256Test, EmptyMessage) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Test, OneBlock) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, TwoBlocks) {
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Test, OneMillionTimesA) {
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// 64 bytes: the padding needs a block of its own. Value by coreutils: head -c 64 /dev/zero | tr
// '\0' b | sha256sum.
TEST(Sha256Test, ExactlyOneBlockOfData) {
  EXPECT_EQ(Sha256Hex(std::string(64, 'b')),
            "a0fab1377f49a759b57f63318262ebe89fabfc990e8e93ceac2984561482b9d4");
}

TEST(PlanNameTest, IsAHashOfTwentyDigits) {
  const std::string name = PlanName("request", "inputs");
  EXPECT_EQ(name.substr(0, 8), "plans/p-");
  EXPECT_EQ(name.size(), 28u);
  EXPECT_EQ(name.find_first_not_of("0123456789abcdef", 8), std::string::npos);
}

TEST(PlanNameTest, BytesCannotMoveBetweenRequestAndInputs) {
  EXPECT_NE(PlanName("ab", "c"), PlanName("a", "bc"));
}

TEST(PlanInputsTest, EveryInputChangesTheBytes) {
  PlanQuestion question;
  question.law = *FindLaw(kDefaultLawName);
  question.pools.push_back({.gpu = GpuCatalog().front()});
  PlanQuestion newer_law = question, other_gpu = question, without_pool = question;
  newer_law.law.version = 2;
  other_gpu.pools[0].gpu.board_watts += 1;
  without_pool.pools.clear();
  const std::string base = PlanInputsBytes(question, 1000, "content");
  EXPECT_NE(base, PlanInputsBytes(newer_law, 1000, "content"));
  EXPECT_NE(base, PlanInputsBytes(other_gpu, 1000, "content"));
  EXPECT_NE(base, PlanInputsBytes(without_pool, 1000, "content"));
  EXPECT_NE(base, PlanInputsBytes(question, 1001, "content"));
  PlanQuestion calibrated = question;
  calibrated.calibration = std::make_shared<const TimeCalibration>();
  EXPECT_NE(base, PlanInputsBytes(calibrated, 1000, "content"));
  EXPECT_NE(base, PlanInputsBytes(question, 1000, "contents"));
  EXPECT_EQ(base, PlanInputsBytes(question, 1000, "content"));
}

// Every one of `changes`, made to `base` alone, must give figures that neither `base` nor another
// change has.
template <typename Figure>
void ExpectEachChangeShows(const Figure& base,
                           const std::vector<std::function<void(Figure&)>>& changes) {
  std::vector<std::string> seen = {FiguresOf(base)};
  for (size_t i = 0; i < changes.size(); ++i) {
    Figure changed = base;
    changes[i](changed);
    const std::string figures = FiguresOf(changed);
    for (size_t j = 0; j < seen.size(); ++j) {
      EXPECT_NE(figures, seen[j]) << "change " << i << " looks like "
                                  << (j == 0 ? "none" : "change " + std::to_string(j - 1));
    }
    seen.push_back(figures);
  }
  EXPECT_EQ(FiguresOf(base), seen[0]);
}

Law FullLaw() {
  Law law = *FindLaw(kDefaultLawName);
  law.repetition.emplace();
  law.covariance = {{"ln_A", "alpha"}, Eigen::MatrixXd::Identity(2, 2), "made up"};
  law.residual_log_std = 0.01;
  law.reference_batch_tokens = 1e6;
  law.box = {1, 2, 3, 4, 5, 6, 7};
  return law;
}

TEST(FiguresTest, EveryFieldOfALawCounts) {
  ExpectEachChangeShows<Law>(
      FullLaw(),
      {[](Law& law) { law.name += "x"; },
       [](Law& law) { law.version += 1; },
       [](Law& law) { law.family = LawFamily::kDataConstrained; },
       [](Law& law) { law.param_count_convention = ParamCountConvention::kNonEmbedding; },
       [](Law& law) { law.flops_convention = FlopsConvention::kExactFull; },
       [](Law& law) { law.tokenizer += "x"; },
       [](Law& law) { law.dataset += "x"; },
       [](Law& law) { law.source += "x"; },
       [](Law& law) { law.constants.irreducible_loss_nats += 1; },
       [](Law& law) { law.constants.a += 1; },
       [](Law& law) { law.constants.b += 1; },
       [](Law& law) { law.constants.alpha += 1; },
       [](Law& law) { law.constants.beta += 1; },
       [](Law& law) { law.constants.interaction_exponent += 1; },
       [](Law& law) { law.repetition.reset(); },
       [](Law& law) { law.repetition->data_decay_epochs += 1; },
       [](Law& law) { law.repetition->param_decay += 1; },
       [](Law& law) { law.covariance.reset(); },
       [](Law& law) { law.covariance->parameters[1] = "beta"; },
       [](Law& law) { law.covariance->values(0, 0) += 1; },
       [](Law& law) { law.covariance->values(0, 1) += 1; },
       [](Law& law) { law.covariance->values(1, 0) += 1; },
       [](Law& law) { law.covariance->values(1, 1) += 1; },
       [](Law& law) { law.covariance->source += "x"; },
       [](Law& law) { law.residual_log_std = 0; },
       [](Law& law) { law.residual_log_std.reset(); },
       [](Law& law) { law.reference_batch_tokens = 2e6; },
       [](Law& law) { law.reference_batch_tokens.reset(); },
       [](Law& law) { law.box.min_param_count = 9; },
       [](Law& law) { law.box.max_param_count = 9; },
       [](Law& law) { law.box.min_training_flops = 9; },
       [](Law& law) { law.box.max_training_flops = 9; },
       [](Law& law) { law.box.min_tokens_per_param = 9; },
       [](Law& law) { law.box.max_tokens_per_param = 9; },
       [](Law& law) { law.box.max_epoch_count.reset(); }});
}

TEST(FiguresTest, EveryFieldOfAGpuCounts) {
  ExpectEachChangeShows<Gpu>(
      GpuCatalog().front(),
      {[](Gpu& gpu) { gpu.id += "x"; }, [](Gpu& gpu) { gpu.aliases.emplace_back("x"); },
       [](Gpu& gpu) { gpu.family += "x"; }, [](Gpu& gpu) { gpu.memory_bytes += 1; },
       [](Gpu& gpu) { gpu.memory_bytes_per_second *= 2; },
       [](Gpu& gpu) { gpu.peak_fp16_flops_per_second = 1; },
       [](Gpu& gpu) { gpu.peak_bf16_flops_per_second = 1; },
       [](Gpu& gpu) { gpu.peak_fp8_flops_per_second = 1; },
       [](Gpu& gpu) { gpu.peak_fp4_flops_per_second = 1; },
       [](Gpu& gpu) { gpu.scale_up_link += "x"; },
       [](Gpu& gpu) { gpu.scale_up_bytes_per_second *= 2; },
       [](Gpu& gpu) { gpu.gpus_per_scale_up_domain += 1; },
       [](Gpu& gpu) { gpu.network_bytes_per_second *= 2; }, [](Gpu& gpu) { gpu.board_watts += 1; },
       [](Gpu& gpu) { gpu.price_usd_per_gpu_hour = 1.25; },
       [](Gpu& gpu) { gpu.price_source += "x"; }, [](Gpu& gpu) { gpu.source += "x"; }});
}

TEST(FiguresTest, EveryTimeConstantCounts) {
  ExpectEachChangeShows<TimeConstants>(
      TimeConstants(),
      {[](TimeConstants& c) { c.family += "x"; }, [](TimeConstants& c) { c.source += "x"; },
       [](TimeConstants& c) { c.fitted = !c.fitted; },
       [](TimeConstants& c) { c.gemm_16bit_fraction += 1; },
       [](TimeConstants& c) { c.gemm_8bit_fraction += 1; },
       [](TimeConstants& c) { c.gemm_4bit_fraction += 1; },
       [](TimeConstants& c) { c.gemm_fill_elements += 1; },
       [](TimeConstants& c) { c.flash_attention_fraction += 1; },
       [](TimeConstants& c) { c.cudnn_attention_fraction += 1; },
       [](TimeConstants& c) { c.memory_fraction += 1; },
       [](TimeConstants& c) { c.scale_up_fraction += 1; },
       [](TimeConstants& c) { c.network_fraction += 1; },
       [](TimeConstants& c) { c.tensor_parallel_overlap += 1; },
       [](TimeConstants& c) { c.data_parallel_overlap += 1; },
       [](TimeConstants& c) { c.expert_gemm_fraction += 1; },
       [](TimeConstants& c) { c.reference_watts_per_peak += 1; },
       [](TimeConstants& c) { c.power_exponent += 1; }});
}

TEST(FiguresTest, EveryPartOfATimeErrorCounts) {
  ExpectEachChangeShows<TimeError>(
      TimeError(),
      {[](TimeError& e) { e.log_bias += 1; }, [](TimeError& e) { e.log_sigma += 1; },
       [](TimeError& e) { e.log_quantile_05 += 1; }, [](TimeError& e) { e.log_quantile_95 += 1; },
       [](TimeError& e) { e.row_count += 1; }, [](TimeError& e) { e.table_count += 1; },
       [](TimeError& e) { e.source += "x"; }});
}

TEST(FiguresTest, EveryPartOfACalibrationCounts) {
  TimeCalibration calibration;
  calibration.families.emplace_back();
  ExpectEachChangeShows<TimeCalibration>(
      calibration,
      {[](TimeCalibration& c) { c.name += "x"; }, [](TimeCalibration& c) { c.version += 1; },
       [](TimeCalibration& c) { c.families.emplace_back(); },
       [](TimeCalibration& c) { c.families[0].constants.memory_fraction += 1; },
       [](TimeCalibration& c) { c.families[0].error.log_bias += 1; },
       [](TimeCalibration& c) { c.families[0].run_count += 1; },
       [](TimeCalibration& c) { c.families[0].table_count += 1; },
       [](TimeCalibration& c) { c.families[0].left_out_error += 1; }});
}

TEST(FiguresTest, EveryFieldOfAFrameworkProfileCounts) {
  using Profile = FrameworkProfile;
  ExpectEachChangeShows<Profile>(
      Profile(), {[](Profile& p) { p.name += "x"; },
                  [](Profile& p) { p.version += "x"; },
                  [](Profile& p) { p.attention = Attention::kUnfused; },
                  [](Profile& p) { p.compiled = !p.compiled; },
                  [](Profile& p) { p.overlaps_tensor_parallel = !p.overlaps_tensor_parallel; },
                  [](Profile& p) { p.overlaps_data_parallel = !p.overlaps_data_parallel; },
                  [](Profile& p) { p.overlaps_pipeline = !p.overlaps_pipeline; },
                  [](Profile& p) { p.selective_recompute = SelectiveRecompute::kOperators; },
                  [](Profile& p) { p.recompute_stops_early = !p.recompute_stops_early; },
                  [](Profile& p) { p.weight_bytes += 1; },
                  [](Profile& p) { p.gradient_bytes += 1; },
                  [](Profile& p) { p.optimizer_bytes += 1; },
                  [](Profile& p) { p.step_optimizer_bytes += 1; },
                  [](Profile& p) { p.expert_half_width += 1; },
                  [](Profile& p) { p.scatters_pipeline_sends = !p.scatters_pipeline_sends; },
                  [](Profile& p) { p.sharded_weight_bytes += 1; },
                  [](Profile& p) { p.gathered_gradient_bytes += 1; },
                  [](Profile& p) { p.reduced_gradient_bytes += 1; },
                  [](Profile& p) { p.reduces_to_all = !p.reduces_to_all; },
                  [](Profile& p) { p.hidden_activation_bytes += 1; },
                  [](Profile& p) { p.keeps_8bit_inputs = !p.keeps_8bit_inputs; },
                  [](Profile& p) { p.fuses_gated_activation = !p.fuses_gated_activation; },
                  [](Profile& p) { p.stage_boundary_copies += 1; },
                  [](Profile& p) { p.logits_bytes += 1; },
                  [](Profile& p) { p.workspace_bytes += 1; },
                  [](Profile& p) { p.reserved_factor += 1; },
                  [](Profile& p) { p.context_bytes += 1; },
                  [](Profile& p) { p.counter = MemoryCounter::kAllocated; },
                  [](Profile& p) { p.layer_launch_seconds += 1; },
                  [](Profile& p) { p.elementwise_hidden_bytes += 1; },
                  [](Profile& p) { p.gather_network_fraction += 1; },
                  [](Profile& p) { p.work.step_fixed_seconds += 1; }});
}

TEST(FiguresTest, TheSmallestDifferenceCounts) {
  Law law = FullLaw();
  const std::string before = FiguresOf(law);
  law.constants.alpha = std::nextafter(law.constants.alpha, 1);
  EXPECT_NE(FiguresOf(law), before);
}

TEST(PlanInputsTest, ALawWithOtherFiguresUnderTheSameNameAndVersionChangesTheBytes) {
  PlanQuestion question;
  question.law = FullLaw();
  PlanQuestion refitted = question;
  refitted.law.covariance->values(0, 0) = 2;
  EXPECT_NE(PlanInputsBytes(question, 1000, ""), PlanInputsBytes(refitted, 1000, ""));
}

TEST(RequestContentHashTest, IgnoresRequestIdAndValidateOnlyAlone) {
  v1::CreatePlanRequest a, b;
  a.set_compute_flops(1e21);
  b = a;
  b.set_request_id("123e4567-e89b-42d3-a456-426614174000");
  b.set_validate_only(true);
  EXPECT_EQ(RequestContentHash(a), RequestContentHash(b));
  b.set_compute_flops(2e21);
  EXPECT_NE(RequestContentHash(a), RequestContentHash(b));
}

TEST(DeterministicBytesTest, UnknownFieldsAreDropped) {
  v1::CreatePlanRequest known, with_unknown;
  known.set_compute_flops(1e21);
  // Field 2000, varint 1, as a newer client might send.
  with_unknown.ParseFromString(known.SerializeAsString() + std::string("\x80\x7d\x01", 3));
  ASSERT_NE(with_unknown.SerializeAsString(), known.SerializeAsString());
  EXPECT_EQ(DeterministicBytes(with_unknown), DeterministicBytes(known));
}

}  // namespace
}  // namespace rhumb::daemon
