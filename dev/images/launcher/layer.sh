# shellcheck shell=bash disable=SC2034
# QEMU and what the launcher's scripts use: the big layer, which the agent's image shares.
source_dir=$PODVISOR_ROOT/launcher
inputs=("$source_dir/packages.txt" "$source_dir/keep.txt" "$source_dir/finish-rootfs" "$here/rootfs")

build_layer() {
  "$here/rootfs" trixie "$source_dir" "$1"
}
