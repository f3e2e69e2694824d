#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run loses nodes, is given less time, and is planned anew; in-process. What is learnt from runs that have ended.
#   usage: replan_suite.sh RHUMB
set -uo pipefail
(($# == 1)) || { echo "usage: replan_suite.sh RHUMB" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-replan.XXXXXX")
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"
rhumb=("$1" --local)

expect 0 plan --gpus 32xH100-SXM5-80GB@2 --deadline 7d --json -q
cp "$out" "$work/before.json"
of_before() { python3 -c 'import json,sys; print(eval(sys.argv[2], {"plan": json.load(open(sys.argv[1]))}))' "$work/before.json" "$1"; }
plan=$(of_before 'plan["name"]')
batch=$(of_before 'plan["batch"]["global_batch_tokens"]')
done_tokens=$(of_before 'plan["batch"]["step_count"] // 4 * plan["batch"]["global_batch_tokens"]')
tokens=$(of_before 'plan["token_count"]')
expect 0 run create --plan "$plan" -o name -q
run=$(<"$out")

# Nothing is known of what is done until somebody says so.
expect 1 run replan "$run" --lost-nodes 1
shows "$err" 'done-tokens' 'a run without samples'

# What would be: two nodes fewer, the same model and tokens, the batch within a tenth.
rest=(run replan "$run" --done-tokens "$done_tokens")
expect 0 "${rest[@]}" --lost-nodes 2 --dry-run --json -q
holds "answer['plan']['state'] == 'FEASIBLE' and answer['plan']['allocation']['gpu_count'] <= 16" 'two nodes of four'
holds "abs(answer['plan']['batch']['global_batch_tokens'] / $batch - 1) <= 0.1" 'the batch is held'
holds "0 <= $tokens - answer['plan']['token_count'] < answer['plan']['batch']['global_batch_tokens']" 'the tokens are held'
holds "answer['plan']['model']['param_count'] == $(of_before 'plan["model"]["param_count"]')" 'the model is held'
holds "answer['run']['plan'] == '$plan'" 'a dry run changes nothing'
holds 'answer["plan"]["cost"]["total_usd"] > 0' 'the price is that of the plan'

# Fewer GPUs finish later, more never do.
wall() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["plan"]["time"]["wall_seconds"])' "$out"; }
walls=()
for gpus in 8 16 24 32 64; do
  expect 0 "${rest[@]}" --gpus "${gpus}xH100-SXM5-80GB@2" --dry-run --json -q
  walls+=("$(wall)")
done
checks=$((checks + 1))
python3 -c 'import sys
walls = [float(word) for word in sys.argv[1:]]
sys.exit(not all(a >= b * (1 - 1e-9) for a, b in zip(walls, walls[1:])))' "${walls[@]}" || fail "more GPUs are later: ${walls[*]}"

# A deadline out of reach: what would do, and how far it would get.
expect 3 "${rest[@]}" --gpus 8xH100-SXM5-80GB --deadline 1d --dry-run
shows "$out" 'No plan for the rest' 'infeasible'
shows "$out" '[-]-deadline [0-9]+s' 'the deadline that would do'
expect 0 "${rest[@]}" --gpus 8xH100-SXM5-80GB --deadline 1d --shorten --dry-run --json -q
holds "$done_tokens < answer['plan']['token_count'] < $tokens" 'shortened'
holds 'answer["plan"]["time"]["wall_seconds"] <= 86400.1' 'within a day'
holds 'any(advice["code"] == "SHORTENED" for advice in answer["advice"])' 'says that it is shortened'

# The real thing: the plan of the run is the new one, and its launcher goes on to the last step.
expect 0 "${rest[@]}" --lost-nodes 2 --reason 'rack 4 is down'
shows "$out" 'IN FORCE' 'old beside new'
shows "$out" 'gpu_count from 32 to' 'what changes'
expect 0 run show "$run" --json -q
holds "answer['plan'] != '$plan'" 'the run has the new plan'
new=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["plan"])' "$out")
expect 0 plans show "$new" --json -q
steps=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["batch"]["step_count"])' "$out")
expect 0 plans show "$new" --emit megatron
shows "$out" "--train-iters $steps" 'the last step of the whole run'

# And again from there: back on all nodes.
expect 0 "${rest[@]}" --gpus 32xH100-SXM5-80GB@2 --json -q
holds "answer['run']['plan'] != '$new'" 'planned anew once more'

refused 'batch-tolerance' "${rest[@]}" --batch-tolerance 0
refused 'leaves nothing' "${rest[@]}" --lost-nodes 100
refused 'lost-nodes must be a whole number' "${rest[@]}" --lost-nodes some
expect 2 "${rest[@]}" --tokens 1000
shows "$err" 'leaves nothing to plan' 'an end that has passed'
expect 4 run replan runs/r-none --done-tokens 1B

# Learning: a run without steps teaches none, and says why; nobody opted in.
expect 0 run finish "$run" --state succeeded -q
expect 1 calibrate --from-runs --dry-run
shows "$err" "1 run, first $run" 'which run teaches nothing'
expect 2 fit --from-runs
shows "$err" '--learn.*learn=True' 'nobody opted in'
refused 'two sources' calibrate --from-runs --table x.csv --dry-run
refused 'needs --from-runs' calibrate --table x.csv --cluster mine --dry-run
refused 'two sources' fit x.csv --from-runs
refused 'OBS|table of observations' fit
expect 1 run replan "$run" --done-tokens "$done_tokens"
shows "$err" 'has ended' 'a run that has ended'

echo "$checks checks, $failures failures, $skipped skipped"
((failures == 0))
