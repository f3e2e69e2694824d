#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole command line against a daemon and in-process: the same plans, exit codes, refusals, nothing stored by mistake.
#   usage: cli_suite.sh RHUMB RHUMBD SOURCE_DIR
set -uo pipefail
(($# == 3)) || { echo "usage: cli_suite.sh RHUMB RHUMBD SOURCE_DIR" >&2; exit 2; }
rhumb_program=$1 rhumbd_program=$2 source_dir=$3
here=$(dirname "${BASH_SOURCE[0]}")
examples=$source_dir/docs/examples

work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-cli.XXXXXX")
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"

silent() {
  checks=$((checks + 1))
  [[ ! -s $out ]] || fail "something on stdout of: $1"
}
stored() { "${rhumb[@]}" plans list --page-size 1000 -o name -q 2>/dev/null; "${rhumb[@]}" cluster list --json -q 2>/dev/null; }

# Questions whose answers must not depend on the home. One a line.
questions() {
  cat <<END
plan --compute 1e21
plan --gpus 256xH100-SXM5-80GB --deadline 21d --unique-tokens 4T
plan --gpus 16xA100-SXM4-80GB --price 1.5 --budget 5k --level 0.5
plan --target-loss 2.6 --gpus 32xH100-SXM5-80GB@2 --max-param-count 3B
plan --gpus 6xA100-SXM4-40GB --gpus 8xL40S-48GB --deadline 5d
plan --arch $examples/architectures/llama-3.1-8b.json --gpus 64xH100-SXM5-80GB --gpu-hours 2k
plan --cluster one-h100-node --deadline 3d
plan --target-loss 1.5
predict --params 7B --tokens 2T
predict --law muennighoff2023-c4 --params 3B --tokens 200B --unique-tokens 25B --batch-tokens 4M
check --arch $examples/architectures/llama-3.1-8b.json --gpus 8xH100-SXM5-80GB --zero-stage 3 --tokens 10B --deadline 9d
law list
law show besiroglu2024
gpu list
gpu show H100-SXM5-80GB
END
}

ask_all() { # FOLDER: the JSON of every question
  local folder=$1 n=0 question words
  mkdir -p "$folder"
  while read -r question; do
    read -ra words <<<"$question"
    "${rhumb[@]}" "${words[@]}" -q -o json >"$folder/$n.json" 2>"$folder/$n.err" </dev/null
    echo "$?" >"$folder/$n.code"
    n=$((n + 1))
  done < <(questions)
}

# A run without a scheduler, from its plan to its end.
runs() {
  local plan run
  expect 0 plan --gpus 16xH100-SXM5-80GB --deadline 3h --price 2.5 -o name -q
  plan=$(<"$out")
  expect 0 run create --plan "$plan" --title 'by hand' -o name -q
  run=$(<"$out")
  expect 0 run show "$run"
  shows "$out" "^$run: by hand runs since .* of the planned 3 h\\." 'run show'
  shows "$out" 'GPU-hours +48 ' 'run show: planned numbers'
  expect 0 run list --open --plan "$plan" --parsable --noheader
  shows "$out" "^${run#runs/}\|running\|" 'run list --open'
  expect 0 run finish "$run" --state succeeded -q
  expect 0 run finish "${run#runs/}" --state succeeded -o json -q
  holds 'answer["state"] == "SUCCEEDED" and answer["comparisons"][0]["planned"] > 10000' 'run finish'
  expect 1 run finish "$run" --state failed
  shows "$err" 'has ended: SUCCEEDED' 'another end'
  expect 0 run list --open --plan "$plan" -o name
  silent 'run list --open of what has ended'
  refused 'must be a time as' run finish "$run" --state failed --time soon
  refused 'must be one of succeeded, failed, cancelled' run finish "$run" --state lost
  refused 'give the name of a run or --job' run show
  refused 'is in the future' run finish "$run" --state failed --time 2200-01-01T00:00:00Z
  refused '2255|must be a time' run finish "$run" --state failed --time 9000-01-01T00:00:00Z
  expect 4 run show --job 1 --cluster no-such-cluster
  expect 4 run show runs/r-none
  expect 4 run create --plan plans/p-none
}

exit_codes_and_formats() {
  local plan name
  expect 0 plan --compute 1e21
  shows "$out" '^Train a 2\.7[0-9]B model on 6[0-9.]+B tokens: expected loss 2\.30' 'plan --compute 1e21'
  checks=$((checks + 1))
  if grep -q $'\033' "$out"; then fail "colour without a terminal"; fi
  expect 0 plan --compute 1e21 -o name -q
  name=$(<"$out")
  expect 0 plans show "$name" -o json
  shows "$out" '"create_time": "20' 'plans show'
  plan=${name#plans/}
  expect 0 plans show "$plan"
  expect 0 plans list -o wide
  shows "$out" "$plan" 'plans list'
  expect 0 plans list --parsable --noheader
  shows "$out" "^$plan\|feasible\|" 'plans list --parsable'
  expect 0 plan --compute 1e21 -o yaml
  shows "$out" '^  mean_nats: 2\.30' 'plan -o yaml'
  expect 0 plan --compute 1e21 -o csv
  shows "$out" '^name,create_time,.*,loss\.mean_nats,' 'plan -o csv'
  expect 0 law list -o csv --noheader
  shows "$out" '^laws/besiroglu2024,' 'law list -o csv'
  expect 0 law list --json
  shows "$out" '"laws": \[' 'law list --json'
  expect 0 plan --compute 1e20,1e21,1e22 -o json
  checks=$((checks + 1))
  python3 -c 'import json,sys; plans = json.load(open(sys.argv[1]))["plans"]; sys.exit(
    [plan["law_optimum"]["training_flops"] for plan in plans] != [1e20, 1e21, 1e22])' "$out" || fail "sweep as json"
  expect 0 plan --compute 1e20,1e21,1e22
  checks=$((checks + 1))
  (($(wc -l <"$out") == 4)) || fail "a sweep of three is no table of four lines"
  expect 0 plan --compute 1e21 --validate-only -o json
  expect 0 plans delete "$plan" --dry-run
  expect 0 plans show "$plan" -o name
  expect 0 plans delete "$plan"
  expect 4 plans show "$plan"
  silent "plans show of a deleted plan"
  expect 4 plans delete "$plan"
  expect 4 law show no-such-law
  expect 4 gpu show NO-SUCH-GPU
  expect 4 cluster show no-such-cluster
  expect 0 predict --params 7B --tokens 2T
  shows "$out" '^Expected loss 2\.065 nats per token' 'predict'
  expect 3 check --params 70B --gpus 8xRTX-4090-24GB
  shows "$out" '^It does not fit: .* too much' 'check that does not fit'
  expect 0 check --params 1B --gpus 8xH100-SXM5-80GB --tokens 20B --deadline 30d --explain
  shows "$out" 'It finishes' 'check that finishes'
  expect 3 check --params 1B --gpus 8xH100-SXM5-80GB --tokens 20T --deadline 1h
  shows "$out" 'It does not finish' 'check that does not finish'
  expect 0 version -o json
  shows "$out" '"server_version": "[0-9.]+"' 'version'
  expect 0 --help
  expect 0 help plan
  shows "$out" '--deadline TIME' 'help plan'
  expect 2
  expect 0 --json law list

  expect 0 plan --gpus 8xH100-SXM5-80GB@2.5 --deadline 36h --zero-stage 1 --objective loss --save "$work/question.toml" \
    -o name -q
  name=$(<"$out")
  expect 0 plan -f "$work/question.toml" -o name -q
  checks=$((checks + 1))
  [[ $(<"$out") == "$name" ]] || fail "a saved question gives another plan"
  expect 0 plan -f "$work/question.toml" --deadline 40h -o name -q
  checks=$((checks + 1))
  [[ $(<"$out") != "$name" ]] || fail "a flag does not win over the file"
}

# A plan's own model is a file for --arch, and has the same counts there.
models_read_back() {
  local question words
  for question in '--compute 1e21' "--compute 1e23 --arch $examples/architectures/deepseek-v3.toml" \
    "--compute 1e23 --arch $examples/architectures/gpt-3-175b.json"; do
    read -ra words <<<"$question"
    "${rhumb[@]}" plan "${words[@]}" -q -o json >"$out" 2>"$err" </dev/null || { fail "rhumb plan $question"; continue; }
    python3 -c 'import json,sys; json.dump(json.load(open(sys.argv[1]))["model"], open(sys.argv[2], "w"))' "$out" "$work/model.json"
    "${rhumb[@]}" check --arch "$work/model.json" --gpus 64xH100-SXM5-80GB -q -o json >"$out" 2>"$err" </dev/null
    checks=$((checks + 1))
    python3 -c 'import json,sys
printed, read = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))["model"]
counts = ["param_count_convention", "param_count", "active_param_count"]
shape = [key for key in printed if key not in counts]
same_way = printed["param_count_convention"] == read["param_count_convention"]
sys.exit([printed[key] for key in shape] != [read[key] for key in shape] or
         same_way and [printed[key] for key in counts] != [read[key] for key in counts])' "$work/model.json" "$out" 2>>"$err" ||
      fail "the model of rhumb plan $question"
  done
}

# Whoever reads no further (| head) is told nothing; a full device is an error.
closed_outputs() {
  checks=$((checks + 1))
  { sleep 0.2; "${rhumb[@]}" gpu list --json -q 2>"$err"; } | true
  [[ ! -s $err ]] || fail "words about a reader that is gone"
  if [[ -w /dev/full ]]; then
    checks=$((checks + 1))
    "${rhumb[@]}" gpu list --json -q >/dev/full 2>"$err"
    (($? == 1)) || fail "no error of a full device"
    shows "$err" 'cannot write' 'a full device'
  fi
}

gpu_types() {
  local before after
  expect 0 gpu apply "$examples/gpus/h20-sxm-96gb.toml" --dry-run
  expect 4 gpu show H20-SXM-96GB
  expect 0 gpu apply "$examples/gpus/h20-sxm-96gb.toml"
  shows "$out" '^H20-SXM-96GB: 95\.0 GiB usable, 148 TFLOP/s dense in bf16' 'gpu apply'
  expect 0 gpu list -o wide
  shows "$out" 'H20-SXM-96GB .*applied by uid' 'gpu list -o wide'
  expect 0 plan --gpus 8xH20 --deadline 1d
  shows "$out" '8 H20-SXM-96GB' 'plan with an applied type'
  expect 0 plan --gpus 8xL40S --deadline 1d -o name -q
  before=$(<"$out")
  # An answer is a file to start from.
  "${rhumb[@]}" gpu show L40S -o json -q | sed 's/\("board_watts": \)350/\1351/' >"$work/l40s.json"
  expect 0 gpu apply "$work/l40s.json" -o name
  shows "$out" '^gpuTypes/L40S-48GB$' 'gpu apply -o name'
  expect 0 plan --gpus 8xL40S --deadline 1d -o name -q
  after=$(<"$out")
  checks=$((checks + 1))
  [[ $before != "$after" ]] || fail "another GPU of the same name gives the same plan"
  expect 0 gpu delete L40S-48GB
  expect 0 plan --gpus 8xL40S --deadline 1d -o name -q
  checks=$((checks + 1))
  [[ $(<"$out") == "$before" ]] || fail "the catalogue's type does not hold again"
  expect 1 gpu delete L40S-48GB
  silent "gpu delete of a type of the catalogue"
  expect 0 gpu delete H20-SXM-96GB
  expect 4 gpu show H20-SXM-96GB
}

clusters() {
  expect 0 cluster apply "$examples/clusters/jean-zay-a100.toml" --dry-run
  expect 4 cluster show jean-zay-a100
  expect 0 cluster apply "$examples/clusters/jean-zay-a100.toml" -o name
  shows "$out" '^clusters/' 'cluster apply -o name'
  expect 0 cluster list
  shows "$out" 'A100-SXM4-80GB' 'cluster list'
  local name
  name=$("${rhumb[@]}" cluster list -o name -q | grep -m1 zay)
  expect 0 cluster show "$name"
  expect 0 cluster delete "$name" --dry-run
  expect 0 cluster show "$name"
  expect 0 cluster delete "$name"
  expect 4 cluster delete "$name"
}

# What an agent would tell, told by hand.
nodes() {
  cat >"$work/nodes.json" <<'EOF'
{"name": "live", "partitions": [{"name": "gpu", "max_wall_seconds": 172800}], "nodes": [
  {"name": "n1", "gpu_type": "H100-SXM5-80GB", "gpu_count": 8, "free_gpu_count": 8, "state": "idle", "partitions": ["gpu"]},
  {"name": "n2", "gpu_type": "H100-SXM5-80GB", "gpu_count": 8, "free_gpu_count": 3, "state": "mixed", "partitions": ["gpu"]}]}
EOF
  expect 4 cluster nodes live
  refused '--cluster .*unknown cluster' plan --cluster live --free --deadline 1d
  expect 0 cluster sync "$work/nodes.json"
  shows "$out" '11 of 16 GPUs in 2 nodes free' 'cluster sync'
  expect 0 cluster nodes live
  shows "$out" 'n2 +mixed' 'cluster nodes'
  expect 0 cluster nodes live --json
  local now
  now=$(date -u +%FT%TZ)
  sed "s/\"update_time\": \"[^\"]*\"/\"observe_time\": \"$now\"/" "$out" >"$work/again.json"
  expect 0 cluster sync "$work/again.json" --json
  shows "$out" "\"observe_time\": \"$now\"" 'what cluster nodes printed, synced'
  sed "s/$now/yesterday/" "$work/again.json" >"$work/wrong_time.json"
  refused 'must be a time as 2026-03-01T12:00:00Z' cluster sync "$work/wrong_time.json"
  expect 0 plan --cluster live --free --deadline 1d --json
  shows "$out" '"gpu_count": 8' 'plan --free'
  # All of it, free or not, in jobs of two days.
  expect 0 plan --cluster live --deadline 7d
  shows "$out" '16 x H100-SXM5-80GB' 'plan of a cluster that was never applied'
  shows "$out" 'runs as 4 jobs of at most 2 d each' 'a chain of jobs'
  expect 0 plan --cluster live --deadline 7d --json
  shows "$out" '"job_count": 4' 'a chain of jobs'
  expect 0 plan --cluster live --deadline 7d --max-jobs 1
  if grep -q 'runs as' "$out"; then fail 'a chain of --max-jobs 1'; fi
  refused '--max-jobs \(max_job_count\)' plan --cluster live --deadline 7d --max-jobs 0
  expect 3 plan --cluster live --deadline 7d --max-jobs 1 --params 1B --tokens 200B
  shows "$out" '--max-jobs 2: raise max_job_count from 1 job to 2 jobs' 'what would do instead of one job'
  expect 0 cluster reserve live --gpu H100-SXM5-80GB --count 8 --for 1m -o name
  local name
  name=$(cat "$out")
  expect 1 cluster reserve live --gpu H100-SXM5-80GB --count 8
  expect 1 plan --cluster live --free --deadline 1d
  expect 0 cluster reservations live
  shows "$out" '8xH100-SXM5-80GB' 'cluster reservations'
  expect 0 cluster release "$name"
  expect 4 cluster release "$name"
  expect 0 plan --cluster live --free --deadline 1d --reserve -o name
  shows "$err" '8 x H100-SXM5-80GB are promised to plans/p-' 'plan --reserve'
  name=$(cat "$out")
  expect 1 plans show "$name" --reserve -o name
  expect 1 plan --cluster live --free --deadline 1d --reserve
  refused '--reserve' plan --gpus 8xH100-SXM5-80GB --deadline 1d --reserve
  refused '--reserve' plan --cluster live --free --deadline 1d,2d --reserve
  expect 0 cluster reservations live -o name
  expect 0 cluster release "$(cat "$out")"
  local again
  for again in 1 2; do
    expect 0 plan --cluster live --free --deadline 1d --reserve --request-id 00000000-0000-4000-8000-000000000001
  done
  expect 0 cluster reservations live -o name
  [[ $(wc -l <"$out") == 1 ]] || fail 'a repetition of one request is promised twice'
  expect 0 cluster release "$(cat "$out")"
  refused '--count' cluster reserve live --gpu H100-SXM5-80GB --count 0
  refused '--free' plan --gpus 8xH100-SXM5-80GB --free --deadline 1d
}

malformed_inputs() {
  local before
  before=$(stored)
  printf '' >"$work/empty.json"
  head -c 512 /dev/urandom >"$work/binary.json"
  head -c 100 "$examples/architectures/llama-3.1-8b.json" >"$work/truncated.json"
  printf '{"model_type": "perceptron"}' >"$work/unknown_type.json"
  printf 'compute_flops = nan\n' >"$work/nan.toml"
  printf 'compute_flop = 1e21\n' >"$work/unknown_key.toml"
  printf 'level = 0.9\ncompute_flops = "lots"\n' >"$work/text.toml"
  printf 'name = "x"\n[[pools]]\ngpu_type = "H100-SXM5-80GB"\nnode_count = -4\ngpus_per_node = 8\n' >"$work/negative.toml"
  printf 'name = "x"\n[[pools]]\ngpu_type = "H100-SXM5-80GB"\nnodes = 4\n' >"$work/pool_key.toml"
  printf 'name = "x"\n[[pools]]\ngpu_type = "NO-SUCH-GPU"\nnode_count = 4\ngpus_per_node = 8\n' >"$work/pool_gpu.toml"
  printf 'name = "X"\nfamly = "hopper"\n' >"$work/gpu_key.toml"
  sed 's/^family *= *"hopper"/family = "hoper"/' "$examples/gpus/h20-sxm-96gb.toml" >"$work/gpu_family.toml"

  refused 'nothing bounds the training' plan
  refused 'is not valid UTF-8' plan --compute 1e20 --law $'\xff\xfe'
  refused '--deadline.*needs.*token' check --params 1B --gpus 8xH100-SXM5-80GB --deadline 1s
  refused '--compute \(compute_flops\)' plan --compute -1
  refused '--compute \(compute_flops\)' plan --compute 0
  refused '--compute \(compute_flops\)' plan --compute NaN
  refused '--compute \(compute_flops\)' plan --compute inf
  refused '--compute \(compute_flops\)' plan --compute 1e999
  refused '--compute \(compute_flops\)' plan --compute plenty
  refused '--compute \(compute_flops\)' plan --compute ''
  refused '--compute \(compute_flops\)' plan --compute=
  refused '--compute \(compute_flops\)' plan --compute
  refused '--compute \(compute_flops\)' plan --compute 1e21 --compute 1e22
  refused '--compute' plan --computer 1e21
  refused '--params \(param_count\)' plan --params 1.5 --compute 1e21
  refused '--deadline \(deadline_seconds\)' plan --deadline 2001-01-01 --gpus 8xH100-SXM5-80GB
  refused '--deadline \(deadline_seconds\)' plan --deadline soon --gpus 8xH100-SXM5-80GB
  refused '--budget \(budget_usd\)' plan --budget '$-5' --gpus 8xH100-SXM5-80GB --price 2
  refused '--price' plan --budget 5k --gpus 8xH100-SXM5-80GB --price
  refused '--price' plan --budget 5k --gpus 8xH100-SXM5-80GB --price free
  refused '--gpus \(gpu_pools' plan --gpus 8xNO-SUCH-GPU --deadline 3d
  refused '--gpus \(gpu_pools.*H100-SXM5-80GB.*H100-PCIe-80GB' plan --gpus 8xh100 --deadline 3d
  refused '--gpus \(gpu_pools' plan --gpus 0xH100-SXM5-80GB --deadline 3d
  refused '--gpus \(gpu_pools' plan --gpus H100-SXM5-80GB --deadline 3d
  refused '--law \(law\).*besiroglu2024' plan --law besiroglu2042 --compute 1e21
  refused '--objective \(objective\).*lifetime-cost' plan --objective speed --compute 1e21
  refused '--level \(level\)' plan --level 1 --compute 1e21
  refused '--mfu \(mfu\)' plan --mfu 1.5 --gpus 8xH100-SXM5-80GB --deadline 3d
  refused '--cluster \(cluster\)' plan --cluster no-such-cluster --deadline 3d
  refused '--zero-stage \(layout.zero_stage\)' plan --zero-stage 4 --gpus 8xH100-SXM5-80GB --deadline 3d
  refused '--batch-tokens \(global_batch_tokens\)' plan --batch-tokens 1000 --compute 1e21
  refused 'give one of --compute, --gpu-hours, --deadline, --budget' plan
  refused 'give --arch or --params$' check --gpus 8xH100-SXM5-80GB
  refused 'give --gpus or --cluster$' check --params 7B
  refused 'nearest: 999424 and 1007616$' plan --batch-tokens 1000001 --compute 1e21
  refused '--arch \(architecture\)' plan --arch "$work/empty.json" --compute 1e21
  refused '--arch \(architecture\)' plan --arch "$work/binary.json" --compute 1e21
  refused '--arch \(architecture\)' plan --arch "$work/truncated.json" --compute 1e21
  refused '--arch \(architecture\).*perceptron' plan --arch "$work/unknown_type.json" --compute 1e21
  refused '--arch \(architecture\).*no such file' check --arch "$work/nowhere.json" --gpus 8xH100-SXM5-80GB
  refused '--file.*line 1.*compute_flops.*finite' plan -f "$work/nan.toml"
  refused '--file.*line 1.*compute_flop:.*compute_flops' plan -f "$work/unknown_key.toml"
  refused '--file.*line 2.*compute_flops' plan -f "$work/text.toml"
  refused '--file.*no such file' plan -f "$work/nowhere.toml"
  refused '--budget and --deadline' plan --budget 1k,2k --deadline 1d,2d --gpus 8xH100-SXM5-80GB
  refused 'node_count' cluster apply "$work/negative.toml"
  refused 'line 4.*nodes' cluster apply "$work/pool_key.toml"
  refused 'gpu_type.*NO-SUCH-GPU' cluster apply "$work/pool_gpu.toml"
  refused 'line 2, column 1.*famly.*family' gpu apply "$work/gpu_key.toml"
  refused 'gpu_type.family.*hopper' gpu apply "$work/gpu_family.toml"
  refused 'no such file' gpu apply "$work/nowhere.toml"
  refused 'no such file' cluster apply "$work/nowhere.toml"
  [[ -p $work/pipe ]] || mkfifo "$work/pipe"
  expect 5 check --arch "$work/pipe" --gpus 8xH100-SXM5-80GB --timeout 1s &&
    shows "$err" '--arch .*pipe has not ended' 'a pipe that nobody writes to'
  expect 5 cluster apply "$work/pipe" --timeout 1s && shows "$err" 'pipe has not ended' 'a pipe that nobody writes to'
  expect 5 plan -f "$work/pipe" --timeout 1s && shows "$err" '--file: .*pipe has not ended' 'a pipe that nobody writes to'
  silent 'a pipe that nobody writes to'
  refused '--tokens \(token_count\)' predict --params 7B
  refused '--params \(param_count\)' predict --params -7B --tokens 1T
  refused '--output.*xml' law list -o xml
  refused '--timeout' law list --timeout -5s
  refused 'plan' plann --compute 1e21
  # All at once, not the first only.
  refused '--mfu \(mfu\)' plan --mfu 2 --level 3 --compute 1e21
  shows "$err" '--level \(level\)' 'two violations'

  checks=$((checks + 1))
  [[ $(stored) == "$before" ]] || fail "malformed questions changed what is stored"
}

# infeasible CONFLICT ARGUMENT...: exit 3, CONFLICT among the conflicts, and every relaxation that is a change of the
# question makes it feasible. At least one must be.
infeasible() {
  local conflict=$1 n=0 relaxed
  shift
  expect 3 plan "$@" --save "$work/infeasible.toml" -o json || return
  checks=$((checks + 1))
  python3 "$here/relax_question.py" "$out" "$work/infeasible.toml" "$conflict" "$work/relaxed" >"$err" 2>&1 ||
    { fail "conflict or relaxations of: rhumb plan $*"; return; }
  for relaxed in "$work"/relaxed.*.toml; do
    expect 0 plan -f "$relaxed" -q -o name && n=$((n + 1))
  done
  rm -f "$work"/relaxed.*.toml
  ((n > 0)) || fail "no relaxation of: rhumb plan $*"
}

# relaxed_by_flags ARGUMENT...: every flag the answer proposes makes the question feasible as it is written.
relaxed_by_flags() {
  local flag value arguments i n=0
  expect 3 plan "$@" || return
  while read -r flag value; do
    arguments=("$@")
    for ((i = 0; i < ${#arguments[@]}; i++)); do
      [[ ${arguments[i]} != "$flag" ]] || arguments[i + 1]=$value
    done
    expect 0 plan "${arguments[@]}" -q -o name && n=$((n + 1))
  done < <(sed -nE 's/^(Would do)? +(--[a-z-]+) ([^ ]+): .*/\2 \3/p' "$out")
  ((n > 0)) || fail "no flag is proposed for: rhumb plan $*"
}

infeasible_questions() {
  infeasible target_loss_nats --target-loss 1.5
  infeasible deadline_seconds --target-loss 2.5 --gpus 8xH100-SXM5-80GB --deadline 1m
  infeasible gpu_memory --arch "$examples/architectures/gpt-3-175b.json" --gpus 2xRTX-4090-24GB --deadline 30d
  infeasible budget_usd --target-loss 2.5 --gpus 32xH100-SXM5-80GB@2 --budget 1
  expect 3 plan --target-loss 1.5
  shows "$out" '^No plan meets this question: --target-loss \(target_loss_nats\)' 'infeasible plan'
  shows "$out" '--target-loss [0-9.]+: ' 'its relaxation as a flag'
  relaxed_by_flags --target-loss 2.0 --gpus 8xH100-SXM5-80GB --deadline 7d
  relaxed_by_flags --target-loss 2.5 --gpus 32xH100-SXM5-80GB@2 --budget 1
  # Parts of a layout are whole numbers.
  relaxed_by_flags --gpus 64xH100-SXM5-80GB --zero-stage 0 --params 30B --tokens 1B --micro-batch-size 1 \
    --max-tensor-parallel-size 1 --max-pipeline-parallel-size 1
}

# Published planning problems; expected numbers and tolerances in planner_problems.py.
planner_problems() {
  local id arguments words
  while IFS=: read -r id arguments; do
    read -ra words <<<"$arguments"
    checks=$((checks + 1))
    "${rhumb[@]}" "${words[@]}" -q -o json >"$out" 2>"$err" </dev/null
    python3 "$here/planner_problems.py" "$id" $? "$out" >>"$err" 2>&1 || fail "problem $id: rhumb $arguments"
  done < <(python3 "$here/planner_problems.py" --list)
}

suite() {
  echo "== $1"
  exit_codes_and_formats
  models_read_back
  closed_outputs
  clusters
  nodes
  runs
  gpu_types
  malformed_inputs
  infeasible_questions
  planner_problems
  "${rhumb[@]}" cluster apply "$examples/clusters/one-h100-node.toml" -q >"$out" 2>"$err" || fail "cluster apply"
  ask_all "$work/$2"
}

# --- The daemon
socket=$work/rhumbd.sock
"$rhumbd_program" --database "$work/daemon.db" --socket "$socket" --log-level warning >"$work/rhumbd.log" 2>&1 </dev/null &
daemon=$!
rhumb=("$rhumb_program" --addr "unix://$socket")
for _ in {1..100}; do
  "${rhumb[@]}" version >/dev/null 2>&1 && break
  sleep 0.1
done
suite "daemon on a unix socket" daemon

echo "== which daemon"
rhumb=("$rhumb_program")
RHUMB_ADDR=unix://$socket expect 0 version -o json
shows "$out" "\"server_address\": \"unix://$socket\"" 'version through RHUMB_ADDR'
mkdir -p "$XDG_RUNTIME_DIR/rhumb"
ln -s "$socket" "$XDG_RUNTIME_DIR/rhumb/rhumbd.sock"
expect 0 version --no-local -o json
shows "$out" "$XDG_RUNTIME_DIR/rhumb" 'version through XDG_RUNTIME_DIR'
if ((EUID == 0)) && command -v setpriv >/dev/null; then
  chmod 755 "$work"
  other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  rhumb=("${other[@]}" "$rhumb_program" --addr "unix://$socket")
  expect 6 law list
  chmod 666 "$socket"
  expect 6 cluster apply "$examples/clusters/one-h100-node.toml"
  expect 0 law list
else
  skip "another user's permissions: needs root and setpriv"
fi
rm "$XDG_RUNTIME_DIR/rhumb/rhumbd.sock"

kill -TERM "$daemon"
wait "$daemon"
code=$?
daemon=
checks=$((checks + 1))
((code == 0)) || fail "rhumbd ended with $code"

echo "== a socket that does not answer"
rhumb=("$rhumb_program")
python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/stale.sock"
RHUMB_ADDR=unix://$work/stale.sock expect 5 law list
silent "a stale socket"
expect 5 law list --addr "$work/stale.sock"
expect 5 law list --addr "$work/nowhere.sock"
touch "$work/file.sock"
RHUMB_ADDR=unix://$work/file.sock expect 5 law list
python3 -c 'import socket,sys,time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); time.sleep(60)' "$work/mute.sock" &
mute=$!
until [[ -S $work/mute.sock ]]; do sleep 0.1; done
RHUMB_ADDR=unix://$work/mute.sock expect 5 law list --timeout 1s
kill "$mute"
wait "$mute" 2>/dev/null
if [[ ! -e /run/rhumb/rhumbd.sock ]]; then
  expect 5 law list --no-local
  RHUMB_ADDR=unix://$work/nowhere.sock expect 0 law list
  shows "$err" 'in-process' 'no daemon'
  checks=$((checks + 1))
  expect 0 plan --compute 1e21
  (($(wc -l <"$err") == 1)) || fail "more or less than one line on stderr in-process"
else
  skip "discovery without any daemon: one runs on this machine"
fi
rhumb=("$rhumb_program" --local)
expect 2 law list --no-local
expect 2 law list --addr "$socket"

# --- In this process
suite "in-process" local

echo "== the same answers in both homes"
checks=$((checks + 1))
python3 "$here/compare_answers.py" "$work/daemon" "$work/local" >"$out" 2>"$err" || fail "answers differ between the homes"
checks=$((checks + 1))
python3 "$here/plan_keys.py" "$work/local/1.json" "$work/local/0.json" "$work/local/7.json" >"$out" 2>"$err" ||
  fail "keys of a plan"

echo "== 100 at once on one file"
export XDG_DATA_HOME=$work/crowd
for i in {1..100}; do
  { "$rhumb_program" --local plan --compute "$((1000 + i))e18" -o name >"$work/crowd.$i.out" 2>"$work/crowd.$i.err"
    echo $? >"$work/crowd.$i.code"; } </dev/null &
done
wait
checks=$((checks + 2))
if cat "$work"/crowd.*.code | grep -qv '^0$'; then fail "not all 100 answered: $(cat "$work"/crowd.*.err | sort | uniq -c | head -3)"; fi
if grep -l 'nothing was stored' "$work"/crowd.*.err >/dev/null; then fail "not all 100 stored"; fi
rhumb=("$rhumb_program" --local)
checks=$((checks + 1))
[[ $("${rhumb[@]}" plans list --page-size 1000 -o name -q | sort) == "$(cat "$work"/crowd.*.out | sort)" ]] ||
  fail "what 100 stored is not what is there"

echo "== homes that cannot be written"
nothing_stored() { shows "$err" 'nothing was stored' "$1"; }
checks=$((checks + 1))
env -u HOME -u XDG_DATA_HOME "$rhumb_program" --local plan --compute 1e21 >"$out" 2>"$err" || fail "without HOME"
nothing_stored "without HOME"
XDG_DATA_HOME=$work/file.sock expect 0 plan --compute 1e21 && nothing_stored "a file where the data folder should be"
checks=$((checks + 2))
env -u XDG_DATA_HOME HOME="$work/no-such-home" "$rhumb_program" --local plan --compute 1e21 >"$out" 2>"$err" ||
  fail "a home that is not there"
nothing_stored "a home that is not there"
[[ ! -e $work/no-such-home ]] || fail "a home was made that was not there"
mkdir -p "$work/damaged/rhumb"
head -c 8192 /dev/urandom >"$work/damaged/rhumb/rhumb.db"
before=$(cksum <"$work/damaged/rhumb/rhumb.db")
XDG_DATA_HOME=$work/damaged expect 0 plan --compute 1e21 && nothing_stored "a damaged database"
# What is about the store itself has no answer there.
for words in 'plans list' 'plans list -o json -q' 'plans show plans/p-0123456789' 'plans delete plans/p-0123456789' \
  'cluster list' 'cluster show alpha' 'cluster delete alpha' 'run list' 'run show --job 1' 'run create'; do
  read -ra arguments <<<"$words"
  XDG_DATA_HOME=$work/damaged expect 1 "${arguments[@]}" && silent "$words without a store" &&
    shows "$err" 'the store cannot be opened' "$words without a store"
done
XDG_DATA_HOME=$work/file.sock expect 1 plans list
checks=$((checks + 1))
[[ $(cksum <"$work/damaged/rhumb/rhumb.db") == "$before" ]] || fail "a damaged database was changed"
mkdir -p "$work/readonly"
if ((EUID != 0)); then
  chmod 555 "$work/readonly"
  XDG_DATA_HOME=$work/readonly expect 0 plan --compute 1e21 && nothing_stored "a read-only home"
elif unshare -m true 2>/dev/null; then
  checks=$((checks + 1))
  # shellcheck disable=SC2016  # expanded by the inner shell
  XDG_DATA_HOME=$work/readonly unshare -m bash -c 'mount --bind "$XDG_DATA_HOME" "$XDG_DATA_HOME" &&
    mount -o remount,ro,bind "$XDG_DATA_HOME" && exec "$0" --local plan --compute 1e21' "$rhumb_program" \
    >"$out" 2>"$err" || fail "a read-only home"
  nothing_stored "a read-only home"
else
  skip "a read-only home: root writes everywhere, and may not mount here"
fi

echo "$checks checks, $failures failed, $skipped skipped"
((failures == 0))
