// SPDX-License-Identifier: Apache-2.0
// GPU types as API messages and back.
#ifndef RHUMB_CONVERT_GPU_MESSAGE_H_
#define RHUMB_CONVERT_GPU_MESSAGE_H_

#include "planner/cost/hardware.h"
#include "rhumb/v1/cluster.pb.h"

namespace rhumb::convert {

// The id is the name without "gpuTypes/". What only the store knows is dropped.
Gpu FromProto(const v1::GpuType& type);

// FromProto(ToProto(gpu)) is `gpu`.
v1::GpuType ToProto(const Gpu& gpu);

}  // namespace rhumb::convert

#endif  // RHUMB_CONVERT_GPU_MESSAGE_H_
