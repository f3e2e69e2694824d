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

# show_progress TITLE: until it is killed, how far the build that writes $LOG is, on the line that begins with TITLE.
show_progress() {
  local done
  while sleep 1; do
    done=$(tail -c 4096 "$LOG" | grep -ao '^\[[0-9]*/[0-9]*\]' | tail -n 1) || continue
    printf '\r%-64s %s ' "$1" "$done"
  done
}

# stage TITLE COMMAND...: runs COMMAND with its output in $LOG, prints "TITLE ... N s" on one line; on a terminal with
# how far a build is. On failure prints the end of the log and exits with COMMAND's status.
stage() {
  local title=$1 began=$SECONDS from status=0 progress=
  shift
  from=$(($(wc -l <"$LOG") + 1))
  printf '%-64s ' "$title"
  if [[ -t 1 ]]; then
    show_progress "$title" &
    progress=$!
  fi
  "$@" >>"$LOG" 2>&1 </dev/null || status=$?
  if [[ -n $progress ]]; then
    kill "$progress" 2>/dev/null || true
    wait "$progress" 2>/dev/null || true
    printf '\r%-64s %-20s\r%-64s ' "$title" '' "$title"
  fi
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
