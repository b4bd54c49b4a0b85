# shellcheck shell=bash
# The cluster's processes: their command lines, starting and stopping them.

# shellcheck source=../../lib/programs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/programs.sh"

PKI=$CLUSTER_DIR/pki

# component_command NAME: its command line, an argument a line.
component_command() {
  local kubernetes
  kubernetes=$(program_dir kubernetes)
  case $1 in
    etcd) etcd_command ;;
    kube-apiserver) apiserver_command ;;
    kube-controller-manager) controller_manager_command ;;
    kube-scheduler) scheduler_command ;;
    coredns) printf '%s\n' "$(program_dir coredns)/coredns" -conf "$CLUSTER_DIR/config/Corefile" ;;
    */containerd) printf '%s\n' "$(program_dir containerd)/containerd" --config "$CLUSTER_DIR/config/${1%/*}/containerd.toml" ;;
    */kubelet) kubelet_command "${1%/*}" ;;
    */kube-proxy) proxy_command "${1%/*}" ;;
  esac
}

etcd_command() {
  cat <<END
$kubernetes/etcd
--data-dir=$CLUSTER_DIR/etcd
--listen-client-urls=http://127.0.0.1:2379
--advertise-client-urls=http://127.0.0.1:2379
--listen-peer-urls=http://127.0.0.1:2380
--unsafe-no-fsync
--log-level=warn
END
}

# --kubelet-preferred-address-types: exec and logs would else look node names up. --enable-aggregator-routing: webhooks are
# called at their pods' addresses.
apiserver_command() {
  cat <<END
$kubernetes/kube-apiserver
--etcd-servers=http://127.0.0.1:2379
--advertise-address=$CONTROL_PLANE_IP
--secure-port=6443
--service-cluster-ip-range=$SERVICE_RANGE
--allow-privileged=true
--authorization-mode=Node,RBAC
--enable-admission-plugins=NodeRestriction
--enable-aggregator-routing=true
--kubelet-preferred-address-types=InternalIP
--tls-cert-file=$PKI/kube-apiserver.crt
--tls-private-key-file=$PKI/kube-apiserver.key
--client-ca-file=$PKI/ca.crt
--service-account-issuer=https://kubernetes.default.svc
--service-account-key-file=$PKI/service-account.pub
--service-account-signing-key-file=$PKI/service-account.key
--kubelet-certificate-authority=$PKI/ca.crt
--kubelet-client-certificate=$PKI/apiserver-kubelet-client.crt
--kubelet-client-key=$PKI/apiserver-kubelet-client.key
--requestheader-client-ca-file=$PKI/front-proxy-ca.crt
--requestheader-allowed-names=front-proxy-client
--requestheader-extra-headers-prefix=X-Remote-Extra-
--requestheader-group-headers=X-Remote-Group
--requestheader-username-headers=X-Remote-User
--proxy-client-cert-file=$PKI/front-proxy-client.crt
--proxy-client-key-file=$PKI/front-proxy-client.key
--audit-policy-file=$CLUSTER_DIR/config/audit-policy.yaml
--audit-log-path=$CLUSTER_DIR/logs/audit.log
--audit-log-mode=batch
--audit-log-maxsize=1000
END
}

controller_manager_command() {
  cat <<END
$kubernetes/kube-controller-manager
--kubeconfig=$PKI/kube-controller-manager.kubeconfig
--authentication-kubeconfig=$PKI/kube-controller-manager.kubeconfig
--authorization-kubeconfig=$PKI/kube-controller-manager.kubeconfig
--service-account-private-key-file=$PKI/service-account.key
--root-ca-file=$PKI/ca.crt
--use-service-account-credentials
--cluster-signing-cert-file=$PKI/ca.crt
--cluster-signing-key-file=$PKI/ca.key
--allocate-node-cidrs=false
--leader-elect=false
--bind-address=127.0.0.1
END
}

scheduler_command() {
  cat <<END
$kubernetes/kube-scheduler
--kubeconfig=$PKI/kube-scheduler.kubeconfig
--authentication-kubeconfig=$PKI/kube-scheduler.kubeconfig
--authorization-kubeconfig=$PKI/kube-scheduler.kubeconfig
--leader-elect=false
--bind-address=127.0.0.1
END
}

kubelet_command() {
  cat <<END
$kubernetes/kubelet
--config=$CLUSTER_DIR/config/$1/kubelet.yaml
--kubeconfig=$PKI/$1.kubeconfig
--hostname-override=$1
--node-ip=$(node_ip "$1")
END
}

# Settings of connection tracking are the machine's, not a node's: 0 leaves them alone.
proxy_command() {
  cat <<END
$kubernetes/kube-proxy
--kubeconfig=$PKI/kube-proxy.kubeconfig
--hostname-override=$1
--proxy-mode=nftables
--cluster-cidr=$POD_RANGE
--conntrack-max-per-core=0
--conntrack-tcp-timeout-established=0
--conntrack-tcp-timeout-close-wait=0
END
}

# start_component NAME: does nothing when it runs.
start_component() {
  component_pid "$1" >/dev/null && return 0
  local node pid record command
  node=$(component_node "$1")
  pid=$(require_node "$node")
  record=$(component_record "$1")
  mapfile -t command < <(component_command "$1")
  [[ -x ${command[0]} ]] || fail "${command[0]} is missing: run dev/programs/build"
  rm -f "$record"
  setsid nsenter --target "$pid" --pid -- \
    "$PODVISOR_ROOT/dev/cluster/lib/run-in-node" "$pid" "$node" "$record" "${command[@]}" \
    </dev/null >>"$(component_log "$1")" 2>&1 9>&- &
  wait_until 60 "$1 starts" started_or_ended "$1" $!
  component_pid "$1" >/dev/null && return 0
  tail -n 5 "$(component_log "$1")" >&2
  printf '%s ended at once. Its log: %s\n' "$1" "$(component_log "$1")" >&2
  return 1
}

started_or_ended() { component_pid "$1" || ! kill -0 "$2"; }

# stop_component NAME: asks it to end, and after a few seconds makes it. The API server waits for its watches to end, and etcd
# for its clients: they are not worth waiting for here.
stop_component() {
  local pid patience=10
  pid=$(component_pid "$1") || return 0
  case $1 in kube-apiserver | etcd) patience=2 ;; esac
  kill -TERM "$pid"
  wait_until "$patience" "$1 ends" component_is_down "$1" 2>/dev/null && return 0
  kill -KILL "$pid" 2>/dev/null || true
  wait_until 5 "$1 is killed" component_is_down "$1"
}

component_is_down() { ! component_pid "$1"; }

# component_is_ready NAME: answers, where there is something to ask.
component_is_ready() {
  case $1 in
    kube-apiserver) api_is_ready ;;
    */containerd) in_node "${1%/*}" ctr version ;;
    */kubelet) in_node "${1%/*}" curl -sf -m 2 http://127.0.0.1:10248/healthz ;;
    *) component_pid "$1" ;;
  esac
}

api_is_ready() {
  curl -sf -m 2 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" "$API_URL/readyz"
}

# wait_for_api: generous, for slow machines, but not for one that has ended.
wait_for_api() {
  wait_until 180 'the API server is ready' api_is_ready_or_dead
  component_pid kube-apiserver >/dev/null && return 0
  tail -n 10 "$(component_log kube-apiserver)"
  printf 'The API server has ended. Its log: %s\n' "$(component_log kube-apiserver)"
  return 1
}

api_is_ready_or_dead() { api_is_ready || component_is_down kube-apiserver; }

# in_node NODE COMMAND…: in the node's namespaces, with the node's programs on the PATH.
in_node() {
  local pid
  pid=$(require_node "$1")
  shift
  nsenter --target "$pid" --mount --net --uts --pid -- \
    /usr/bin/env CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1 "PATH=$(program_dir containerd):$(program_dir kubernetes):/usr/local/sbin:/usr/sbin:/sbin:$PATH" "$@"
}

kubectl() {
  "$(program_dir kubernetes)/kubectl" --kubeconfig "$PKI/admin.kubeconfig" "$@"
}
