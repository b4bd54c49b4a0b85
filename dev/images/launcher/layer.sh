# shellcheck shell=bash disable=SC2034
inputs=("$PODVISOR_ROOT/launcher" "$here/rootfs")

build_layer() {
  "$here/rootfs" trixie "$PODVISOR_ROOT/launcher" "$1"
}
