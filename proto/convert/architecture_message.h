// SPDX-License-Identifier: Apache-2.0
// Shapes of models as API messages and back.
#ifndef RHUMB_CONVERT_ARCHITECTURE_MESSAGE_H_
#define RHUMB_CONVERT_ARCHITECTURE_MESSAGE_H_

#include "planner/cost/model_shape.h"
#include "planner/laws/law.h"
#include "rhumb/v1/architecture.pb.h"

namespace rhumb::convert {

// Unset optional parts get the value their comment names. The shape may still be invalid
// (ValidateModelShape).
ModelShape FromProto(const v1::Architecture& architecture);

// Without counts of parameters: FromProto(ToProto(shape)) is `shape`.
v1::Architecture ToProto(const ModelShape& shape);

// `param_count` and `active_param_count` are counted by `convention`.
v1::Architecture ToProto(const ModelShape& shape, ParamCountConvention convention);

}  // namespace rhumb::convert

#endif  // RHUMB_CONVERT_ARCHITECTURE_MESSAGE_H_
