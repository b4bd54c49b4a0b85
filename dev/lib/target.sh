# shellcheck shell=bash
# Which cluster the scripts under dev/ work on: the one of KUBECONFIG when that is set, else the local one of dev/cluster.

# shellcheck source=steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

# target_is_local: also after `. .cluster/env`, which sets KUBECONFIG to the local cluster's.
target_is_local() {
  [[ -z ${KUBECONFIG:-} || $KUBECONFIG == "$CLUSTER_DIR/kubeconfig" ]]
}

# use_target: kubectl and KUBECONFIG for what follows; ends with a reason when there is no cluster to talk to.
use_target() {
  if target_is_local; then
    [[ -f $CLUSTER_DIR/env ]] || fail 'The local cluster is not up: run "make up" (or set KUBECONFIG to use another one)'
    # shellcheck source=/dev/null
    . "$CLUSTER_DIR/env"
  fi
  command -v kubectl >/dev/null || fail 'kubectl is not on PATH'
  kubectl version --request-timeout=10s >/dev/null 2>&1 ||
    fail "The cluster of KUBECONFIG=$KUBECONFIG does not answer: kubectl version says why"
}

# ensure_node_modules: npm ci when the packages are absent or older than the lock file.
ensure_node_modules() {
  local installed=$PODVISOR_ROOT/node_modules/.package-lock.json
  [[ -f $installed && ! $installed -ot $PODVISOR_ROOT/package-lock.json ]] && return 0
  command -v npm >/dev/null || fail 'npm is not on PATH: install Node.js 20 or newer (Debian: apt-get install nodejs npm)'
  step 'Installing npm packages' npm_ci
}

npm_ci() {
  cd "$PODVISOR_ROOT"
  npm ci
  # npm may leave the marker's time as the lock's own.
  touch node_modules/.package-lock.json
}
