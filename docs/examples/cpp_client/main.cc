// SPDX-License-Identifier: Apache-2.0
// Asks a daemon for the best model in 1e21 FLOPs. Usage: rhumb_cpp_client_example [ADDRESS]
#include <iostream>

#include "client/cpp/client.h"

int main(int argc, char** argv) {
  auto client =
      rhumb::client::Client::Connect(argc > 1 ? argv[1] : "unix:///run/rhumb/rhumbd.sock");
  rhumb::v1::CreatePlanRequest request;
  request.set_compute_flops(1e21);
  const absl::StatusOr<rhumb::v1::Plan> plan =
      client.ok() ? (*client)->CreatePlan(request) : client.status();
  if (!plan.ok()) {
    for (const auto& wrong : rhumb::client::DescribeError(plan.status()).field_violations) {
      std::cerr << wrong.field << ": " << wrong.description << "\n";
    }
    std::cerr << plan.status() << "\n";
    return 1;
  }
  std::cout << plan->name() << ": " << plan->model().param_count() << " parameters on "
            << plan->token_count() << " tokens, loss " << plan->loss().mean_nats() << " nats\n";
}
