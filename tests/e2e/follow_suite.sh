#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Logs in, runs out, against a daemon: what is ingested twice is stored once, a log that grows is followed over a restart of
# the daemon, a watch ends with its run, what a launcher kept is sent.
#   usage: follow_suite.sh RHUMB RHUMBD
set -uo pipefail
(($# == 2)) || { echo "usage: follow_suite.sh RHUMB RHUMBD" >&2; exit 2; }
rhumb_program=$1 rhumbd_program=$2

work=$(mktemp -d "${TMPDIR:-/tmp}/rhumb-follow.XXXXXX")
. "$(dirname "${BASH_SOURCE[0]}")/suite.sh"
rhumb=("$rhumb_program" --addr "unix://$work/rhumbd.sock")

start_daemon() {
  "$rhumbd_program" --database "$work/rhumbd.db" --socket "$work/rhumbd.sock" --http-socket "" --log-level off &
  daemon=$!
  for ((i = 0; i < 200; i++)); do
    "${rhumb[@]}" version >/dev/null 2>&1 && return
    sleep 0.05
  done
  fail "a daemon that starts"
}
stop_daemon() {
  kill "$daemon"
  wait "$daemon"
  daemon=
}
# lines FIRST LAST: lines of a Megatron-LM log, an iteration each, without times.
lines() {
  awk -v first="$1" -v last="$2" 'BEGIN { for (i = first; i <= last; ++i) printf(" iteration %8d/     400 | consumed samples: %12d | " \
    "elapsed time per iteration (ms): 1000.0 | learning rate: 6.0E-04 | global batch size:   128 | lm loss: %.6E | grad norm: 1.2 | " \
    "number of skipped iterations:   0 | number of nan iterations:   0 |\n", i, i * 128, 2 + 8 * i ^ -0.35) }'
}
sample_count() { "${rhumb[@]}" run log "$run" -o csv --noheader 2>/dev/null | wc -l; }
has_samples() { (($(sample_count) == $1)); }

start_daemon

# --- ingest
echo "  seq_length ...................................... 4096" >"$work/train.log"
lines 1 100 >>"$work/train.log"
expect 0 ingest --megatron "$work/train.log" --params 1B -o json
holds 'answer["stored_count"] == 100 and answer["duplicate_count"] == 0' 'a log'
run=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$out")
expect 0 ingest --megatron "$work/train.log" --params 1B -o json
holds 'answer["stored_count"] == 0 and answer["duplicate_count"] == 100' 'the same log again'
expect 0 run list -o json
holds 'len(answer["runs"]) == 1' 'the same log again is the same run'
expect 0 run show "$run"
shows "$out" 'Progress +25.0%, 52.4M of 210M tokens, step 100' 'run show'
expect 0 run log "$run" -n 1 -o json
holds 'answer["samples"][0]["step"] == 100 and answer["samples"][0]["token_count"] == 100 * 128 * 4096' 'run log'
expect 0 run drift "$run" --exit-code
expect 4 run log runs/r-none
expect 4 ingest --megatron "$work/train.log" --run runs/r-none
refused 'no line is a sample' ingest --nanogpt "$work/train.log"

# --- what is listed as a table is a log itself
"${rhumb[@]}" run log "$run" -o csv >"$work/again.csv" 2>/dev/null
expect 0 ingest --csv "$work/again.csv" -o json
holds 'answer["stored_count"] == 100' 'a table of samples'

# --- followed, over a restart
"${rhumb[@]}" ingest --megatron "$work/train.log" --run "$run" --follow >"$work/follow.out" 2>"$work/follow.err" &
follow=$!
"${rhumb[@]}" watch "$run" >"$work/watch.out" 2>"$work/watch.err" &
watch=$!
lines 101 200 >>"$work/train.log"
until_so 20 has_samples 200
stop_daemon
lines 201 300 >>"$work/train.log"
sleep 1
start_daemon
until_so 30 has_samples 300
expect 0 run finish "$run" --state succeeded
wait "$watch"
code=$?
checks=$((checks + 1))
((code == 0)) || fail "exit $code of a watch of a run that succeeded"
shows "$work/watch.out" 'succeeded' 'a watch to the end'
shows "$work/watch.err" 'the daemon is away, trying again' 'a watch over a restart'
kill -TERM "$follow"
wait "$follow"
checks=$((checks + 1))
has_samples 300 || fail "$(sample_count) samples instead of 300"

# --- what a launcher kept
mkdir "$work/spool"
cat >"$work/spool/a-1.ndjson" <<'END'
{"format":1,"attempt_id":"a-1","run":"","create":{"run":{"title":"kept"},"request_id":"0c2f7ab4-2c7a-4d6c-9f43-5a4f2f0f8f11"}}
{"sample":{"sequence":1,"sample_time":"2025-11-24T16:00:00Z","step":10,"token_count":1000,"loss_nats":2.5}}
{"sample":{"sequence":2,"sample_time":"2025-11-24T16:00:01Z","step":11,"token_count":1100,"loss_nats":2.4}}
{"finish":{"state":"SUCCEEDED"}}
END
printf '{"sample":{"seq' >>"$work/spool/a-1.ndjson" # as a kill leaves it
expect 0 sync "$work/spool" -o json
holds 'answer["stored_count"] == 2 and answer["files"][0]["outcome"] == "sent"' 'a spool'
checks=$((checks + 1))
[[ ! -e $work/spool/a-1.ndjson ]] || fail 'a spool that was sent is still there'
expect 0 sync "$work/spool"

# --- without a daemon
stop_daemon
expect 5 run log "$run"
expect 5 watch "$run"
expect 5 ingest --megatron "$work/train.log"
# Nor is a home of one's own taken for it, where none is named: what is kept stays.
rhumb=("$rhumb_program")
cat >"$work/spool/a-2.ndjson" <<'END'
{"format":1,"attempt_id":"a-2","create":{"run":{"title":"kept"}}}
{"sample":{"sequence":1,"sample_time":"2025-11-24T16:00:00Z","step":10,"token_count":1000,"loss_nats":2.5}}
END
cp "$work/spool/a-2.ndjson" "$work/kept"
expect 5 sync "$work/spool"
expect 5 ingest --megatron "$work/train.log"
expect 5 run create --title 'by hand'
expect 5 run finish runs/r-1 --state failed
shows "$err" 'start rhumbd, or say --local' 'what to do'
checks=$((checks + 1))
cmp -s "$work/kept" "$work/spool/a-2.ndjson" || fail 'a file that nobody took is not as it was'
checks=$((checks + 1))
[[ ! -e $XDG_DATA_HOME/rhumb ]] || fail 'a database of nobody'
expect 0 sync "$work/spool" --local
checks=$((checks + 1))
[[ ! -e $work/spool/a-2.ndjson ]] || fail 'a file that was taken where --local said'

echo "$checks checks, $failures failed"
((failures == 0))
