# shellcheck shell=bash disable=SC2034
# The agent's network and namespace tools, as what they add to the launcher's layer: nodes store QEMU once.
inputs=("$PODVISOR_ROOT/agent/packages.txt" "$PODVISOR_ROOT/agent/keep.txt" "$here/rootfs" "$(layer_hash launcher)")

build_layer() {
  local base=$work/base
  "$here/rootfs" trixie "$PODVISOR_ROOT/agent" "$1"
  mkdir "$base"
  tar -C "$base" -xf "$(layer_tar launcher)"
  remove_same_files "$1" "$base"
}
