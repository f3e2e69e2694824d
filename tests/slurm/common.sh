# SPDX-License-Identifier: Apache-2.0
# Shared by the suites of this folder: the cluster of the fixture, a daemon, an unprivileged user, checks.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # here, source, plugin_file are of the suite, took is for it

# begin STATE RHUMB RHUMBD: enters the cluster's world with a daemon in it; exits 77 where there is no cluster.
begin() {
  [[ -s $1 ]] || { echo "SKIPPED: no Slurm cluster"; exit 77; }
  root=$(<"$1")
  rhumb_program=$2 rhumbd_program=$3
  export SLURM_CONF=$root/etc/slurm.conf LC_ALL=C.UTF-8
  export HOME=$root/work XDG_RUNTIME_DIR=$root/work/none XDG_DATA_HOME=$root/work/none
  unset RHUMB_ADDR NO_COLOR "${!SLURM_@}" "${!SBATCH_@}" "${!RHUMB_SLURM_@}" 2>/dev/null || true
  export SLURM_CONF=$root/etc/slurm.conf
  socket=$root/rhumbd.sock
  # Where a user of the cluster can run it, whatever folder this tree lies in.
  helper=$root/rhumb
  install -m 755 "$rhumb_program" "$helper"
  printf 'h100 = H100-SXM5-80GB\na100 = A100-SXM4-80GB\n' >"$root/etc/gpus.conf"
  rm -f "$root/etc/cli_filter.lua"
  checks=0 failures=0 daemon=
  trap finish EXIT
  cd "$root/work" || exit 1
  start_daemon
}

start_daemon() {
  "$rhumbd_program" --database "$root/rhumb.db" --socket "$socket" >"$root/log/rhumbd.log" 2>&1 </dev/null &
  daemon=$!
  local attempt
  for ((attempt = 0; attempt < 300; ++attempt)); do
    [[ -S $socket ]] && "$helper" version --addr "unix://$socket" --timeout 1s >/dev/null 2>&1 && break
    sleep 0.05
  done
  chmod 666 "$socket"
}

stop_daemon() {
  [[ -n $daemon ]] || return 0
  kill -CONT "$daemon" 2>/dev/null
  kill "$daemon" 2>/dev/null
  wait "$daemon" 2>/dev/null
  daemon=
}

finish() {
  stop_daemon
  scancel --quiet --user nobody 2>/dev/null
  # The next suite finds the cluster as it was: nothing of Rhumb in it.
  : >"$root/etc/plugstack.conf"
  rm -rf "$root/etc/plugstack.conf.d" "$root/plugins"
  install -m 644 "$here/no_filter.lua" "$root/etc/cli_filter.lua"
  rm -f "$root/etc/rhumb_cli_filter.lua"
  rm -rf "${root:?}/work/"* "$root"/rhumb.db*
}

# plugin KEY=VALUE...: the plugin with these settings.
plugin() {
  "$source/deploy/slurm/install" --plugin "$plugin_file" --conf-dir "$root/etc" --plugin-dir "$root/plugins" \
    "gpus=$root/etc/gpus.conf" "$@" >"$root/log/install" 2>&1 || { cat "$root/log/install"; exit 1; }
}

user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

fail() {
  failures=$((failures + 1))
  echo "FAILED: $*"
  sed 's/^/    /' "$root/work/err" | head -n 8
}

# expect CODE COMMAND...: runs it as the user; streams are left in out and err, its milliseconds in took.
expect() {
  local wanted=$1 code began
  shift
  checks=$((checks + 1))
  began=$(date +%s%N)
  user "$@" >"$root/work/out" 2>"$root/work/err" </dev/null
  code=$?
  took=$((($(date +%s%N) - began) / 1000000))
  ((code == wanted)) || { fail "exit $code instead of $wanted: $*"; return 1; }
}

# expect_failure COMMAND...: as expect, of any exit code but 0.
expect_failure() {
  local code began
  checks=$((checks + 1))
  began=$(date +%s%N)
  user "$@" >"$root/work/out" 2>"$root/work/err" </dev/null
  code=$?
  took=$((($(date +%s%N) - began) / 1000000))
  ((code != 0)) || { fail "exit 0 of: $*"; return 1; }
}

# shows FILE TEXT WHAT
shows() {
  checks=$((checks + 1))
  grep -qF -- "$2" "$1" || { fail "no \"$2\" in $1 of: $3"; sed 's/^/    out: /' "$1" | head -n 5; }
}

# same WHAT WANTED GOT
same() {
  checks=$((checks + 1))
  [[ $2 == "$3" ]] || fail "$1 is \"$3\" instead of \"$2\""
}

# job ID FIELD: a field of the job as scontrol has it.
job() { scontrol show job -o "$1" | grep -oP "(^| )$2=\K[^ ]*" | head -n 1; }

# sized ID NODES TASKS TRES WHAT: the job is what the plan says.
sized() {
  same "nodes of $5" "$2" "$(job "$1" NumNodes | sed 's/-.*//')"
  same "tasks of $5" "$3" "$(job "$1" NumTasks)"
  same "GPUs of $5" "$4" "$(job "$1" TresPerNode)"
}

report() {
  echo "$checks checks, $failures failures"
  ((failures == 0))
}
