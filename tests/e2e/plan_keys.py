# SPDX-License-Identifier: Apache-2.0
"""Checks the keys of plans as JSON: usage: plan_keys.py HARDWARE.json PURE_LAW.json INFEASIBLE.json.

A plan on hardware has every key of the contract, a pure-law one omits the parts of hardware, an infeasible one the model
and what follows.
"""
import json
import sys

KEYS = {
    "": "name create_time state objective planner_version law law_optimum model token_count unique_token_count "
        "epoch_count tokens_per_param training_flops loss batch learning_rate allocation layout memory time cost "
        "calibration binding alternatives assumptions warnings search",
    "law": "name version family param_count_convention flops_convention tokenizer dataset source",
    "law_optimum": "param_count token_count tokens_per_param training_flops loss_nats gpu_hours cost_usd "
                   "param_count_low_0p1pct param_count_high_0p1pct param_count_low_1pct param_count_high_1pct",
    "model": "name param_count active_param_count param_count_convention num_layers hidden_size num_attention_heads "
             "num_key_value_heads head_dim ffn_hidden_size gated tied_embeddings vocab_size sequence_length",
    "loss": "mean_nats low_nats high_nats level",
    "batch": "global_batch_tokens global_batch_size critical_batch_tokens critical_low_tokens critical_high_tokens "
             "step_count source",
    "learning_rate": "peak low high schedule source",
    "allocation": "cluster partition gpu_type gpu_count node_count gpus_per_node",
    "layout": "tensor_parallel_size pipeline_parallel_size context_parallel_size expert_parallel_size "
              "data_parallel_size virtual_pipeline_stages zero_stage micro_batch_size gradient_accumulation_steps "
              "recompute precision framework",
    "memory": "peak_bytes p95_bytes capacity_bytes headroom_bytes weights_bytes gradients_bytes optimizer_bytes "
              "activations_bytes other_bytes stages",
    "time": "step_seconds mfu tokens_per_second train_seconds overhead_seconds overheads wall_seconds "
            "wall_low_seconds wall_high_seconds job_count",
    "cost": "total_usd gpu_hours energy_kwh co2e_kg",
    "search": "candidate_count evaluated_count pruned_count complete seconds",
}
HARDWARE = {"allocation", "layout", "memory", "time"}


def main():
    plans = []
    for path in sys.argv[1:]:
        with open(path) as file:
            plans.append(json.load(file))
    hardware, pure_law, infeasible = plans
    wrong = []
    for part, keys in KEYS.items():
        value = hardware[part] if part else hardware
        missing = set(keys.split()) - set(value)
        if missing:
            wrong.append(f"{part or 'plan'}: no {sorted(missing)}")
    for item in hardware["binding"]:
        if not {"constraint", "unit", "text"} <= set(item):
            wrong.append(f"binding: {item}")
    for item in hardware["assumptions"]:
        if set(item) != {"field", "value", "source"}:
            wrong.append(f"assumption: {item}")
    if not isinstance(hardware["token_count"], int) or not isinstance(hardware["model"]["param_count"], int):
        wrong.append("an int64 is no JSON number")
    if hardware["state"] != "FEASIBLE" or hardware["objective"] != "LOSS":
        wrong.append("an enum carries its prefix")
    if HARDWARE & set(pure_law):
        wrong.append(f"a pure-law plan has {HARDWARE & set(pure_law)}")
    if not {"infeasibility", "assumptions", "warnings", "search"} <= set(infeasible):
        wrong.append("an infeasible plan lacks its parts")
    if (HARDWARE | {"model", "token_count", "loss", "cost"}) & set(infeasible):
        wrong.append("an infeasible plan has a model or what follows")
    sys.exit("\n".join(wrong) if wrong else 0)


main()
