#!/usr/bin/env bash
# A study on a real Slurm, with tasks that are killed, against the same study on this machine.
#
#   run.sh NARROWS [STUDY.toml [SECONDS]]
#
# The study has a table `plane`; it is the small one beside this file unless another is given. An array of it may take so
# many seconds (120). Where Slurm is not installed it says so and ends with 0, or with 1 if NARROWS_REQUIRE_SLURM=1.
# Every wait has an end; whatever happens, the Slurm that was started is stopped.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 3 ] || [ ! -x "$1" ]; then
  echo "usage: run.sh NARROWS [STUDY.toml [SECONDS]], with the built program" >&2
  exit 2
fi
narrows=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)
study=${2:-$here/study.toml}
patience=${3:-120}
PATH="$PATH:/usr/sbin:/sbin"

for program in munged slurmctld slurmd sbatch scontrol squeue; do
  if ! command -v "$program" > /dev/null; then
    echo "cluster test: there is no $program here: skipped (Debian: apt-get install slurm-wlm munge)" >&2
    [ "${NARROWS_REQUIRE_SLURM:-0}" != 1 ] || exit 1
    exit 0
  fi
done

# Blank, quote and percent sign: a user's folder may have them.
root=$(mktemp -d /tmp/narrows-slurm.XXXXXX)
work="$root/it's 100% mine"
mkdir "$work"
slurm="$root/slurm"
export SLURM_CONF="$slurm/slurm.conf"
finish() {
  local code=$?
  trap - EXIT INT TERM
  "$here/slurm.sh" down "$slurm" || true
  if [ "$code" -eq 0 ]; then
    rm -rf "$root"
  else
    echo "cluster test: FAILED; what was written stays in $root" >&2
    tail -n 15 "$work"/*/submit/*/logs/*.log >&2 2> /dev/null || true
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
fail() { echo "cluster test: $*" >&2; exit 1; }
# within SECONDS WHAT COMMAND...: waits until the command succeeds.
within() {
  local tries=$(($1 * 10)) what=$2
  shift 2
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "waited in vain: $what"
    sleep 0.1
  done
}
# expect TEXT FILE: the text stands in the file.
expect() { grep -qF -- "$1" "$2" || { cat "$2" >&2; fail "'$1' was expected above"; }; }
queue_is_empty() { [ -z "$(squeue --noheader 2> /dev/null)" ]; }
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$2" | head -n 1; }

# The process that does share $1, as long as it has a process for a cell; none else.
share() {
  local process
  for process in /proc/[0-9]*; do
    [ "$(cat "$process/comm" 2> /dev/null)" = "${narrows_comm:0:15}" ] || continue
    tr '\0' '\n' < "$process/cmdline" 2> /dev/null | grep -qx "$1/4" || continue
    tr '\0' '\n' < "$process/environ" 2> /dev/null | grep -qxF "SLURM_CONF=$SLURM_CONF" || continue
    [ -n "$(cat "$process"/task/*/children 2> /dev/null)" ] || continue
    echo "${process#/proc/}"
    return
  done
  return 1
}
narrows_comm=$(basename "$narrows")
parent() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"; }
is_running() { share "$1" > /dev/null; }

same() {
  local table name
  for table in "$work"/local/*.csv "$work"/local/*.parquet; do
    name=$(basename "$table")
    # What says of each cell where and how long it ran.
    [ "${name%.*}" != cells ] || continue
    cmp -- "$table" "$work/$1/$name" || fail "$name of $1 differs from that of the local run"
  done
}

cp -- "$study" "$work/study.toml"
cd "$work"

"$narrows" study run study.toml --out local --jobs 2 > local.txt 2>&1 || { cat local.txt >&2; fail "the local run"; }
"$narrows" study merge local > local.txt
rows=$(($(wc -l < local/plane.csv) - 1))
[ "$rows" -gt 0 ] || fail "the local run has no rows"
say "local: $rows rows"

"$here/slurm.sh" up "$slurm"
say "Slurm is up: $(sinfo --version), two nodes"

submit() {
  local out=$1
  shift
  "$narrows" study submit study.toml --out "$out" --tasks 4 --cpus 1 --memory 1G --time 30m --json "$@"
}

# One program killed: its task goes back into the queue by itself. Another task is put back from outside.
submit one > one.json
array=$(field array one.json)
logs="one/submit/1/logs"
within 30 "share 0 of 4 at work" is_running 0
scontrol requeue "${array}_0"
say "array $array: share 0 was requeued from outside"
within "$patience" "the first cell of share 2" grep -sqF "[1/" "$logs/share-${array}_2.log"
within 10 "share 2 at its second cell" is_running 2
victim=$(share 2)
kill -KILL "$victim"
say "array $array: the program of share 2 was killed (process $victim)"
within "$patience" "the array and its merge" queue_is_empty
expect "start 2" "$logs/share-${array}_0.log"
expect "back into the queue, restart 1 of at most 3" "$logs/share-${array}_2.log"
expect "start 2" "$logs/share-${array}_2.log"
expect "1 done already" "$logs/share-${array}_2.log"
expect "share 2 ended with exit code 0" "$logs/share-${array}_2.log"
[ -s one/report.html ] || { cat "$logs"/merge-*.log >&2; fail "there is no report"; }
same one
say "one task killed, one requeued: $rows rows, the same bytes as the local run, CSV and Parquet"

# One task killed for good, its script and all.
submit two > two.json
array=$(field array two.json)
within 30 "share 1 of 4 at work" is_running 1
victim=$(share 1)
kill -KILL "$(parent "$victim")" "$victim"
say "array $array: the task of share 1 was killed for good"
within "$patience" "the array and its merge" queue_is_empty
merge_log=$(echo two/submit/1/logs/merge-*.log)
expect "the tables are not merged" "$merge_log"
[ ! -e two/plane.csv ] || fail "a study with missing cells was merged"
missing=$("$narrows" study status two --json | sed -n 's/^ *"missing": \([0-9]*\),*$/\1/p' | paste -sd+ | tr -d '\n' | { read -r sum; echo $((sum)); })
[ "$missing" -gt 0 ] || fail "no cell is missing although a task was killed"
say "the merge refused: $missing cells are missing; its log: $(grep -m 1 -o '[0-9]* of [0-9]* cells.*' "$merge_log" || head -n 1 "$merge_log")"

if submit two --partition nowhere > refused.json 2> refused.txt; then fail "a partition that is none was taken"; fi
expect "sinfo -s" refused.txt
say "a partition that is none: refused, with what to do"

# Submitted again: what is missing is done.
submit two > two.json
within "$patience" "the array and its merge" queue_is_empty
same two
[ "$(field to_do two.json)" = "$missing" ] || fail "$missing cells were missing, $(field to_do two.json) were submitted"
say "submitted again: $missing cells done, the same bytes as the local run"
submit two > done.json
if [ "$(field to_do done.json)" != 0 ] || ! queue_is_empty; then fail "a study that is done was submitted"; fi
say "submitted once more: nothing to do"

"$here/slurm.sh" stop "$slurm"
if submit three > refused.json 2> refused.txt; then fail "a submission without a controller came through"; fi
expect "nothing was submitted" refused.txt
expect "submit once more" refused.txt
say "no controller: refused, with what to do"
