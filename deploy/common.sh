# SPDX-License-Identifier: Apache-2.0
# Shared by deploy/quickstart and deploy/check: one line per stage, logs shown only when a stage fails.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
JOBS=$(nproc)
STARTED=$SECONDS
LOG=/dev/null

# open_log NAME: output of the stages that follow goes to build/NAME.log, emptied first.
open_log() {
  mkdir -p "$ROOT/build"
  LOG=$ROOT/build/$1.log
  : >"$LOG"
}

# stage TITLE COMMAND...: runs COMMAND with its output in $LOG, prints "TITLE ... N s" on one line.
# On failure prints the end of the log and exits with COMMAND's status.
stage() {
  local title=$1 began=$SECONDS from status=0
  shift
  from=$(($(wc -l <"$LOG") + 1))
  printf '%-64s ' "$title"
  "$@" >>"$LOG" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    printf 'FAILED after %d s (exit %d)\n' $((SECONDS - began)) "$status"
    if (($(wc -l <"$LOG") - from > 60)); then
      # Compilers put the first error well above the end: show it besides the tail.
      tail -n +"$from" "$LOG" | grep -m 5 -A 6 -E '(error|Error|undefined reference):' >&2 || true
      printf -- '...\n' >&2
    fi
    tail -n +"$from" "$LOG" | tail -n 60 >&2
    printf 'full log: %s\n' "$LOG" >&2
    exit "$status"
  fi
  printf '%4d s\n' $((SECONDS - began))
}

# build PRESET TARGET...: configures and builds; with no TARGET builds everything.
build() {
  local preset=$1
  shift
  (cd "$ROOT" && cmake --preset "$preset" && cmake --build --preset "$preset" -j "$JOBS" ${1+--target "$@"})
}

elapsed() { echo $((SECONDS - STARTED)); }
