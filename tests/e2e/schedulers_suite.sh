#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/examples/schedulers against a daemon: what PBS, LSF, Flux and Kueue are asked for is the plan, in one command
# each; what PBS tells becomes an inventory that is planned on; what fails says so in time.
#   usage: schedulers_suite.sh RHUMB RHUMBD SOURCE_DIR
set -uo pipefail
(($# == 3)) || { echo "usage: schedulers_suite.sh RHUMB RHUMBD SOURCE_DIR" >&2; exit 2; }
rhumb_program=$1 rhumbd_program=$2 examples=$3/docs/examples/schedulers

work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-schedulers.XXXXXX")
# shellcheck source=tests/e2e/suite.sh
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"
"$rhumbd_program" --database "$work/rhumb.db" --socket "$work/rhumbd.sock" >"$work/log" 2>&1 </dev/null &
daemon=$!
export RHUMB_ADDR=unix://$work/rhumbd.sock
for _ in {1..100}; do [[ -S $work/rhumbd.sock ]] && "$rhumb_program" version >/dev/null 2>&1 && break; sleep 0.05; done

# The scheduler's commands, which say their arguments, one a line.
mkdir "$work/bin"
ln -s "$rhumb_program" "$work/bin/rhumb"
for name in qsub bsub flux; do
  # shellcheck disable=SC2016  # for the script
  printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >"$work/bin/$name"
  chmod 755 "$work/bin/$name"
done
export PATH=$work/bin:$PATH
rhumb=("$examples/rhumb-submit")
# says WORD: WORD is one argument of the scheduler's command.
says() {
  checks=$((checks + 1))
  grep -qxF -- "$1" "$out" || fail "no argument $1"
}

question=(--gpus 16xH100-SXM5-80GB --deadline 1d)
plan=$(rhumb plan "${question[@]}" -o name)
high=$(rhumb plans show "$plan" --emit env | sed -n 's/.*WALL_HIGH_SECONDS=//p')
minutes=$(((high + 59) / 60))

expect 0 pbs "${question[@]}" -- job.sh -q gpu
says select=2:ngpus=8:mpiprocs=8:gpu_type=h100
says "walltime=$((minutes / 60)):$(printf %02d $((minutes % 60))):00"
says gpu
same_end=$(tail -n 1 "$out")
checks=$((checks + 1))
[[ $same_end == job.sh ]] || fail "qsub ends with $same_end"
shows "$out" "(^|,)RHUMB_PLAN=$plan(,|\$)" 'the plan in -v of qsub'
expect 0 lsf "plan=$plan" -- ./job.sh
for word in 16 'span[ptile=8]' num=8:gmodel=H100 "$minutes" "rhumb:$plan" ./job.sh; do says "$word"; done
expect 0 flux "${question[@]}" -- job.sh
for word in batch -N 2 16 -g 1 "${minutes}m" "--setattr=user.rhumb=$plan" "--env=RHUMB_GPU_COUNT=16"; do says "$word"; done
expect 0 flux --dry-run "plan=$plan" -- job.sh
shows "$out" '^flux batch -N 2 -n 16 -g 1 ' '--dry-run'
expect 0 kueue "plan=$plan" -- registry.example/train:1 research
python3 - "$out" "$plan" $((minutes * 60)) >"$err" 2>&1 <<'END' || fail "the manifest of Kueue"
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))
spec, container = job["spec"], job["spec"]["template"]["spec"]["containers"][0]
assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
assert job["metadata"]["annotations"]["rhumb/plan"] == sys.argv[2]
assert (spec["completions"], spec["parallelism"], spec["activeDeadlineSeconds"]) == (2, 2, int(sys.argv[3])), spec
assert container["resources"]["limits"]["nvidia.com/gpu"] == 8
assert {"name": "RHUMB_GPU_COUNT", "value": "16"} in container["env"]
END
checks=$((checks + 1))

# What fails: the exit codes of rhumb, and nothing is submitted.
silent() {
  checks=$((checks + 1))
  [[ ! -s $out ]] || fail "submitted all the same: $1"
}
expect 3 pbs "${question[@]}" --target-loss 1.9 -- job.sh && silent infeasible
expect 2 pbs --gpus 16xH100-SXM5-80GB -- job.sh && silent 'nothing bounds it'
expect 2 pbs --compute 1e21 -- job.sh && silent 'no GPUs'
shows "$err" 'names no GPU_TYPE' 'a plan without GPUs'
expect 4 pbs plan=plans/p-00000000000000000000 -- job.sh && silent 'no such plan'
expect 2 pbs "${question[@]}" && silent 'no job'
expect 2 cron "${question[@]}" -- job.sh && silent 'no such scheduler'
# shellcheck disable=SC2016  # for the script
printf '#!/bin/sh\necho "export RHUMB_PLAN=\\$(reboot)"\n' >"$work/liar"
chmod 755 "$work/liar"
ln -sf "$work/liar" "$work/bin/rhumb"
expect 1 pbs "${question[@]}" -- job.sh && silent 'a liar'
shows "$err" 'answered what is no plan' 'a liar'
ln -sf "$rhumb_program" "$work/bin/rhumb"
kill -STOP "$daemon"
began=$SECONDS
RHUMB_DEADLINE_SECONDS=1 expect 5 pbs "${question[@]}" -- job.sh && silent 'a hung daemon'
checks=$((checks + 1))
((SECONDS - began <= 3)) || fail "a hung daemon was waited for $((SECONDS - began)) s"
kill -CONT "$daemon"

# What PBS says of its nodes (the form of pbsnodes -a -F json of OpenPBS 23.06).
cat >"$work/pbsnodes.json" <<END
{"timestamp": $(date +%s), "pbs_version": "23.06.06", "pbs_server": "pbs", "nodes": {
  "n1": {"Mom": "n1", "state": "free", "resources_available": {"gpu_type": "h100", "ncpus": 64, "ngpus": 8},
         "resources_assigned": {}, "queue": "gpu"},
  "n2": {"Mom": "n2", "state": "free", "resources_available": {"gpu_type": "h100", "ncpus": 64, "ngpus": 8},
         "resources_assigned": {"ncpus": 8, "ngpus": 3}, "queue": "gpu"},
  "n3": {"Mom": "n3", "state": "job-busy", "resources_available": {"gpu_type": "h100", "ncpus": 64, "ngpus": 8},
         "resources_assigned": {"ncpus": 64, "ngpus": 8}, "queue": "gpu"},
  "n4": {"Mom": "n4", "state": "offline,down", "comment": "fan", "resources_available": {"gpu_type": "x9", "ngpus": 8}},
  "n5": {"Mom": "n5", "state": "offline", "resources_available": {"gpu_type": "h100", "ngpus": 8}, "queue": "gpu"}}}
END
"$examples/pbs-nodes" site h100=H100-SXM5-80GB <"$work/pbsnodes.json" >"$work/nodes.json" 2>"$err" || fail "pbs-nodes"
rhumb=("$rhumb_program")
expect 0 cluster sync "$work/nodes.json" --no-local --json
holds '(answer["node_count"], answer["free_gpu_count"], answer["unknown_gpu_types"]) == (5, 13, ["x9"])' 'cluster sync'
expect 0 cluster nodes site --json
holds '[n["state"] for n in answer["nodes"]] == ["IDLE", "MIXED", "ALLOCATED", "DOWN", "DRAINED"]' 'cluster nodes'
rhumb=("$examples/rhumb-submit")
expect 0 pbs --cluster site --free --deadline 1d -- job.sh
says select=1:ngpus=8:mpiprocs=8:gpu_type=h100

# A queue that ends jobs after two hours.
sed 's/"name": "gpu"/&, "max_wall_seconds": 7200/' "$work/nodes.json" >"$work/limited.json"
"$rhumb_program" cluster sync "$work/limited.json" --no-local --quiet >/dev/null 2>"$err" || fail "a limit of a queue"
expect 0 pbs --cluster site --free --deadline 1d -- job.sh
says walltime=2:00:00
shows "$err" 'takes 1[0-9] jobs, of which this is one' 'a chain of jobs'

echo "$checks checks, $failures failed, $skipped skipped"
((failures == 0))
