# shellcheck shell=bash
# A node: a process in namespaces of its own, joined to the machine by one link. See node-init for what is inside.

# start_node NODE
start_node() {
  rm -f "$CLUSTER_DIR/run/$1.ready"
  # 9 is the machine's lock.
  setsid unshare --mount --uts --net --pid --fork "$PODVISOR_ROOT/dev/cluster/lib/node-init" "$1" \
    </dev/null >"$CLUSTER_DIR/logs/$1-init.log" 2>&1 9>&- &
  if ! wait_until 60 "$1 is set up" test -e "$CLUSTER_DIR/run/$1.ready"; then
    cat "$CLUSTER_DIR/logs/$1-init.log"
    return 1
  fi
  connect_node "$1" "$(node_pid "$1")"
}

make_bridge() {
  ip link add "$BRIDGE" type bridge
  ip addr add "$BRIDGE_IP/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
}

connect_node() {
  local node=$1 pid=$2 link other
  link=$(node_link "$node")
  ip link add "$link" type veth peer name eth0 netns "$pid"
  ip link set "$link" master "$BRIDGE" up
  in_network "$pid" ip -batch - <<END
link set lo up
link set eth0 up
addr add $(node_ip "$node")/24 dev eth0
route add default via $BRIDGE_IP
END
  for other in "${NODES[@]}"; do
    [[ $other == "$node" ]] || in_network "$pid" ip route add "$(node_pod_range "$other")" via "$(node_ip "$other")"
  done
  # Pods and services are reached from the machine itself too: kubectl's users, tests.
  ip route add "$(node_pod_range "$node")" via "$(node_ip "$node")"
  [[ $node != "${NODES[0]}" ]] || ip route add "$SERVICE_RANGE" via "$(node_ip "$node")"
  in_network "$pid" sysctl -qw net.ipv4.ip_forward=1
  # Pods on one bridge reach each other through a Service: their packets have to pass its rules.
  in_network "$pid" sysctl -qw net.bridge.bridge-nf-call-iptables=1
}

in_network() {
  local pid=$1
  shift
  nsenter --target "$pid" --net -- "$@"
}

load_kernel_modules() {
  local module
  # A kernel that has one built in, or lacks it, says so later and better.
  for module in overlay br_netfilter bridge veth nf_tables nf_conntrack loop tun macvlan; do
    modprobe -q "$module" 2>/dev/null || true
  done
}

# The mount points of the nodes' own directories, remembered where they were not there before; they outlive a reboot, so not in
# MACHINE_DIR.
make_mount_points() {
  local directory
  for directory in "${NODE_DIRECTORIES[@]}"; do
    [[ -d $directory ]] && continue
    mkdir -p "$directory"
    printf '%s\n' "$directory" >>"$CLUSTER_DIR/made-directories"
  done
}

remember_sysctls() {
  [[ ! -r $GIB_PAGES_FILE || -f $MACHINE_DIR/gib-pages ]] || cp "$GIB_PAGES_FILE" "$MACHINE_DIR/gib-pages"
  [[ -f $MACHINE_DIR/sysctls ]] || sysctl -e "${TOUCHED_SYSCTLS[@]}" >"$MACHINE_DIR/sysctls" 2>/dev/null
}

# A machine whose memory is in pieces may give fewer, and one without huge pages none: then the nodes offer that.
reserve_huge_pages() {
  (($(sysctl -n vm.nr_hugepages 2>/dev/null || echo 0) >= HUGE_PAGES)) || sysctl -qw "vm.nr_hugepages=$HUGE_PAGES" || true
  [[ -w $GIB_PAGES_FILE ]] || return 0
  (($(<"$GIB_PAGES_FILE") >= 1)) || echo 1 >"$GIB_PAGES_FILE" || true
}
