// SPDX-License-Identifier: Apache-2.0
// The operations that the vectors of vectors_test.cc name, by "law/op": from the inputs of a vector
// to its outputs, each through the project's own functions. One function a topic.
#ifndef RHUMB_TESTS_PLANNER_LAWS_VECTOR_OPERATIONS_H_
#define RHUMB_TESTS_PLANNER_LAWS_VECTOR_OPERATIONS_H_

#include <functional>
#include <map>
#include <string>

#include "nlohmann/json.hpp"
#include "planner/laws/kaplan.h"

namespace rhumb {

using Json = nlohmann::json;
using Operation = std::function<Json(const Json& inputs)>;
using Operations = std::map<std::string, Operation>;

Operations ChinchillaOperations();
Operations DataConstrainedOperations();
Operations HoffmannOperations();
Operations KaplanLossOperations();
Operations KaplanFrontierOperations();
Operations BatchAndRateOperations();
Operations MoeOperations();
Operations OtherOperations();

inline double Num(const Json& inputs, const char* key) { return inputs.at(key).get<double>(); }

inline KaplanShape ShapeOf(const Json& in) {
  return {.num_layers = Num(in, "n_layer"),
          .hidden_size = Num(in, "d_model"),
          .attention_size = in.value("d_attn", 0.0),
          .ffn_size = in.value("d_ff", 0.0)};
}

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_LAWS_VECTOR_OPERATIONS_H_
