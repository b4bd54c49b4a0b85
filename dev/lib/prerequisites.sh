#!/bin/bash
# Installs what building and running the local cluster and the images needs and is missing: Debian packages, and Go when there
# is none from 1.21 on (any such Go fetches the pinned toolchain by itself). Does nothing, quickly, when all is there.
# Run it (dev/lib/prerequisites.sh) or source it and call ensure_prerequisites.

# shellcheck source=steps.sh
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
# shellcheck source=programs.sh
. "$(dirname "${BASH_SOURCE[0]}")/programs.sh"

# What each is for: nodes and their pods; certificates and JSON; building C and Go programs; building images; tools of tests.
REQUIRED_PACKAGES=(
  runc iproute2 nftables conntrack socat util-linux procps kmod mount e2fsprogs
  openssl jq curl ca-certificates
  gcc libc6-dev make git
  mmdebstrap busybox-static cpio zstd xz-utils rsync dosfstools mtools fdisk syslinux extlinux syslinux-common
  qemu-utils qemu-system-x86 dnsmasq-base
)

# Backports of Debian 12, whose own Go is 1.19.
BACKPORTS_GO=golang-1.23-go
BACKPORTS_LIST=/etc/apt/sources.list.d/podvisor-backports.list

ensure_prerequisites() {
  ((EUID == 0)) || fail 'The local cluster makes namespaces, mounts and cgroups: run this as root'
  local missing
  missing=$(missing_packages)
  # shellcheck disable=SC2086 # a list of words
  [[ -z $missing ]] || step 'Installing Debian packages' install_packages $missing
  go_program >/dev/null || step 'Installing Go' install_go
}

missing_packages() {
  command -v dpkg-query >/dev/null || fail 'The local cluster installs Debian packages; this is not Debian or a derivative of it'
  comm -23 <(printf '%s\n' "${REQUIRED_PACKAGES[@]}" | LC_ALL=C sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${REQUIRED_PACKAGES[@]}" 2>/dev/null | sed -n 's/^installed //p' | LC_ALL=C sort -u) |
    tr '\n' ' '
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600 "$@"
}

install_packages() {
  printf 'Missing: %s\n' "$*"
  # Lists on a fresh machine may be absent or name versions the mirror no longer has.
  apt install --no-install-recommends "$@" && return 0
  apt update
  apt install --no-install-recommends "$@"
}

install_go() {
  local candidate
  apt update
  candidate=$(apt-cache policy golang-go | sed -n 's/^ *Candidate: [0-9]*:1\.\([0-9]*\).*/\1/p')
  if ((${candidate:-0} >= 21)); then
    install_packages golang-go
    return
  fi
  printf 'deb http://deb.debian.org/debian %s-backports main\n' "$(. /etc/os-release && echo "$VERSION_CODENAME")" >"$BACKPORTS_LIST"
  apt update
  apt install --no-install-recommends "$BACKPORTS_GO"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  ensure_prerequisites
fi
