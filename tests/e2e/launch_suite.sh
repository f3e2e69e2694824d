#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plans written for launchers, read back by bash, Python's argparse, tomllib, json and yaml, and by `rhumb check`; job
# scripts as users write them.
#   usage: launch_suite.sh RHUMB SOURCE_DIR
set -uo pipefail
(($# == 2)) || { echo "usage: launch_suite.sh RHUMB SOURCE_DIR" >&2; exit 2; }
rhumb_program=$1 architectures=$2/docs/examples/architectures
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-launch.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset RHUMB_ADDR NO_COLOR "${!SLURM_@}"
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_RUNTIME_DIR=$work/runtime LC_ALL=C.UTF-8
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$work/bin"
cd "$work" || exit 1

checks=0 failures=0
fail() {
  failures=$((failures + 1))
  echo "FAILED: $*"
  sed 's/^/    /' "$work/err" | head -8
}
rhumb() { "$rhumb_program" "$@" --local -q </dev/null; }
# expect CODE ARGUMENT...: streams are left in out and err.
expect() {
  local wanted=$1 code
  shift
  checks=$((checks + 1))
  rhumb "$@" >out 2>err
  code=$?
  ((code == wanted)) || { fail "exit $code instead of $wanted: rhumb $*"; return 1; }
}
shows() {
  checks=$((checks + 1))
  tr -s ' \n' ' ' <"$1" | grep -qF -- "$2" || fail "no \"$2\" in $1 of: $3"
}
same() {  # same KIND FILE NAME
  checks=$((checks + 1))
  python3 "$here/read_launch.py" "$1" plan.json "$2" 2>err || fail "$1 of $3 is not the plan"
}

# What srun would start: its words, one a line, from the launcher's script on.
cat >bin/srun <<'END'
#!/bin/bash
while (($#)) && [[ $1 != *pretrain_gpt.py ]]; do shift; done
shift
printf '%s\n' "$@"
END
# More names than a pipe holds: a reader that stops early would fail the script.
# shellcheck disable=SC2016  # a program's text
printf '#!/bin/bash\nfor ((i = 0; i < 20000; ++i)); do echo node$i; done\n' >bin/scontrol
chmod +x bin/srun bin/scontrol

# Runs an emitted job or torchrun script as a shell would, with the launchers replaced.
ln -s srun bin/torchrun
started() {
  PATH=$work/bin:$PATH MEGATRON_PATH="$work/a folder" DATA_PATH="a b" TOKENIZER_TYPE=X TOKENIZER_MODEL='$m' \
    CHECKPOINT_PATH=c SAVE_INTERVAL=10 LR_WARMUP_ITERS=20 MASTER_ADDR=h RDZV_ID=1 SLURM_JOB_NODELIST=n SLURM_JOB_ID=1 \
    bash "$1" >words 2>err
}

round_trip() {  # round_trip NAME ARGUMENT...: every kind of a plan of Megatron
  local name=$1 kind
  shift
  expect 0 plan "$@" -o json && mv out plan.json || return
  for kind in env sbatch megatron torchrun; do
    expect 0 plan "$@" --emit "$kind" && cp out "$kind" || return
    checks=$((checks + 1))
    bash -n "$kind" 2>err || fail "$kind of $name is no shell"
  done
  for kind in sbatch torchrun; do
    checks=$((checks + 1))
    started "$kind" || fail "$kind of $name does not run"
    same megatron words "$name"
  done
  bash -c 'source ./megatron; printf "%s\n" "${MEGATRON_ARGS[@]}"' >words 2>err
  same megatron words "$name"
  bash -c 'set -u; source ./env; env -0' | tr -d '\n' >words
  same env words "$name"
  expect 0 check sbatch -o json && cp out check.json && same check check.json "$name"
}

round_trip dense --gpus 64xA100-SXM4-80GB --deadline 14d
round_trip moe --arch "$architectures/mixtral-8x7b.json" --gpus 256xH100-SXM5-80GB --deadline 14d
round_trip latent --arch "$architectures/deepseek-v3.toml" --gpus 2048xH100-SXM5-80GB --deadline 60d
round_trip interleaved --arch "$architectures/gpt-3-175b.json" --gpus 1024xA100-SXM4-80GB --deadline 60d \
  --pipeline-parallel-size 8 --virtual-pipeline-stages 2
round_trip uneven --arch "$architectures/gpt-3-175b.json" --gpus 1000xA100-SXM4-80GB --deadline 60d \
  --pipeline-parallel-size 10 --virtual-pipeline-stages 1
round_trip fp8 --gpus 128xH100-SXM5-80GB --deadline 7d --precision fp8
round_trip zero3 --gpus 32xH100-SXM5-80GB --deadline 7d --zero-stage 3 --recompute full
round_trip zero0 --gpus 4xH100-SXM5-80GB --deadline 7d --zero-stage 0 --recompute selective
round_trip context --gpus 64xH200-SXM-141GB --deadline 7d --context-parallel-size 4 --sequence-length 131072 \
  --inter-node-gbps 200
round_trip rack --gpus 144xGB200-NVL72-186GB --deadline 7d --precision mxfp8 --framework megatron-26.06
round_trip one --gpus 1xRTX-4090-24GB --deadline 7d

# Configuration files, each of a plan for its framework.
expect 0 plan --gpus 64xH100-SXM5-80GB --deadline 7d --framework torchtitan --zero-stage 3 -o json && mv out plan.json
expect 0 plan --gpus 64xH100-SXM5-80GB --deadline 7d --framework torchtitan --zero-stage 3 --emit torchtitan &&
  cp out file && same torchtitan file torchtitan

# A job of that file is the plan again.
python3 -c 'import json; json.dump(json.load(open("plan.json"))["model"], open("model.json", "w"))'
mv file titan.toml
cat >titan.sh <<'END'
#!/bin/bash
#SBATCH -N 8 --gpus-per-node=h100-sxm5:8 -t 30-0
srun torchrun --nnodes 8 --nproc_per_node 8 -m torchtitan.train --job.config_file titan.toml
END
expect 0 check titan.sh --arch model.json -o json && cp out check.json && same check check.json "titan.sh"
expect 0 check titan.sh --arch model.json && shows out "titan.toml" "torchtitan's file"
expect 2 check titan.sh && shows err "say it by --arch FILE or --params N" "a model in torchtitan's registry"
sed -i 's/titan.toml/nothing.toml/' titan.sh
expect 2 check titan.sh --params 7B && shows err "say it by --tensor-parallel-size N" "no job config"

ranks=(--tensor-parallel-size 1 --context-parallel-size 1 --zero-stage 3 --recompute full)
expect 0 plan --gpus 64xH100-SXM5-80GB --deadline 7d --framework deepspeed "${ranks[@]}" -o json && mv out plan.json
expect 0 plan --gpus 64xH100-SXM5-80GB --deadline 7d --framework deepspeed "${ranks[@]}" --emit deepspeed &&
  cp out file && same deepspeed file deepspeed
expect 0 plan --gpus 64xH100-SXM5-80GB --deadline 7d --framework accelerate "${ranks[@]}" -o json && mv out plan.json
expect 0 plan --gpus 64xH100-SXM5-80GB --deadline 7d --framework accelerate "${ranks[@]}" --emit accelerate &&
  cp out acc.yaml
if python3 -c 'import yaml' 2>/dev/null; then same accelerate acc.yaml accelerate; else echo "SKIPPED: no python3-yaml"; fi

# A job of that file is the plan again.
python3 -c 'import json; json.dump(json.load(open("plan.json"))["model"], open("model.json", "w"))'
python3 - >acc.sh <<'END'
import json
plan = json.load(open("plan.json"))
print("#!/bin/bash\n#SBATCH -N 8 --gpus-per-node=h100-sxm5:8 -t 30-0\nsrun accelerate launch --config_file acc.yaml train.py",
      "--per_device_train_batch_size", plan["layout"]["micro_batch_size"], "--gradient_accumulation_steps",
      plan["layout"]["gradient_accumulation_steps"], "--max_steps", plan["batch"]["step_count"])
END
expect 0 check acc.sh --arch model.json -o json && cp out check.json && same check check.json "acc.sh"

# A cluster's partition and network go into the job.
cat >cluster.toml <<'END'
name = "mine"
[[pools]]
gpu_type = "H100-SXM5-80GB"
node_count = 8
gpus_per_node = 8
partition = "big"
inter_node_gbps_per_gpu = 100
END
expect 0 cluster apply cluster.toml
expect 0 plan --cluster mine --deadline 7d -o json && mv out plan.json
expect 0 plan --cluster mine --deadline 7d --emit sbatch && cp out sbatch && shows sbatch "--partition=big" "a cluster"
expect 0 check sbatch -o json && cp out check.json
python3 - 2>err <<'END' || fail "the network of a cluster is lost"
import json, sys
a, b = (json.load(open(name))["time"]["step_seconds"] for name in ("plan.json", "check.json"))
sys.exit(abs(a - b) > 1e-9 * a)
END

# Files beside the answer; nothing where there is no plan, or one that cannot be expressed.
expect 0 plan --gpus 8xH100-SXM5-80GB --deadline 1d --emit env=a.env --emit sbatch=a.sbatch -o name
shows out "plans/p-" "files beside the answer"
[[ -s a.env && -s a.sbatch ]] || fail "no files were written"
expect 3 plan --gpus 8xH100-SXM5-80GB --deadline 1d --target-loss 1.9 --emit sbatch
[[ -s out ]] && fail "something is emitted of an infeasible plan"
shows err "No plan meets this question" "an infeasible plan"
expect 3 plan --gpus 8xH100-SXM5-80GB --deadline 1d --target-loss 1.9 --emit sbatch=none.sbatch
[[ -e none.sbatch ]] && fail "a file is written of an infeasible plan"
expect 2 plan --compute 1e21 --emit sbatch && shows err "no allocation" "a law's plan"
expect 0 plan --compute 1e21 --emit env
expect 2 plan --gpus 8xH100-SXM5-80GB --deadline 1d --tensor-parallel-size 2 --emit deepspeed
shows err "layout.tensor_parallel_size is 2" "deepspeed"
shows err "these can: env, sbatch, megatron" "deepspeed"
expect 2 plan --gpus 8xH100-SXM5-80GB --deadline 1d --emit sbacht && shows err "is not one of env, sbatch" "a wrong kind"
expect 2 plan --gpus 8xH100-SXM5-80GB --deadline 1d,2d --emit sbatch && shows err "not a sweep" "a sweep"
expect 2 plan --gpus 8xH100-SXM5-80GB --deadline 1d --emit sbatch -o json && shows err "KIND=FILE" "-o with --emit"
expect 2 plan --gpus 8xH100-SXM5-80GB --deadline 1d --emit sbatch=no/folder && shows err "folder" "no folder"

# A job as users write it.
cat >job.sbatch <<'END'
#!/bin/bash
#SBATCH -N 4 -t 0:30:00
#SBATCH --gres=gpu:h100:8    # eight
module load cuda
export NNODES=$SLURM_NNODES
GPUS_PER_NODE=8
TP=2
GPT_ARGS="
    --num-layers 32 \
    --hidden-size=4096 \
    --num-attention-heads 32 --group-query-attention --num-query-groups 8 \
    --seq-length 4096 --max-position-embeddings 4096 \
    --micro-batch-size 1 --global-batch-size 512 \
    --train-iters 10000 --bf16 --swiglu --disable-bias-linear --normalization RMSNorm \
    --position-embedding-type rope --untie-embeddings-and-output-weights
"
DISTRIBUTED_ARGS=(--nproc_per_node $GPUS_PER_NODE --nnodes $NNODES --rdzv_endpoint $(hostname):29400)
srun --mpi=pmix torchrun ${DISTRIBUTED_ARGS[@]} pretrain_gpt.py $GPT_ARGS \
  --tensor-model-parallel-size $TP --sequence-parallel --use-distributed-optimizer
END
expect 2 check job.sbatch && shows err 'GPU type "h100" is ambiguous' "an ambiguous type"
expect 3 check job.sbatch --gpu H100-SXM5-80GB --vocab-size 32000
shows out "line 2: #SBATCH -t 0:30:00: deadline_seconds 30 min" "the time limit"
shows out "line 19: --tensor-model-parallel-size 2: layout.tensor_parallel_size 2" "a variable"
shows out "It does not finish" "too short a limit"
shows out "#SBATCH --time=" "the directive"
expect 0 check job.sbatch --gpu H100-SXM5-80GB --vocab-size 32000 --deadline 10d --micro-batch-size 2
shows out "--micro-batch-size 1: layout.micro_batch_size 1 (overruled by a flag)" "a flag over the file"
expect 0 check job.sbatch --gpu H100-SXM5-80GB --deadline 10d -o json
python3 -c 'import json; job = json.load(open("out"))["job"]; assert job["read"] and job["not_read"], job' 2>err ||
  fail "no job in the JSON"
# shellcheck disable=SC2016  # a program's text
sed -i 's/^TP=2/TP=$(nproc)/' job.sbatch
expect 2 check job.sbatch --gpu H100-SXM5-80GB && shows err "say it by --tensor-parallel-size N" "an unknown degree"
expect 0 check job.sbatch --gpu H100-SXM5-80GB --tensor-parallel-size 2 --deadline 10d
printf '#!/bin/bash\ntorchrun --nproc-per-node 8 train.py --my-config x\n' >other.sh
expect 0 check other.sh --gpu H100-SXM5-80GB --params 1B
shows out "the framework: is not recognised: megatron is taken; say it by --framework NAME" "an unknown framework"
shows out "line 2: --my-config x: is not known here" "a flag that nobody reads"
expect 0 check other.sh --gpu H100-SXM5-80GB --params 1B --framework fsdp

# The run as it is written: without sequence parallelism, at a Trainer's FSDP, on ranks that are not the GPUs.
sed 's/TP=$(nproc)/TP=8/; s/ --sequence-parallel / /' job.sbatch >plain.sbatch
expect 0 check plain.sbatch --gpu H100-SXM5-80GB --deadline 10d
shows out "no --sequence-parallel: sequence_parallel false" "a switch that is off"
shows out "sequence parallelism is off: with it the fullest GPU holds" "what it would save"
cat >trainer.sh <<'END'
#!/bin/bash
#SBATCH --nodes=1
#SBATCH --gpus=8
torchrun --standalone --nproc_per_node 4 train.py --per_device_train_batch_size 8 --block_size 8192 --bf16 \
  --fsdp "full_shard auto_wrap" --optim adamw_8bit --max_steps 10
END
expect 3 check trainer.sh --gpu H100-SXM5-80GB --params 8B
shows out "--fsdp full_shard auto_wrap: layout.zero_stage 3" "the Trainer's FSDP"
shows out "--optim adamw_8bit" "an optimizer that is not modelled"
shows out "4 of 8 GPUs are idle" "ranks that are not the GPUs"
echo '{"train_batch_size": 256, "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 4}' >parts.json
printf '#!/bin/bash\n#SBATCH -N 1 --gres=gpu:8\ndeepspeed train.py --deepspeed_config parts.json\n' >parts.sh
expect 2 check parts.sh --gpu H100-SXM5-80GB --params 1B
shows err "parts.json: train_batch_size: 256" "keys that contradict each other"
printf 'echo "open\n' >broken.sh
expect 2 check broken.sh && shows err "line 1" "an open quote"
expect 2 check missing.sbatch
expect 2 check job.sbatch --table runs.csv
expect 2 check --gpu H100-SXM5-80GB --params 7B --gpus 8xH100-SXM5-80GB

echo "$checks checks, $failures failures"
((failures == 0))
