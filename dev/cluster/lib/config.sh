# shellcheck shell=bash
# The programs' configuration files, from the templates in dev/cluster/config with @NAME@ filled in.

render_config() {
  local config=$CLUSTER_DIR/config node
  mkdir -p "$config"
  printf 'nameserver %s\n' "$DNS_SERVICE_IP" >"$config/resolv.conf"
  render "$config" Corefile audit-policy.yaml system.yaml
  for node in "${NODES[@]}"; do
    mkdir -p "$config/$node/cni"
    NODE=$node POD_RANGE=$(node_pod_range "$node") render "$config/$node" containerd.toml kubelet.yaml
    # The pod network is written into Multus' own file: Multus 4.3.0 forgets what is in a conflist of its clusterNetwork
    # beyond the fields it knows, and then pods cannot be deleted ("no IP ranges specified").
    NODE=$node POD_RANGE=$(node_pod_range "$node") render "$config/$node/cni" multus.conf
  done
}

# render DIRECTORY FILE…
render() {
  local directory=$1 file text name value
  local -A values=(
    [NODE]=${NODE:-} [POD_RANGE]=${POD_RANGE:-} [CGROUP]=$CGROUP [DNS_SERVICE_IP]=$DNS_SERVICE_IP
    [CONTROL_PLANE_IP]=$CONTROL_PLANE_IP [PKI]=$CLUSTER_DIR/pki [CONFIG]=$CLUSTER_DIR/config [LOGS]=$CLUSTER_DIR/logs
    [CNI_BIN]=$(program_dir cni) [MULTUS_BIN]=$(program_dir multus) [CNI_CONF]=$directory/cni
    [CPU_POLICY]=$([[ ${NODE:-} == node2 ]] && echo static || echo none)
    [DEVICE_OWNERSHIP]=$([[ ${NODE:-} == node2 ]] && echo true || echo false)
  )
  [[ $directory != */cni ]] || values[CNI_CONF]=$directory
  shift
  for file in "$@"; do
    text=$(<"$PODVISOR_ROOT/dev/cluster/config/$file")
    for name in "${!values[@]}"; do
      value=${values[$name]}
      text=${text//"@$name@"/"$value"}
    done
    printf '%s\n' "$text" >"$directory/$file"
  done
}

# What people and tests use: a kubeconfig, and a file to source.
write_user_files() {
  local bin=$CLUSTER_DIR/bin
  mkdir -p "$bin"
  ln -sfn "$(program_dir kubernetes)/kubectl" "$bin/kubectl"
  install -m 600 "$CLUSTER_DIR/pki/admin.kubeconfig" "$CLUSTER_DIR/kubeconfig"
  cat >"$CLUSTER_DIR/env" <<END
# Source this: . .cluster/env
export KUBECONFIG='$CLUSTER_DIR/kubeconfig'
case ":\$PATH:" in
  *":$bin:"*) ;;
  *) export PATH='$bin':"\$PATH" ;;
esac
END
}
