# SPDX-License-Identifier: Apache-2.0
# What the suites of the command line share; sourced, with $work set to a folder of the suite's own. A suite sets $rhumb, the
# program with the flags of the home under test, and $daemon, the pid of a daemon that it started.
# shellcheck shell=bash
daemon=
finish() {
  [[ -z $daemon ]] || kill "$daemon" 2>/dev/null
  [[ -z $daemon ]] || wait "$daemon" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
# Nothing of the person who runs this may be read or written.
unset RHUMB_ADDR NO_COLOR
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_RUNTIME_DIR=$work/runtime LC_ALL=C.UTF-8
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"

checks=0 failures=0 skipped=0
out=$work/stdout err=$work/stderr
rhumb=()

fail() {
  failures=$((failures + 1))
  echo "FAILED: $*"
  sed 's/^/    stdout: /' "$out" | head -8
  sed 's/^/    stderr: /' "$err" | head -8
}
# expect CODE ARGUMENT...: runs rhumb and compares its exit code; streams are left in $out and $err.
expect() {
  local wanted=$1 code
  shift
  checks=$((checks + 1))
  "${rhumb[@]}" "$@" >"$out" 2>"$err" </dev/null
  code=$?
  ((code == wanted)) || { fail "exit $code instead of $wanted: rhumb $*"; return 1; }
}
# shows FILE REGEX WHAT: FILE must hold a match, in a line or, where text is wrapped, across lines.
shows() {
  checks=$((checks + 1))
  grep -qE -- "$2" "$1" || tr -s ' \n' ' ' <"$1" | grep -qE -- "$2" || fail "no match of '$2' in $(basename "$1") of: $3"
}
# until_so SECONDS COMMAND...: waits for it to succeed.
until_so() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || { fail "in time: $*"; return; }
    sleep 0.1
  done
}
skip() {
  skipped=$((skipped + 1))
  echo "SKIPPED: $*"
}
# refused REGEX ARGUMENT...: exit 2, REGEX on stderr, nothing on stdout.
refused() {
  local pattern=$1
  shift
  expect 2 "$@" || return
  shows "$err" "$pattern" "rhumb $*"
  checks=$((checks + 1))
  [[ ! -s $out ]] || fail "something on stdout of: rhumb $*"
}
# holds EXPRESSION WHAT: a Python expression over the JSON in $out, called `answer`.
holds() {
  checks=$((checks + 1))
  python3 -c 'import json,math,sys
answer = json.load(open(sys.argv[1]))
sys.exit(not eval(sys.argv[2]))' "$out" "$1" 2>>"$err" || fail "not so: $1, of: $2"
}
