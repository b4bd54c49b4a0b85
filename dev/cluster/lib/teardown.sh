# shellcheck shell=bash
# Taking the cluster down, whatever is left of it, and checking that nothing is.

# take_down: each line alone tolerates that its part is gone already.
take_down() {
  local node
  for node in "${NODES[@]}"; do empty_image_store "$node"; done
  for node in "${NODES[@]}"; do end_node "$node"; done
  for node in "${NODES[@]}"; do remove_link "$(node_link "$node")"; done
  remove_link "$BRIDGE"
  detach_loops
  remove_cgroups
  restore_machine
  remove_state
}

# Before its containerd goes, while that can still be asked to.
empty_image_store() {
  node_pid "$1" >/dev/null || return 0
  stop_component "$1/kubelet" || true
  component_pid "$1/containerd" >/dev/null || return 0
  if remove_containers "$1" >/dev/null; then stop_component "$1/containerd" || true; fi
}

# The kernel ends all processes of a pid namespace with its first one; mounts and network go with the last of them.
end_node() {
  local pid record
  record=$(node_record "$1")
  if pid=$(node_pid "$1"); then
    end_visitors "$pid"
    kill -KILL "$pid"
    wait_until 20 "the processes of $1 end" node_is_down "$1"
  fi
  rm -f "$record"
}

node_is_down() { ! node_pid "$1"; }

# Processes that entered the node's mounts or network from outside its pid namespace would keep these alive.
end_visitors() {
  local kind inode directory
  for kind in mnt net; do
    inode=$(readlink "/proc/$1/ns/$kind")
    for directory in /proc/[0-9]*; do
      [[ $(readlink "$directory/ns/$kind" 2>/dev/null) == "$inode" ]] || continue
      [[ ${directory#/proc/} == "$1" ]] || kill -KILL "${directory#/proc/}" 2>/dev/null || true
    done
  done
}

remove_link() {
  ip link del "$1" 2>/dev/null || true
  wait_until 10 "the link $1 goes" link_is_gone "$1"
}

link_is_gone() { ! ip link show "$1"; }

# Loop devices over files of the cluster's own directories, which tests attach.
leftover_loops() {
  losetup --list --noheadings --raw --output NAME,BACK-FILE 2>/dev/null | while read -r name file; do
    case $file in "$(owner_directory)"/.cluster/* | /var/lib/podvisor/* | "$PODVISOR_CACHE"/nodes/*) printf '%s\n' "$name" ;; esac
  done
}

detach_loops() {
  leftover_loops | while read -r name; do losetup --detach "$name" || true; done
}

restore_machine() {
  if [[ -f $MACHINE_DIR/sysctls ]]; then
    sysctl -q --load="$MACHINE_DIR/sysctls" || true
    rm "$MACHINE_DIR/sysctls"
  fi
  if [[ -f $MACHINE_DIR/gib-pages ]]; then
    cp "$MACHINE_DIR/gib-pages" "$GIB_PAGES_FILE" || true
    rm "$MACHINE_DIR/gib-pages"
  fi
  local made
  made=$(owner_directory)/.cluster/made-directories
  [[ -f $made ]] || return 0
  xargs -a "$made" -r rmdir --ignore-fail-on-non-empty
  rm "$made"
}

# The owner's checkout, which with `down --any` need not be this one.
owner_directory() { cluster_owner || printf '%s' "$PODVISOR_ROOT"; }

# Certificates, logs and what was built stay.
remove_state() {
  local cluster
  cluster=$(owner_directory)/.cluster
  rm -rf --one-file-system "${cluster:?}"/{nodes,etcd,run,config,bin,env,kubeconfig}
  rm -f "$MACHINE_DIR/owner"
}

# leftovers: a line for each thing of the cluster that is still on the machine.
leftovers() {
  local node
  for node in "${NODES[@]}"; do
    if node_pid "$node" >/dev/null; then printf 'process: %s, pid %s\n' "$node" "$(node_pid "$node")"; fi
  done
  ip -brief link | awk '$1 ~ /^podvisor/ { print "link: " $1 }'
  ip route | awk '/ dev podvisor/ { print "route: " $0 }'
  leftover_cgroups | sed 's/^/cgroup: /'
  leftover_loops | sed 's/^/loop device: /'
  leftover_mounts | sed 's/^/mount: /'
  nft list tables 2>/dev/null | awk '$3 ~ /^podvisor/ { print "nft: " $0 }'
  leftover_processes | sed 's/^/process: /'
}

leftover_mounts() {
  awk -v one="$(owner_directory)/.cluster/" -v two="$PODVISOR_CACHE/nodes/" \
    'index($5, one) == 1 || index($5, two) == 1 { print $5 }' /proc/self/mountinfo
}

# Programs of this cache that run as parts of the cluster: containerd's by their kind, the others by their configuration. Tests run
# API servers of their own from the same programs, and kubectl is anybody's.
leftover_processes() {
  local directory program owner
  owner=$(owner_directory)/.cluster/
  for directory in /proc/[0-9]*; do
    program=$(readlink "$directory/exe" 2>/dev/null) || continue
    case $program in
      "$PODVISOR_CACHE"/programs/*/kubectl*) ;;
      "$PODVISOR_CACHE"/programs/*)
        [[ $program == */containerd* ]] || grep -qsF -- "$owner" "$directory/cmdline" || continue
        printf '%s (pid %s)\n' "${program##*/}" "${directory#/proc/}"
        ;;
    esac
  done
}
