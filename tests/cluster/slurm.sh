#!/usr/bin/env bash
# A Slurm of two nodes on this machine, for tests, as whoever calls it, without systemd and with nothing under system
# folders: its own key, ports, state and logs in a folder that must be absolute and short (a socket lies in it).
#
#   slurm.sh up DIR       start it; then: export SLURM_CONF=DIR/slurm.conf
#   slurm.sh stop DIR     stop the controller alone
#   slurm.sh start DIR    start the controller again
#   slurm.sh down DIR     end its jobs and its daemons, by the ids that they left in DIR
set -euo pipefail

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -eq 2 ] || usage
dir=$2
case $dir in /*) ;; *) usage ;; esac
export SLURM_CONF="$dir/slurm.conf"
# Debian keeps daemons where users have no path to.
PATH="$PATH:/usr/sbin:/sbin"

# within SECONDS COMMAND...: whether the command succeeds in time, tried ten times a second.
within() {
  local tries=$(($1 * 10))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}

# A port and the two after it that nobody listens on, below those that the kernel gives to callers.
free_ports() {
  local base port taken
  for _ in $(seq 50); do
    base=$((20000 + RANDOM % 12000))
    taken=""
    for port in "$base" $((base + 1)) $((base + 2)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then taken=1; fi
    done
    if [ -z "$taken" ]; then echo "$base"; return; fi
  done
  echo "slurm.sh: no three free ports in a row" >&2
  return 1
}

configure() {
  local host user port
  host=$(uname -n)
  host=${host%%.*}
  user=$(id -un)
  port=$(free_ports)
  # Two nodes with one address need Slurm built for that (Debian's is). A machine in a container has no control groups to
  # give. Memory is no resource here, so that any may be asked for. A requeued task waits for credentials to expire: 5 seconds instead of 120.
  cat > "$SLURM_CONF" <<CONF
ClusterName=narrows
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/pid/slurmctld
SlurmdPidFile=$dir/pid/slurmd.%n
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=2
MessageTimeout=5
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 2))] CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
CONF
}

idle() { [ "$(sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | sort -u | wc -l)" = 2 ]; }
answers() { scontrol ping 2>/dev/null | grep -q UP; }
quiet() { [ -z "$(squeue --noheader 2>/dev/null)" ]; }

up() {
  [ ${#dir} -le 90 ] || { echo "slurm.sh: $dir is too long a name for the folder of a socket" >&2; exit 2; }
  mkdir -p "$dir"/{state,log,pid,spool/n1,spool/n2}
  chmod 755 "$dir"
  (umask 077; head -c 1024 /dev/urandom > "$dir/munge.key")
  configure
  # --force: the folder above may be one that all can write to, such as /tmp.
  munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/pid/munged" \
    --log-file="$dir/log/munged" --seed-file="$dir/munge.seed" 2> "$dir/log/munged.start"
  slurmctld
  slurmd -N n1
  slurmd -N n2
  if ! within 20 idle; then
    echo "slurm.sh: the nodes are not idle after 20 seconds" >&2
    sinfo >&2 || true
    tail -n 8 "$dir"/log/* >&2
    down
    exit 1
  fi
}

# The process that left its id in a file, if it is still that one.
alive() {
  local id
  [ -s "$1" ] || return 1
  read -r id < "$1" || true
  [ "$(cat "/proc/$id/comm" 2>/dev/null)" = "$2" ] && echo "$id"
}
gone() { [ ! -d "/proc/$1" ]; }

# end SECONDS FILE NAME: ends the process of a file, by request, and after so many seconds by force.
end() {
  local id
  id=$(alive "$2" "$3") || return 0
  kill "$id" 2>/dev/null || return 0
  within "$1" gone "$id" || { kill -KILL "$id"; within 5 gone "$id"; } || true
}

down() {
  local n
  [ -d "$dir/pid" ] || return 0
  if alive "$dir/pid/slurmctld" slurmctld > /dev/null && answers; then
    timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
    within 10 quiet || true
  fi
  # Nobody will ask for its state again.
  for n in n1 n2; do end 2 "$dir/pid/slurmd.$n" slurmd & done
  end 2 "$dir/pid/slurmctld" slurmctld &
  wait
  # Keepers of jobs that are left: those with our configuration, and no others.
  for n in /proc/[0-9]*; do
    [ "$(cat "$n/comm" 2>/dev/null)" = slurmstepd ] || continue
    if tr '\0' '\n' < "$n/environ" 2>/dev/null | grep -qxF "SLURM_CONF=$SLURM_CONF"; then kill -KILL "${n#/proc/}" 2>/dev/null || true; fi
  done
  end 5 "$dir/pid/munged" munged
}

case $1 in
  up) up ;;
  stop) end 10 "$dir/pid/slurmctld" slurmctld ;;
  start) slurmctld; within 20 answers ;;
  down) down ;;
  *) usage ;;
esac
