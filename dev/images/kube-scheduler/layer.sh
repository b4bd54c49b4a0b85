# shellcheck shell=bash disable=SC2034
# The upstream scheduler for the podvisor-scheduler Deployment: the static program of the local cluster.
scheduler_program=$(program_dir kubernetes)/kube-scheduler
inputs=("$scheduler_program")

build_layer() {
  [[ -x $scheduler_program ]] || fail "kube-scheduler is not built yet ($scheduler_program): run dev/programs/build kubernetes"
  install -D -m 755 "$scheduler_program" "$1/usr/local/bin/kube-scheduler"
  mkdir -p "$1/tmp" && chmod 1777 "$1/tmp"
}
