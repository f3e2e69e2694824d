#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what `rhumb plan --emit` wrote with parsers that are not rhumb's, and compares it with the plan.

usage: read_launch.py KIND PLAN.json FILE
  megatron    FILE holds the words of Megatron-LM's command line, one a line, as the shell passes them
  env         FILE holds what `env -0` prints
  check       FILE is the JSON of `rhumb check job.sbatch`
"""
import argparse
import json
import sys


def megatron_parser():
    """The flags of megatron/training/arguments.py that rhumb writes, with their types and choices."""
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    for flag in """num-layers hidden-size ffn-hidden-size num-attention-heads kv-channels num-query-groups
        q-lora-rank kv-lora-rank qk-head-dim qk-pos-emb-head-dim v-head-dim seq-length max-position-embeddings
        vocab-size make-vocab-size-divisible-by num-experts moe-router-topk moe-ffn-hidden-size
        moe-shared-expert-intermediate-size tensor-model-parallel-size pipeline-model-parallel-size
        num-layers-per-virtual-pipeline-stage context-parallel-size expert-model-parallel-size
        expert-tensor-parallel-size recompute-num-layers micro-batch-size global-batch-size train-iters
        save-interval lr-warmup-iters""".split():
        parser.add_argument("--" + flag, type=int)
    for flag in "lr min-lr".split():
        parser.add_argument("--" + flag, type=float)
    for flag in """group-query-attention multi-latent-attention swiglu disable-bias-linear add-qkv-bias qk-layernorm
        untie-embeddings-and-output-weights moe-router-enable-expert-bias moe-grouped-gemm sequence-parallel
        tp-comm-overlap use-megatron-fsdp no-gradient-accumulation-fusion use-distributed-optimizer
        overlap-grad-reduce overlap-param-gather bf16 fp16""".split():
        parser.add_argument("--" + flag, action="store_true")
    choices = {
        "position-embedding-type": ["learned_absolute", "rope", "mrope", "relative", "none"],
        "normalization": ["LayerNorm", "RMSNorm"],
        "softmax-type": ["learnable", "vanilla", "off-by-one"],
        "moe-router-score-function": ["softmax", "sigmoid"],
        "moe-token-dispatcher-type": ["allgather", "alltoall", "flex"],
        "data-parallel-sharding-strategy": ["no_shard", "optim", "optim_grads", "optim_grads_params"],
        "ckpt-format": ["torch", "torch_dist", "zarr", "torch_dcp", "fsdp_dtensor"],
        "recompute-granularity": ["full", "selective"],
        "recompute-method": ["uniform", "block"],
        "fp8-format": ["e4m3", "hybrid"],
        "fp8-recipe": ["tensorwise", "delayed", "mxfp8", "blockwise"],
        "fp4-format": ["e2m1"],
        "fp4-recipe": ["nvfp4"],
        "lr-decay-style": ["constant", "linear", "cosine", "inverse-square-root", "WSD"],
    }
    for flag, allowed in choices.items():
        parser.add_argument("--" + flag, choices=allowed)
    for flag in "moe-layer-freq pipeline-model-parallel-layout window-size data-path save load".split():
        parser.add_argument("--" + flag)
    parser.add_argument("--tokenizer-type")
    parser.add_argument("--tokenizer-model")
    return parser


class Comparison:
    def __init__(self):
        self.wrong = []

    def equal(self, what, got, wanted):
        if got != wanted:
            self.wrong.append(f"{what}: got {got!r}, the plan has {wanted!r}")

    def near(self, what, got, wanted):
        if abs(got - wanted) > 1e-9 * abs(wanted):
            self.wrong.append(f"{what}: got {got!r}, the plan has {wanted!r}")

    def finish(self):
        for line in self.wrong:
            print(line, file=sys.stderr)
        sys.exit(1 if self.wrong else 0)


def read_megatron(plan, text, same):
    args = megatron_parser().parse_args(text.split("\n")[:-1])
    model, layout = plan["model"], plan["layout"]
    same.equal("layers", args.num_layers, model["num_layers"])
    same.equal("hidden size", args.hidden_size, model["hidden_size"])
    same.equal("heads", args.num_attention_heads, model["num_attention_heads"])
    if model["ffn_hidden_size"]:
        same.equal("FFN", args.ffn_hidden_size, model["ffn_hidden_size"])
    if not model.get("kv_lora_rank"):
        groups = args.num_query_groups if args.group_query_attention else args.num_attention_heads
        same.equal("KV heads", groups, model["num_key_value_heads"])
    same.equal("sequence", args.seq_length, model["sequence_length"])
    same.equal("vocabulary", args.vocab_size, model["vocab_size"])
    same.equal("experts", args.num_experts or 0, model.get("expert_count", 0))
    same.equal("tensor", args.tensor_model_parallel_size, layout["tensor_parallel_size"])
    same.equal("pipeline", args.pipeline_model_parallel_size, layout["pipeline_parallel_size"])
    same.equal("context", args.context_parallel_size, layout["context_parallel_size"])
    same.equal("expert parallel", args.expert_model_parallel_size or 1, layout["expert_parallel_size"])
    virtual = args.num_layers_per_virtual_pipeline_stage
    stages = args.num_layers // args.pipeline_model_parallel_size // virtual if virtual else 1
    same.equal("virtual stages", stages, layout["virtual_pipeline_stages"])
    same.equal("sequence parallel", args.sequence_parallel, layout["tensor_parallel_size"] > 1)
    strategies = {"optim_grads": 2, "optim_grads_params": 3}
    zero = strategies.get(args.data_parallel_sharding_strategy, 1 if args.use_distributed_optimizer else 0)
    same.equal("ZeRO", zero, layout["zero_stage"])
    same.equal("recompute", (args.recompute_granularity or "none").upper(), layout["recompute"])
    same.equal("micro-batch", args.micro_batch_size, layout["micro_batch_size"])
    same.equal("batch", args.global_batch_size, plan["batch"]["global_batch_size"])
    same.equal("steps", args.train_iters, plan["batch"]["step_count"])
    ranks = plan["allocation"]["gpu_count"] // (
        args.tensor_model_parallel_size * args.pipeline_model_parallel_size * args.context_parallel_size)
    same.equal("accumulation", args.global_batch_size, ranks * args.micro_batch_size * layout["gradient_accumulation_steps"])


def read_torchtitan(plan, text, same):
    import tomllib  # Python 3.11
    config = tomllib.loads(text)
    layout, parallelism = plan["layout"], config["parallelism"]
    same.equal("sequence", config["training"]["seq_len"], plan["model"]["sequence_length"])
    same.equal("steps", config["training"]["steps"], plan["batch"]["step_count"])
    same.equal("batch", config["training"]["global_batch_size"], plan["batch"]["global_batch_size"])
    same.equal("tensor", parallelism["tensor_parallel_degree"], layout["tensor_parallel_size"])
    same.equal("data", parallelism["data_parallel_replicate_degree"] * parallelism["data_parallel_shard_degree"],
               layout["data_parallel_size"])
    same.equal("recompute", config["activation_checkpoint"]["mode"].upper(), layout["recompute"])


def read_deepspeed(plan, text, same):
    config = json.loads(text)
    same.equal("batch", config["train_batch_size"], plan["batch"]["global_batch_size"])
    same.equal("product", config["train_batch_size"], config["train_micro_batch_size_per_gpu"]
               * config["gradient_accumulation_steps"] * plan["allocation"]["gpu_count"])
    same.equal("ZeRO", config["zero_optimization"]["stage"], plan["layout"]["zero_stage"])


def read_accelerate(plan, text, same):
    import yaml
    config = yaml.safe_load(text)
    same.equal("processes", config["num_processes"], plan["allocation"]["gpu_count"])
    same.equal("machines", config["num_machines"], plan["allocation"]["node_count"])
    same.equal("reshard", config["fsdp_config"]["fsdp_reshard_after_forward"], plan["layout"]["zero_stage"] == 3)


def read_env(plan, text, same):
    variables = dict(line.split("=", 1) for line in text.split("\0") if line.startswith("RHUMB_"))
    same.equal("plan", variables["RHUMB_PLAN"], plan["name"])
    same.equal("tokens", int(variables["RHUMB_TOKEN_COUNT"]), plan["token_count"])
    for key in ("tensor_parallel_size", "data_parallel_size", "zero_stage", "micro_batch_size"):
        same.equal(key, int(variables["RHUMB_" + key.upper()]), plan["layout"][key])


def read_check(plan, text, same):
    check = json.loads(text)
    same.equal("fits", check["fits"], True)
    same.equal("finishes", check["finishes"], True)
    same.equal("layout", check["layout"], plan["layout"])
    same.equal("GPUs", check["allocation"]["gpu_type"], plan["allocation"]["gpu_type"])
    for key, value in plan["model"].items():
        if key != "name":
            same.equal("model." + key, check["model"].get(key), value)
    same.near("step", check["time"]["step_seconds"], plan["time"]["step_seconds"])
    same.near("wall", check["time"]["wall_seconds"], plan["time"]["wall_seconds"])
    same.near("peak", check["memory"]["peak_bytes"], plan["memory"]["peak_bytes"])
    same.near("95%", check["memory"]["p95_bytes"], plan["memory"]["p95_bytes"])


def main():
    kind, plan_path, path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    with open(path) as file:
        text = file.read()
    same = Comparison()
    globals()["read_" + kind](plan, text, same)
    same.finish()


if __name__ == "__main__":
    main()
