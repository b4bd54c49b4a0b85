# shellcheck shell=bash
# What is running: records of processes, who owns the machine's cluster, one change at a time.

# shellcheck source=../../lib/steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/steps.sh"
# shellcheck source=../../lib/programs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/programs.sh"
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

# A record is "<pid> <start time> <boot id>": pids are used again, also across reboots.

# record_self FILE: the calling shell's process, as the machine numbers it (also from inside a new pid namespace, as long as
# the machine's /proc is mounted).
record_self() {
  local stat
  # By the shell itself: in a command substitution "self" would be another process.
  IFS= read -r stat </proc/self/stat
  printf '%s %s %s\n' "${stat%% *}" "$(start_time "$stat")" "$(</proc/sys/kernel/random/boot_id)" >"$1.new"
  mv "$1.new" "$1"
}

# Field 22 of a stat line; the second is a name in parentheses that may contain anything.
start_time() {
  local fields
  read -r -a fields <<<"${1##*) }"
  printf '%s' "${fields[19]}"
}

# recorded_pid FILE: the pid if that very process still runs.
recorded_pid() {
  local pid began boot stat
  [[ -r $1 ]] || return 1
  read -r pid began boot <"$1" || return 1
  [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  [[ $stat != *") Z "* && $(start_time "$stat") == "$began" ]] || return 1
  printf '%s' "$pid"
}

node_record() { printf '%s/%s.init' "$MACHINE_DIR" "$1"; }
component_record() { printf '%s/run/%s.pid' "$CLUSTER_DIR" "${1/\//-}"; }

# node_pid NODE: the first process of the node's namespaces.
node_pid() { recorded_pid "$(node_record "$1")"; }
component_pid() { recorded_pid "$(component_record "$1")"; }

# require_node NODE: its pid, or an end with a reason.
require_node() {
  [[ " ${NODES[*]} " == *" $1 "* ]] || fail "There is no node \"$1\"; there are: ${NODES[*]}"
  node_pid "$1" || fail "$1 is not running; dev/cluster/up starts the cluster"
}

# wait_until SECONDS DESCRIPTION COMMAND…: polls; an error naming what did not happen.
wait_until() {
  local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000)) seconds=$1 what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((${EPOCHREALTIME/[.,]/} > deadline)); then
      printf 'Waited %s s in vain: %s\n' "$seconds" "$what" >&2
      return 1
    fi
    sleep 0.1
  done
}

# lock_machine: one change of the cluster at a time, by whichever checkout. Held until the script ends.
lock_machine() {
  mkdir -p "$MACHINE_DIR"
  exec 9>"$MACHINE_DIR/lock"
  flock -n 9 && return 0
  note '....  Another up or down is under way; waiting for it'
  flock -w 900 9 || fail "$MACHINE_DIR/lock is held for 15 minutes by: $(fuser "$MACHINE_DIR/lock" 2>/dev/null)"
}

cluster_owner() { cat "$MACHINE_DIR/owner" 2>/dev/null; }

any_node_runs() {
  local node
  for node in "${NODES[@]}"; do
    if node_pid "$node" >/dev/null; then return 0; fi
  done
  return 1
}

# refuse_other_owner: there is one set of names and addresses, so one cluster a machine. What is left of another checkout's cluster
# that no longer runs (its session ended, the machine restarted) is nobody's.
refuse_other_owner() {
  local owner
  owner=$(cluster_owner) || return 0
  [[ $owner == "$PODVISOR_ROOT" ]] && return 0
  any_node_runs || return 0
  fail "This machine's local cluster belongs to the checkout $owner. Use that one, or take it down there with
      \`make down\`; \`dev/cluster/down --any\` here takes it down too, whoever uses it"
}
