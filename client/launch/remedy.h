// SPDX-License-Identifier: Apache-2.0
// The flags of rhumb that say what could not be read of a job.
#ifndef RHUMB_CLIENT_LAUNCH_REMEDY_H_
#define RHUMB_CLIENT_LAUNCH_REMEDY_H_

namespace rhumb::launch {

struct Remedy {
  const char* flag;  // with its placeholder; "--arch FILE or --params N" where either will do
  // Whether the check asks for it, because no default may stand for what the script says.
  bool essential;
};

inline constexpr Remedy kSayGpus = {"--gpus NxTYPE", false};
inline constexpr Remedy kSayGpuType = {"--gpu TYPE", false};
inline constexpr Remedy kSayGpusPerNode = {"--gpus-per-node N", false};
inline constexpr Remedy kSayModel = {"--arch FILE or --params N", false};
inline constexpr Remedy kSayVocabSize = {"--vocab-size N", false};
inline constexpr Remedy kSayTokens = {"--tokens N", false};
inline constexpr Remedy kSayFramework = {"--framework NAME", false};
inline constexpr Remedy kSayDeadline = {"--deadline TIME", false};

inline constexpr Remedy kSayTensorParallel = {"--tensor-parallel-size N", true};
inline constexpr Remedy kSayPipelineParallel = {"--pipeline-parallel-size N", true};
inline constexpr Remedy kSayContextParallel = {"--context-parallel-size N", true};
inline constexpr Remedy kSayExpertParallel = {"--expert-parallel-size N", true};
inline constexpr Remedy kSayVirtualStages = {"--virtual-pipeline-stages N", true};
inline constexpr Remedy kSayZeroStage = {"--zero-stage N", true};
inline constexpr Remedy kSayRecompute = {"--recompute NAME", true};
inline constexpr Remedy kSayPrecision = {"--precision NAME", true};
inline constexpr Remedy kSayMicroBatch = {"--micro-batch-size N", true};
inline constexpr Remedy kSayAccumulation = {"--gradient-accumulation-steps N", true};
inline constexpr Remedy kSayAccumulationOrBatch = {
    "--gradient-accumulation-steps N or --batch-tokens N", true};
inline constexpr Remedy kSayBatch = {"--batch-tokens N", true};
inline constexpr Remedy kSaySequenceLength = {"--sequence-length N", true};

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_REMEDY_H_
