# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
packages=(
  github.com/containerd/containerd/v2/cmd/containerd
  github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
  github.com/containerd/containerd/v2/cmd/ctr
)
tags=no_btrfs,no_zfs,no_devmapper
version_module=github.com/containerd/containerd/v2
version_flags=(github.com/containerd/containerd/v2/version.Version=@VERSION@)
