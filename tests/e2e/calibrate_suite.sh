#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tables of measured runs in, calibrations out, in-process and against a daemon: a slower machine is found to be slower,
# plans and checks take its constants, nonsense is refused, a killed daemon has lost nothing.
#   usage: calibrate_suite.sh RHUMB RHUMBD
set -uo pipefail
(($# == 2)) || { echo "usage: calibrate_suite.sh RHUMB RHUMBD" >&2; exit 2; }
rhumb_program=$1 rhumbd_program=$2

work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-calibrate.XXXXXX")
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"

header=row_id,model,layers,hidden,heads,ffn,vocab,seq,gpu,n_gpus,tp,mbs,gbs,recompute,iter_s,mem_gib,mem_kind,note
# rows COUNT GPU: that many configurations, nothing measured.
rows() {
  echo "$header"
  for ((i = 0; i < $1; i++)); do
    local hidden=$((1024 << (i % 3))) sequence=$((1024 << (i / 3 % 3))) tensor=$((1 << (i / 9 % 4)))
    local batch=$((64 * (1 + i / 720)))
    echo "r$i,m$((i % 3)),$((12 + 4 * (i / 36 % 20))),$hidden,$((hidden / 64)),$((4 * hidden)),50257,$sequence,$2,8,$tensor,1,$batch,none,,,,"
  done
}
# A home of its own for the machines whose runs are measured: every rate FACTOR times the shipped one.
machine() { # NAME FACTOR
  printf '{"name": "%s", "families": [{"family": "hopper", "run_count": 2, "table_count": 1, "constants": [{"name":
    "memory_fraction", "value": 0.5}]}]}' "$1" >"$work/machine.json"
  "${truth[@]}" calibration apply "$work/machine.json" --json -q >"$work/shipped.json" || fail "a machine"
  python3 - "$work/shipped.json" "$2" >"$work/machine.json" <<'END'
import json, sys
calibration = json.load(open(sys.argv[1]))
for constant in calibration["families"][0]["constants"]:
    is_rate = constant["name"].endswith("_fraction")
    constant["value"] = constant["default_value"] * (float(sys.argv[2]) if is_rate else 1)
json.dump(calibration, sys.stdout)
END
  "${truth[@]}" calibration apply "$work/machine.json" -q >/dev/null || fail "a machine"
}
# measured MACHINE COUNT GPU: the same, measured there.
measured() {
  rows "$2" "$3" >"$work/blank.csv"
  "${truth[@]}" check --table "$work/blank.csv" --calibration "$1" -o csv -q >"$work/predicted.csv" || fail "predictions"
  python3 - "$work/blank.csv" "$work/predicted.csv" <<'END'
import csv, sys
blank, predicted = (list(csv.DictReader(open(path))) for path in sys.argv[1:3])
out = csv.DictWriter(sys.stdout, blank[0].keys(), lineterminator="\n")
out.writeheader()
for row, model in zip(blank, predicted):
    row["iter_s"] = model["predicted_step_seconds"]
    out.writerow(row)
END
}

truth=(env XDG_DATA_HOME="$work/truth" "$rhumb_program" --local)
machine slow 0.8
machine faster 0.9
measured slow 72 H100-SXM5-80GB >"$work/slow.csv"
measured faster 72 H100-SXM5-80GB >"$work/later.csv"
measured slow 3 H100-SXM5-80GB >"$work/three.csv"
measured slow 1 H100-SXM5-80GB >"$work/one.csv"
rows 5 H100-SXM5-80GB >"$work/nothing.csv"
{ cat "$work/three.csv"; sed -n '2s/^r0,\(.*\),\([0-9.]*\),,,$/again,\1,0.4,,,/p' "$work/three.csv"; } >"$work/twice.csv"
# The same configurations on other machines; one row twenty times; steps beyond the data sheet.
python3 - "$work" <<'END'
import csv, sys
work = sys.argv[1]
rows = list(csv.DictReader(open(f"{work}/slow.csv")))
def write(name, chosen):
    with open(f"{work}/{name}.csv", "w") as file:
        out = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(chosen)
timed = lambda factor: [{**row, "iter_s": factor * float(row["iter_s"])} for row in rows]
write("contradicting", timed(1.9))
write("disagreeing", timed(1.3))
write("copies", rows[:1] * 20)
write("impossible", timed(0.4))
END
sed '3s/,64,none,[0-9.]*,/,64,none,,/; 4s/,8,/,eight,/; 5s/,64,none,\([0-9]*\)\.[0-9e-]*,/,64,none,9999,/' \
  "$work/slow.csv" >"$work/partly.csv"

question=(plan --gpus '64xH100-SXM5-80GB' --deadline 14d)
configuration=(check --params 1B --gpus '8xH100-SXM5-80GB')

# A processor as a GPU type of one's own, and steps of small models on it, at about 100 GFLOP/s.
cat >"$work/own-gpu.toml" <<'END'
name = "OWN-CPU"
family = "cpu"
memory_bytes = "8GiB"
memory_bytes_per_second = "20GB"
peak_bf16_flops_per_second = "200G"
scale_up_link = "none"
scale_up_bytes_per_second = "20GB"
gpus_per_scale_up_domain = 1
network_bytes_per_second = "1GB"
board_watts = 30
source = "invented"
END
{
  echo row_id,model,layers,hidden,heads,ffn,vocab,seq,glu,gpu,n_gpus,gpus_per_node,mbs,gbs,precision,iter_s
  for ((i = 1; i <= 6; i++)); do
    printf 'r%d,m%d,%d,256,8,1024,256,128,0,OWN-CPU,1,1,8,8,bf16,0.%03d\n' $i $i $i $((20 + 50 * i))
  done
} >"$work/own.csv"

calibrate_and_plan() {
  local home=$1 plain calibrated
  refused 'unknown GPU type "OWN-CPU"' calibrate --table "$work/own.csv" --name own
  expect 0 gpu apply "$work/own-gpu.toml"
  expect 0 calibrate --table "$work/own.csv" --name own
  shows "$out" '^own, version 1: 6 runs of 1 table; error of step times: cpu' "calibrate of an applied GPU type, $home"
  expect 0 check --table "$work/own.csv" --calibration own -o csv
  shows "$out" '^r6,0\.(2[89]|3[0-5])' "check --table of an applied GPU type, $home"
  expect 0 calibration delete own
  expect 0 gpu delete OWN-CPU
  refused '--table must be given' calibrate --name mine
  refused '--name must be given' calibrate --table "$work/slow.csv"
  refused 'must be calibrations/ID' calibrate --table "$work/slow.csv" --name 'Not An Id'
  refused 'without a version' calibrate --table "$work/slow.csv" --name mine@2
  refused 'no measured step' calibrate --table "$work/nothing.csv" --name mine
  refused 'only usable run of hopper' calibrate --table "$work/one.csv" --name mine
  refused 'ran the same configuration, but took' calibrate --table "$work/twice.csv" --name mine
  refused '72 of the 72 configurations with several rows have rows more than 1.5 times apart' \
    calibrate --table "$work/slow.csv" --table "$work/contradicting.csv" --name mine
  refused '20 rows of 1 configuration, which counts once' calibrate --table "$work/copies.csv" --name mine
  refused 'faster than hopper can be' calibrate --table "$work/impossible.csv" --name mine
  refused 'no such file|cannot be|No such file' calibrate --table "$work/absent.csv" --name mine
  refused 'unknown calibration "mine"; there are none yet' "${question[@]}" --calibration mine
  expect 4 calibration show mine
  expect 0 calibration list --json
  holds 'answer == {"calibrations": [], "next_page_token": ""} or answer["calibrations"] == []' "an empty list, $home"

  expect 0 calibrate --table "$work/slow.csv" --by model --name mine --dry-run
  shows "$err" 'nothing was stored' 'calibrate --dry-run'
  expect 4 calibration show mine
  expect 0 calibrate --table "$work/slow.csv" --by model --name mine
  shows "$out" '^mine, version 1: 72 runs of 3 tables; error of step times: hopper 1[0-9]\.[0-9]% out of the box' "calibrate, $home"
  shows "$out" 'gemm_16bit_fraction +0\.[0-9]+ +0\.[0-9]+ +-[0-9.]+% +of the dense 16-bit peak' 'constants before and after'
  shows "$out" 'on runs that the constants were not fitted on' 'the left-out error'
  shows "$out" 'rhumb plan --calibration mine' 'what to do next'
  expect 0 calibrate --table "$work/slow.csv" --by model --name mine --json
  holds 'answer["version"] == 1 and answer["families"][0]["left_out_error_fraction"] < 0.03' 'the same table is the same version'
  holds 'len(answer["rows_sha256"]) == 64 and answer["run_count"] == 72 and answer["planner_version"]' 'where it comes from'
  cp "$out" "$work/mine.json"

  expect 0 accuracy --table "$work/slow.csv" --calibration mine --json
  holds 'answer["overall"]["time"]["mean_abs_error_fraction"] < 0.02' 'predictions with the calibration'
  holds 'abs(answer["overall"]["time"]["worst_error_fraction"]) < 0.1' 'the worst of them'
  expect 0 check --table "$work/slow.csv" --calibration mine --json
  holds 'all(row["calibrated"] and row["constants_source"] == "calibrations/mine@1" for row in answer["rows"])' 'rows'
  refused 'unknown calibration "mined"; nearest: mine' accuracy --table "$work/slow.csv" --calibration mined

  expect 0 "${configuration[@]}" --json
  plain=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["time"]["step_seconds"])' "$out")
  holds '"calibration" not in answer' 'a check without a calibration'
  expect 0 "${configuration[@]}" --calibration mine --json
  holds "abs(answer['time']['step_seconds'] / $plain / 1.25 - 1) < 0.03" 'a calibrated step takes a quarter longer'
  holds 'answer["calibration"]["run_count"] == 72' 'a calibrated check says so'

  expect 0 "${question[@]}" --json
  plain=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["name"])' "$out")
  holds 'answer["calibration"] == {"name": "", "run_count": 0}' 'a plan without a calibration is as before'
  expect 0 "${question[@]}" --calibration mine --json
  cp "$out" "$work/plan.json"
  holds "answer['name'] != '$plain' and answer['calibration']['version'] == 1" 'a calibrated plan is another one'
  holds 'answer["time"]["wall_high_seconds"] / answer["time"]["wall_seconds"] < 1.1' 'its interval is the calibration'\''s'
  holds 'all(warning["code"] != "UNCALIBRATED" for warning in answer["warnings"])' 'no warning of shipped constants'
  calibrated=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["name"])' "$out")
  expect 0 "${question[@]}" --calibration calibrations/mine@1 -o name -q
  shows "$out" "^$calibrated\$" 'the same question is the same plan'
  expect 0 "${question[@]}" --calibration mine
  shows "$out" 'Calibration +mine, version 1, 72 runs of 3 tables on hopper, error [0-9.]+% on runs left out' 'plan'
  expect 0 plan --gpus '64xA100-SXM4-80GB' --deadline 14d --calibration mine
  shows "$out" 'has no runs of ampere: constants as shipped' 'a family without runs'
  refused 'no step is timed' plan --compute 1e21 --calibration mine

  expect 0 calibrate --table "$work/later.csv" --by model --name mine -o name
  shows "$out" '^calibrations/mine$' 'calibrate -o name'
  expect 0 "${question[@]}" --calibration mine --json
  holds "answer['name'] != '$calibrated' and answer['calibration']['version'] == 2" 'another table is another plan'
  expect 0 calibration show mine@1
  shows "$out" '^mine, version 1: 72 runs' 'an older version'
  expect 0 calibration show mine@1 --json
  checks=$((checks + 1))
  cmp -s "$out" "$work/mine.json" || fail "version 1 has changed"
  expect 0 calibration apply "$work/mine.json" --name other --json
  holds 'answer["name"] == "calibrations/other" and answer["version"] == 1' 'a printed calibration reads back'
  expect 0 calibration show mine --json
  cp "$out" "$work/newest.json"
  expect 0 calibration apply "$work/mine.json" --name back -o name
  expect 1 calibration revert back
  shows "$err" 'has one version' 'nothing to go back to'
  expect 0 calibration apply "$work/newest.json" --name back -o name
  expect 0 calibration revert back --dry-run --json
  holds 'answer["families"] == json.load(open(sys.argv[1].replace("stdout", "mine.json")))["families"]' 'what it would be'
  expect 0 calibration revert back --json
  holds 'answer["version"] == 3 and answer["families"] == json.load(open(sys.argv[1].replace("stdout", "mine.json")))["families"]' 'as version 1 was'
  expect 0 calibration revert back --version 2 --json
  holds 'answer["version"] == 4 and answer["families"] == json.load(open(sys.argv[1].replace("stdout", "newest.json")))["families"]' 'as version 2 was'
  expect 4 calibration revert back --version 9
  refused '--version must be a whole number' calibration revert back --version zero
  expect 0 calibration delete back
  expect 0 calibration apply "$work/mine.json" --dry-run
  expect 0 calibration list --parsable --noheader
  shows "$out" '^mine\|2\|hopper\|72\|3\|' 'calibration list'
  expect 0 calibration list -o name
  shows "$out" '^calibrations/other$' 'calibration list -o name'
  sed 's/"value": 0\.[0-9]*/"value": 7/' "$work/mine.json" >"$work/bad.json"
  refused 'gemm_16bit_fraction must be from 0.1 to 1, got 7' calibration apply "$work/bad.json" --name bad
  refused 'bad.json' calibration apply "$work/no/bad.json"

  sed 's/"log_quantile_95": [-0-9.e]*/"log_quantile_95": -2/; s/"log_quantile_05": [-0-9.e]*/"log_quantile_05": -3/' \
    "$work/mine.json" >"$work/bad.json"
  refused 'log_quantile_95: must not be below 0' calibration apply "$work/bad.json" --name bad

  expect 0 calibrate --table "$work/slow.csv" --table "$work/disagreeing.csv" --name two
  shows "$out" 'Source +144 rows of 72 configurations of slow, disagreeing' 'rows of one configuration'
  shows "$out" 'slow and disagreeing: rows of 72 configurations differ' 'tables that disagree'
  expect 0 calibrate --table "$work/partly.csv" --name partly
  shows "$out" 'Not used +partly: 1 row, first r1: no measured step' 'a row without a step'
  shows "$out" 'partly: 1 row, first r2: n_gpus: must be' 'a row that cannot be read'
  shows "$out" 'first r3: the measured step of .* a unit or a column is wrong' 'a row in another unit'
  expect 0 calibrate --table "$work/three.csv" --name three
  shows "$out" 'too few runs to leave any out' 'three runs'

  expect 0 calibration delete other --dry-run
  expect 0 calibration show other -o name
  expect 0 calibration delete other
  expect 4 calibration delete other
  expect 0 calibration delete mine
  expect 0 plans show "$calibrated" --json
  holds 'answer["calibration"]["name"] == "calibrations/mine"' 'a plan outlives its calibration'
  expect 2 "${question[@]}" --calibration mine
  expect 0 calibrate --table "$work/slow.csv" --by model --name mine --json
  holds 'answer["version"] == 3' 'numbers of deleted versions are not given again'
}

rhumb=("$rhumb_program" --local)
calibrate_and_plan 'in-process'

# Without a store the answer still comes, and claims no version.
echo "no folder" >"$work/file"
XDG_DATA_HOME=$work/file expect 0 calibrate --table "$work/slow.csv" --name mine --json
holds 'answer["version"] == 0 and answer["run_count"] == 72' 'without a store'
shows "$err" 'nothing was stored' 'without a store'
XDG_DATA_HOME=$work/file expect 1 calibration list

start_daemon() {
  "$rhumbd_program" --database "$work/rhumbd.db" --socket "$work/rhumbd.sock" --log-level off \
    --config "$work/rhumbd.toml" >"$work/daemon.log" 2>&1 &
  daemon=$!
  for ((i = 0; i < 100; i++)); do
    "$rhumb_program" --addr "unix://$work/rhumbd.sock" version >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "the daemon does not answer: $(<"$work/daemon.log")"
}
: >"$work/rhumbd.toml"
start_daemon
rhumb=("$rhumb_program" --addr "unix://$work/rhumbd.sock")
calibrate_and_plan 'daemon'

# What was acknowledged is there after a kill.
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
start_daemon
expect 0 calibration show mine --json
holds 'answer["version"] == 3 and answer["run_count"] == 72' 'after kill -9'

# catches_term PID: whether the process has a handler of SIGTERM, the bit 14 of its mask.
catches_term() {
  local mask
  mask=$(awk '$1 == "SigCgt:" { print $2 }' "/proc/$1/status" 2>/dev/null)
  ((0x${mask:-0} >> 14 & 1))
}
# A signal ends the fit, and nothing is stored. (SIGINT is ignored by what a script runs in the background.)
measured slow 20000 H100-SXM5-80GB >"$work/long.csv"
"${rhumb[@]}" calibrate --table "$work/long.csv" --name long >"$out" 2>"$err" </dev/null &
calibrate=$!
# It listens once it fits: until then its end alone undoes what it did.
until_so 60 catches_term "$calibrate"
kill -TERM "$calibrate"
wait "$calibrate"
code=$?
checks=$((checks + 1))
((code == 1)) || fail "exit $code instead of 1 of a calibration that was stopped"
shows "$err" 'cancelled; nothing was stored' 'a calibration that was stopped'
expect 4 calibration show long

echo "$checks checks, $failures failed"
((failures == 0))
