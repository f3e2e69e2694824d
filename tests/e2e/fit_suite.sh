#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tables of measured losses in, laws out, in-process and against a daemon: a known law comes back, the stored one plans,
# broken files are refused by line and column, nothing is stored by mistake.
#   usage: fit_suite.sh RHUMB RHUMBD SHARED_DIR
set -uo pipefail
(($# == 3)) || { echo "usage: fit_suite.sh RHUMB RHUMBD SHARED_DIR" >&2; exit 2; }
rhumb_program=$1 rhumbd_program=$2 shared=$3

work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-fit.XXXXXX")
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"

# Runs of L = 1.8 + 480 N^-0.35 + 2000 D^-0.37 with 0.2% of noise, over eight sizes and eight lengths.
tables() {
  python3 - "$work" <<'END'
import random, sys
random.seed(7)
folder = sys.argv[1]
rows = []
for i in range(8):
    for j in range(8):
        n, d = 2e7 * 2.2 ** i, 4e8 * 2.5 ** j
        loss = (1.8 + 480 * n ** -0.35 + 2000 * d ** -0.37) * (1 + random.gauss(0, 0.002))
        rows.append((n, d, loss, f"r{i}-{j}", int((i + j) % 5 != 0)))
def write(name, lines):
    with open(f"{folder}/{name}", "w") as f:
        f.write("\n".join(lines) + "\n")
write("runs.csv", ["param_count,token_count,loss_nats,run,in_fit"] +
      [f"{n:.6g},{d:.6g},{l:.6f},{r},{k}" for n, d, l, r, k in rows])
write("other.csv", ["# somewhere else", "size;T;c4 val;run"] +
      [f'{n:.6g};{d:.6g};{l:.6f};{r}' for n, d, l, r, k in rows])
write("one_size.csv", ["N,D,L"] + [f"1e9,{d:.6g},{1.8 + 2000 * d ** -0.37:.6f}" for _, d, *_ in rows[:8]])
write("bad.csv", ["N,D,L", "1e9,2e10,2.5", "1e9,,2.4", "1e9,2e10,nan"] +
      [f"{n:.6g},{d:.6g},{l:.6f}" for n, d, l, *_ in rows])
END
}

laws_come_back() {
  expect 0 fit "$work/runs.csv" --name mine --bootstrap 200 -o json || return
  holds 'abs(answer["constants"]["E"] - 1.8) < 0.1' 'fit'
  holds 'abs(answer["constants"]["alpha"] - 0.35) < 0.04 and abs(answer["constants"]["beta"] - 0.37) < 0.04' 'fit'
  holds 'answer["intervals"]["E"]["low"] < answer["constants"]["E"] < answer["intervals"]["E"]["high"]' 'fit'
  holds 'answer["observation_count"] == 64 and answer["diagnostics"]["identifiable"] is True' 'fit'
  holds 'all(k in answer for k in ("law", "std_errors", "covariance", "objective", "seconds"))' 'fit'
  holds 'isinstance(answer["covariance"][0], list) and len(answer["covariance"]) == len(answer["covariance"][0])' 'fit'
  holds 'abs(answer["optimal_exponents"]["a"] + answer["optimal_exponents"]["b"] - 1) < 1e-9' 'fit'
  holds 'set(("observation_count", "mean_abs_error_fraction", "rmse_fraction", "level")) <= set(answer["backtest"])' 'fit'
  holds 'len(answer["decisions"]) == 3 and answer["decisions"][1]["run_loss_interval"]["low"] < answer["decisions"][1]["loss_nats"]' 'fit'
  holds 'abs(sum(form["weight"] for form in answer["form_weights"]) - 1) < 1e-9 and "slope_error_fraction" in answer' 'fit'
  # The same table, options and seed are the same answer and the same version.
  cp "$out" "$work/first.json"
  expect 0 fit "$work/runs.csv" --name mine --bootstrap 200 -o json
  checks=$((checks + 1))
  python3 -c 'import json,sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
sys.exit(a["constants"] != b["constants"] or a["law"]["version"] != b["law"]["version"])' "$work/first.json" "$out" ||
    fail "a repeated fit is another law"
  # Other names, another separator: the same law.
  expect 0 fit "$work/other.csv" --map param_count=size,token_count=T --map 'loss=c4 val' --bootstrap 0 -o json
  holds 'abs(answer["constants"]["alpha"] - 0.35) < 0.04' 'fit of other.csv'
  expect 0 fit "$work/runs.csv" --where 'in_fit==1' --bootstrap 0 -o json
  holds '50 < answer["observation_count"] < 64' 'fit --where'
  shows "$err" '--where leaves out [0-9]+ rows' 'fit --where'
  expect 0 fit "$work/runs.csv" --fix E=1.8 --tie alpha=beta --bootstrap 0 -o json
  holds 'answer["constants"]["E"] == 1.8 and answer["constants"]["alpha"] == answer["constants"]["beta"]' 'fit --fix --tie'
  expect 0 fit "$work/runs.csv" --holdout 'training_flops>1e20' --bootstrap 0 -o json
  holds 'answer["held_out_count"] > 0 and answer["backtest"]["observation_count"] == answer["held_out_count"]' 'fit --holdout'
  expect 0 fit "$work/runs.csv" --bootstrap 50 --plot braille --svg "$work/fit.svg"
  shows "$out" 'Back-test' 'fit'
  shows "$out" 'BEST N' 'fit'
  shows "$out" 'OF ONE RUN' 'fit'
  checks=$((checks + 1))
  python3 -c 'import sys; sys.exit(not any("\u2801" <= c <= "\u28ff" for c in open(sys.argv[1], encoding="utf-8").read()))' \
    "$out" 2>>"$err" || fail "no braille in the picture"
  checks=$((checks + 1))
  python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$work/fit.svg" 2>>"$err" || fail "no well-formed SVG"
  # Through a pipe.
  checks=$((checks + 1))
  "${rhumb[@]}" fit - --bootstrap 0 -q -o json <"$work/runs.csv" >"$out" 2>"$err" || fail "fit -"
}

laws_are_used() {
  expect 0 plan --law mine --compute 1e21 --validate-only
  shows "$out" 'mine' 'plan --law mine'
  expect 0 predict --law mine --params 1B --tokens 20B -o json
  holds 'abs(answer["loss"]["mean_nats"] - (1.8 + 480 * 1e9 ** -0.35 + 2000 * 2e10 ** -0.37)) < 0.02' 'predict --law mine'
  expect 0 law list --origin fitted -o name
  shows "$out" '^laws/mine$' 'law list --origin fitted'
  expect 0 law show mine -o wide --plot ascii
  shows "$out" 'Decisions' 'law show mine'
  expect 0 law backtest mine "$work/runs.csv" -o json
  holds 'answer["backtest"]["mean_abs_error_fraction"] < 0.01' 'law backtest'
  expect 0 law backtest "$work/runs.csv" --bootstrap 100 -o json
  holds 'answer["backtest"]["run_count"] == answer["backtest"]["splits"][0]["test_count"]' 'law backtest of a fit'
  refused '--family says how to fit' law backtest mine "$work/runs.csv" --family auto
  expect 0 law suggest mine --budget-flops 1e20 --target-compute 1e23 -o json
  holds 'answer["std_after"] < answer["std_before"] and len(answer["experiments"]) > 0' 'law suggest'
  holds 'sum(run["training_flops"] * run["run_count"] for run in answer["experiments"]) <= 1e20 * 1.0001' 'law suggest'
  "${rhumb[@]}" law export mine -q >"$work/mine.json" 2>"$err"
  expect 0 law import "$work/mine.json" --name copied -o json
  holds 'abs(answer["constants"]["alpha"] - 0.35) < 0.04 and len(answer["covariance"]) > 0' 'law import'
  # What is there already is no new version, whatever it was made by.
  local version
  version=$("${rhumb[@]}" law show mine -q -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["version"])')
  expect 0 law import "$work/mine.json" -o json
  holds "answer[\"version\"] == $version" 'law import of an equal law'
  expect 0 law import "$work/first.json" --name of-fit --dry-run
  expect 4 law show of-fit
  expect 0 law delete copied --dry-run
  expect 0 law show copied
  expect 0 law delete copied
  expect 4 law show copied
  expect 4 law delete copied
  expect 0 predict --law kaplan2020-n --params 1.5B
  expect 0 predict --law kaplan2020-cmin --compute 1e21
  expect 0 predict --law kaplan2020-d --tokens 20B
}

broken_files() {
  local before
  before=$("${rhumb[@]}" law list -q -o name 2>/dev/null)
  refused 'bad.csv: line 3, column D: is empty' fit "$work/bad.csv" --name bad
  shows "$err" 'bad.csv: line 4, column L: must be a number, got "nan"' 'both bad rows'
  shows "$err" '2 bad rows' 'their count'
  expect 0 fit "$work/bad.csv" --skip-bad-rows --bootstrap 0 -o json
  shows "$err" 'skipped 2 bad rows of 67' 'fit --skip-bad-rows'
  holds 'any(w["code"] == "BAD_ROWS_SKIPPED" for w in answer["diagnostics"]["warnings"])' 'fit --skip-bad-rows'
  printf 'N,D,L\n' >"$work/header.csv"
  printf '\xff\xfeN\0,\0D\0' >"$work/utf16.csv"
  printf 'N,D,L\n1e9,"2e10,2.5\n' >"$work/quote.csv"
  head -c 4096 /dev/urandom >"$work/random.csv"
  refused 'no row behind the column names' fit "$work/header.csv"
  refused 'UTF-16' fit "$work/utf16.csv"
  refused 'line 2, column 2: a quote that begins here is never closed' fit "$work/quote.csv"
  refused 'random.csv' fit "$work/random.csv"
  refused 'is a directory' fit "$work"
  [[ -p $work/pipe ]] || mkfifo "$work/pipe"
  expect 5 fit "$work/pipe" --timeout 1s && shows "$err" 'pipe has not ended' 'fit of a pipe that nobody writes to'
  expect 5 law import "$work/pipe" --timeout 1s && shows "$err" 'pipe has not ended' 'law import of a pipe'
  refused 'no such file' fit "$work/nowhere.csv"
  refused 'no column param_count .*; there are size, T, "c4 val", run' fit "$work/other.csv"
  refused '--fix: expected a constant and its value' fit "$work/runs.csv" --fix E
  refused '--level \(options.level\)' fit "$work/runs.csv" --level 2
  refused '--family \(options.family\): must be one of chinchilla, .*gadre.*, auto' fit "$work/runs.csv" --family astrology
  expect 1 fit "$work/runs.csv" --family kaplan-ns --bootstrap 0
  shows "$err" 'step_count' 'fit of a form whose column is missing'
  # One size: which constant, why, nothing stored.
  expect 1 fit "$work/one_size.csv" --name one --bootstrap 0
  shows "$err" 'do not determine' 'fit of one size'
  expect 4 law show one
  refused '--name \(name\)' fit "$work/runs.csv" --name besiroglu2024 --bootstrap 0
  checks=$((checks + 1))
  [[ $("${rhumb[@]}" law list -q -o name 2>/dev/null) == "$before" ]] || fail "a refused fit stored something"
}

# in_store SQL: what SQLite answers about the store's own file.
in_store() {
  python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as store:
    print(*(store.execute(sys.argv[2]).fetchone() or ()))' "$database" "$1"
}
sets() { in_store 'SELECT count(*) FROM observation_sets'; }
# sets_are WANTED WHAT
sets_are() {
  checks=$((checks + 1))
  [[ $(sets) == "$1" ]] || fail "$(sets) sets of observations instead of $1 after $2"
}

# A command that is told to end takes its rows with it; those of one that is killed go when their time is over.
interrupted() {
  local before pid signal code
  before=$(sets)
  for signal in TERM HUP KILL; do
    "${rhumb[@]}" fit "$work/runs.csv" --where 'in_fit==1' --bootstrap 100000 --name never >"$out" 2>"$err" </dev/null &
    pid=$!
    for _ in $(seq 200); do
      [[ $(sets) == "$before" ]] || break
      sleep 0.05
    done
    sets_are $((before + 1)) "the rows of a fit were imported"
    kill -"$signal" "$pid"
    wait "$pid" 2>/dev/null
    code=$?
    if [[ $signal == KILL ]]; then
      sets_are $((before + 1)) "a fit was killed"
    else
      checks=$((checks + 1))
      ((code == 1)) || fail "exit $code instead of 1 of a fit that got SIG$signal"
      shows "$err" 'cancelled; nothing was stored' "a fit that got SIG$signal"
      sets_are "$before" "a fit got SIG$signal"
    fi
  done
  in_store 'UPDATE observation_sets SET expire_time_ns = 1 WHERE expire_time_ns > 0' >/dev/null
  expect 0 fit "$work/other.csv" --map param_count=size,token_count=T --map 'loss=c4 val' --bootstrap 0
  sets_are "$before" "the time of a killed fit was over"
  expect 4 law show never
}

isoflop() {
  python3 - "$work/isoflop.csv" <<'END'
import math, sys
with open(sys.argv[1], "w") as f:
    f.write("params,tokens,loss,flops\n")
    for c in (1e18, 1e19, 1e20):
        for ratio in (0.3, 0.6, 1.0, 1.7, 3.0):
            n = 0.1 * c ** 0.5 * ratio
            f.write(f"{n:.8g},{c / 6 / n:.8g},{10 * c ** -0.03 + 0.05 * math.log(ratio) ** 2:.8f},{c}\n")
END
  expect 0 fit "$work/isoflop.csv" --method isoflop --bootstrap 0 -o json
  holds 'abs(answer["optimal_exponents"]["a"] - 0.5) < 1e-6 and len(answer["isoflop_budgets"]) == 3' 'fit --method isoflop'
  holds 'all(abs(b["curvature_nats"] - 0.05) < 1e-5 and len(b["runs"]) == 5 and b["used"] for b in answer["isoflop_budgets"])' \
    'fit --method isoflop'
  expect 0 fit "$work/isoflop.csv" --method isoflop --bootstrap 0 --plot ascii --svg "$work/isoflop.svg"
  shows "$out" '15 rows in 3 budgets of compute by training_flops' 'fit --method isoflop'
  shows "$out" 'minimum of each budget' 'fit --method isoflop --plot'
  checks=$((checks + 1))
  python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$work/isoflop.svg" 2>>"$err" || fail "no well-formed SVG"
  # Compute that scatters: which column, and what it falls into.
  expect 1 fit "$work/runs.csv" --method isoflop --bootstrap 0
  shows "$err" '64 rows in [0-9]+ budgets of compute by 6ND, as there is no training_flops' 'isoflop of a grid'
  refused '--name: --method isoflop gives no loss of N and D to store' fit "$work/isoflop.csv" --method isoflop --name trend
}

# Learning rate, batch and tasks: answers without a law.
recipes() {
  python3 - "$work" <<'END'
import math, sys
with open(sys.argv[1] + "/sweep.csv", "w") as f:
    f.write("N,D,lr,batch_tokens,loss\n")
    for n in (1e8, 2e8, 4e8, 8e8):
        for d in (2e9, 7e9, 2.1e10):
            for i in (-2, -1, 0, 1, 2):
                for j in (-2, -1, 0, 1, 2):
                    f.write(f"{n},{d},{20 * n ** -0.7 * d ** 0.3 * 2 ** i:.9g},{0.6 * d ** 0.57 * 2 ** j:.9g},"
                            f"{2.5 + 0.02 * i * i + 0.02 * j * j}\n")
with open(sys.argv[1] + "/evals.csv", "w") as f:
    f.write("N,D,loss,hellaswag\n")
    for i in range(20):
        loss = 4 - 0.1 * i
        f.write(f"1e9,{(i + 1) * 1e9},{loss},{0.9 - 0.65 / (1 + math.exp(-3 * (loss - 2.8))):.9f}\n")
END
  expect 0 fit "$work/sweep.csv" --method hyperparameters -o json
  holds 'abs(answer["constants"]["lr_N"] + 0.7) < 1e-6 and abs(answer["constants"]["B_D"] - 0.57) < 1e-6' 'fit --method hyperparameters'
  expect 0 fit "$work/evals.csv" --map task_metric=hellaswag --method downstream --fix chance=0.25
  shows "$out" 'metric = 0.9 \+ \(0.25 - 0.9\)' 'fit --method downstream'
  refused 'needs task_metric in every row; 20 of 20 have none' fit "$work/evals.csv" --method downstream
  refused 'must be chance or ceiling' fit "$work/evals.csv" --map task_metric=hellaswag --method downstream --fix E=1
}

# A big table is read in a moment.
many_rows() {
  python3 - "$work/many.csv" <<'END'
import random, sys
random.seed(3)
with open(sys.argv[1], "w") as f:
    f.write("run,params,tokens,loss\n")
    for i in range(100000):
        f.write(f"r{i},{1e7 * 10 ** random.uniform(0, 3):.8g},{1e9 * 10 ** random.uniform(0, 3):.8g},x\n")
END
  local begin=$SECONDS
  refused 'and 99980 more bad rows' fit "$work/many.csv"
  echo "100,000 rows read and refused in at most $((SECONDS - begin + 1)) s"
}

golden_table() {
  local table=$shared/fit/data/chinchilla_besiroglu2024.csv
  if [[ ! -r $table ]]; then
    skipped=$((skipped + 1))
    echo "SKIPPED: $table is not there"
    return
  fi
  # Huber(1e-3) optimum of Hoffmann's 240 runs: A = 477.83, B = 2143.4, objective 0.0010182.
  expect 0 fit "$table" --where 'in_fit240==1' --bootstrap 0 -o json || return
  holds 'answer["observation_count"] == 240' 'the golden table'
  holds 'abs(answer["constants"]["A"] / 477.83 - 1) < 1e-2 and abs(answer["constants"]["B"] / 2143.4 - 1) < 1e-2' 'the golden table'
}

suite() {
  laws_come_back
  laws_are_used
  broken_files
  isoflop
  recipes
  interrupted
  many_rows
  golden_table
}

tables
rhumb=("$rhumb_program" --local)
database=$XDG_DATA_HOME/rhumb/rhumb.db
suite
export XDG_DATA_HOME=$work/daemon-data
socket=$work/rhumbd.sock
"$rhumbd_program" --database "$work/daemon.db" --socket "$socket" --log-level warning >"$work/daemon.log" 2>&1 </dev/null &
daemon=$!
for _ in $(seq 100); do
  [[ -S $socket ]] && break
  sleep 0.1
done
rhumb=("$rhumb_program" --addr "unix://$socket")
database=$work/daemon.db
suite

echo "$checks checks, $failures failures, $skipped skipped"
((failures == 0))
