# shellcheck shell=bash
# The image store outlives a cluster; the containers in it must not. containerd's CRI part keeps an own list in memory, so they
# are removed either just before containerd ends, or it is started again after.

# remove_containers NODE: everything of pods from a containerd that runs while no kubelet does.
remove_containers() {
  # shellcheck disable=SC2016 # for the shell on the node
  in_node "$1" bash -euo pipefail -c '
    all() { ctr -n k8s.io "$1" ls -q; }
    remove() {
      local what=$1 ids
      shift
      mapfile -t ids < <(all "$what")
      ((${#ids[@]} == 0)) || ctr -n k8s.io "$what" rm "$@" "${ids[@]}"
    }
    remove tasks --force
    remove containers
    ctr -n k8s.io sandboxes ls | sed 1d | cut -d" " -f1 | xargs -r ctr -n k8s.io sandboxes rm --force
    # Image volumes are snapshots without a container. Committed ones are layers of images.
    ctr -n k8s.io snapshots ls | awk "NR > 1 && \$NF != \"Committed\" { print \$1 }" | xargs -r ctr -n k8s.io snapshots rm
  '
}

has_containers() {
  [[ -n $(in_node "$1" ctr -n k8s.io containers ls -q) ]] || in_node "$1" ctr -n k8s.io snapshots ls | sed 1d | grep -qv 'Committed *$'
}

# clean_node NODE: after a crash or a reboot the store still lists what ran then.
clean_node() {
  has_containers "$1" || return 0
  remove_containers "$1"
  stop_component "$1/containerd"
  start_component "$1/containerd"
  wait_until 60 "$1/containerd answers" component_is_ready "$1/containerd"
}
