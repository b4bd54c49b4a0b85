# shellcheck shell=bash disable=SC2034
# The big test guest: Debian 12 with systemd, cloud-init and the guest agent on an ext4 root, booted by the BIOS.
inputs=("$here/guest-debian")
guest_root_mib=1500
guest_boot_mib=98

build_layer() {
  install_guest_debian "$work/guest"
  configure_guest_debian "$work/guest"
  make_guest_debian_disk "$work/guest" "$work/disk.raw"
  mkdir -p "$1/disk"
  qemu-img convert -c -f raw -O qcow2 "$work/disk.raw" "$1/disk/disk.qcow2"
  chmod 644 "$1/disk/disk.qcow2"
}

install_guest_debian() {
  local archive=http://deb.debian.org/debian path exclude=()
  for path in man doc locale info; do exclude+=("--dpkgopt=path-exclude=/usr/share/$path/*"); done
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt='APT::Install-Recommends "false"' "${exclude[@]}" \
    --include="$(sed -e 's/#.*//' -e '/^$/d' "$here/guest-debian/packages.txt" | paste -sd,)" \
    bookworm "$1" "deb $archive bookworm main" "deb http://security.debian.org/debian-security bookworm-security main"
}

configure_guest_debian() {
  cp -R "$here/guest-debian/overlay/." "$1/"
  ln -sf /run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"
  systemctl_in "$1" enable systemd-networkd systemd-resolved serial-getty@ttyS0 qemu-guest-agent ||
    true # the guest agent is started by its device and has nothing to enable
  # Made anew at the first boot, so that two guests of this image differ.
  rm -f "$1"/etc/ssh/ssh_host_*
  : >"$1/etc/machine-id"
}

systemctl_in() {
  local root=$1
  shift
  chroot "$root" systemctl "$@"
}

# Partition 1: FAT with syslinux, kernel and initrd; partition 2: the root. No loop device and no mount.
make_guest_debian_disk() {
  local root=$1 disk=$2 boot_sectors=$((guest_boot_mib * 2048))
  cp "$root"/boot/vmlinuz-* "$work/vmlinuz"
  cp "$root"/boot/initrd.img-* "$work/initrd.img"
  make_bios_disk "$work/vmlinuz" "$work/initrd.img" 'console=ttyS0 root=LABEL=root ro' "$work/boot.fat" "${guest_boot_mib}M"
  mkfs.ext4 -q -L root -d "$root" "$work/root.ext4" "${guest_root_mib}M"
  truncate -s $(((guest_boot_mib + guest_root_mib + 2) * 1024 * 1024)) "$disk"
  printf 'start=2048, size=%s, type=e, bootable\nstart=%s, type=83\n' "$boot_sectors" $((2048 + boot_sectors)) |
    sfdisk --quiet --label dos "$disk"
  dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc bs=440 count=1 status=none
  dd if="$work/boot.fat" of="$disk" conv=notrunc,sparse bs=1M seek=1 status=none
  dd if="$work/root.ext4" of="$disk" conv=notrunc,sparse bs=1M seek=$((1 + guest_boot_mib)) status=none
}
