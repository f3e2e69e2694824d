// SPDX-License-Identifier: Apache-2.0
// One reader a Hugging Face model class. Each fills the whole shape but name and sequence_length;
// what is wrong stands in the reading's status. For hf_config.cc only.
#ifndef RHUMB_CLIENT_CONFIG_HF_FAMILIES_H_
#define RHUMB_CLIENT_CONFIG_HF_FAMILIES_H_

#include "client/config/hf_reading.h"

namespace rhumb {

// Every layer alike (hf_dense_families.cc).
void ReadLlama(Reading& r);
void ReadMistral(Reading& r);
void ReadQwen2(Reading& r);
void ReadQwen3(Reading& r);
void ReadGemma(Reading& r);
void ReadGemma2(Reading& r);
void ReadGemma3Text(Reading& r);
void ReadPhi3(Reading& r);
void ReadOlmo(Reading& r);
void ReadOlmo2(Reading& r);
void ReadGpt2(Reading& r);
void ReadGptJ(Reading& r);
void ReadGptNeoX(Reading& r);
void ReadOpt(Reading& r);
void ReadBloom(Reading& r);
void ReadFalcon(Reading& r);
void ReadPhi(Reading& r);

// Mixtures of experts (hf_moe_families.cc).
void ReadMixtral(Reading& r);
void ReadQwen2Moe(Reading& r);
void ReadQwen3Moe(Reading& r);
void ReadOlmoe(Reading& r);
void ReadGptOss(Reading& r);
void ReadDeepSeekV2(Reading& r);
void ReadDeepSeekV3(Reading& r);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_HF_FAMILIES_H_
