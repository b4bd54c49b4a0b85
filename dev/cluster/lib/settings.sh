# shellcheck shell=bash disable=SC2034 # for the scripts that source this
# Names and addresses of the local cluster. Everything it makes on the machine is named podvisor*, so that it can be found and
# removed by name.

NODES=(node1 node2)
COMPONENTS=(
  etcd kube-apiserver kube-controller-manager kube-scheduler coredns
  node1/containerd node1/kubelet node1/kube-proxy
  node2/containerd node2/kubelet node2/kube-proxy
)

BRIDGE=podvisor0
BRIDGE_IP=10.89.0.1
POD_RANGE=10.244.0.0/16
SERVICE_RANGE=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
DNS_SERVICE_IP=10.96.0.10
CONTROL_PLANE_IP=10.89.0.11
API_URL=https://$CONTROL_PLANE_IP:6443

# Relative to the root of every cgroup hierarchy.
CGROUP=podvisor

# Pages of 2 MiB reserved for VMs that ask for huge pages; both nodes see the same ones. Kubelets look at them when they start.
HUGE_PAGES=96
# How many pages of 1 GiB there are: one is reserved, where the machine has as much memory in one piece.
GIB_PAGES_FILE=/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages

# Kernel settings the kubelet, or we, change for the whole machine; put back when the cluster goes.
TOUCHED_SYSCTLS=(
  vm.nr_hugepages
  vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes
)

# Directories whose path is fixed in some program; each node sees its own there.
NODE_DIRECTORIES=(
  /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/lib/podvisor
  /var/log/pods /var/log/containers
)

node_ip() { printf '10.89.0.1%s' "${1#node}"; }
node_pod_range() { printf '10.244.%s.0/24' "${1#node}"; }
node_link() { printf 'podvisor%s' "${1#node}"; }

# Where a node's own DIRECTORY really is. The image store is worth keeping, the rest goes with the cluster.
node_directory() {
  case $2 in
    /var/lib/containerd) printf '%s/nodes/%s/containerd' "$PODVISOR_CACHE" "$1" ;;
    *) printf '%s/nodes/%s%s' "$CLUSTER_DIR" "$1" "$2" ;;
  esac
}

# component_node NAME: the node it runs on; the control plane is on the first.
component_node() {
  case $1 in
    */*) printf '%s' "${1%%/*}" ;;
    *) printf '%s' "${NODES[0]}" ;;
  esac
}

component_log() { printf '%s/%s.log' "$CLUSTER_DIR/logs" "${1/\//-}"; }
