# shellcheck shell=bash
# What the layer recipes (dev/images/NAME/layer.sh) share; dev/images/README.md says what a recipe defines.

# unpack_packages SUITE DIRECTORY OUT: unpacks the packages of DIRECTORY/packages.txt with what they depend on.
unpack_packages() {
  local archive=http://deb.debian.org/debian
  mmdebstrap --quiet --mode=root --variant=extract --aptopt='APT::Install-Recommends "false"' \
    --include="$(sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$2/packages.txt" | paste -sd,)" \
    "$1" "$3" "deb $archive $1 main" "deb http://security.debian.org/debian-security $1-security main"
}

# make_initramfs TREE OUT: the same bytes for the same tree.
make_initramfs() {
  find "$1" -exec touch -h -d @0 {} +
  (cd "$1" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0 | gzip -9n) >"$2"
}

# make_bios_disk KERNEL INITRD COMMAND_LINE OUT: a raw FAT disk that a BIOS boots through syslinux.
make_bios_disk() {
  local disk=$4 config
  config=$(mktemp)
  printf 'DEFAULT linux\nPROMPT 0\nLABEL linux\n KERNEL vmlinuz\n INITRD initrd.img\n APPEND %s\n' "$3" >"$config"
  truncate -s "${5:-24M}" "$disk"
  # Without a partition table: the FAT boot sector is the disk's first. SOURCE_DATE_EPOCH and a fixed id: same bytes again.
  SOURCE_DATE_EPOCH=0 mkfs.vfat -i 50445653 --invariant "$disk" >/dev/null
  syslinux --install "$disk"
  SOURCE_DATE_EPOCH=0 mcopy -i "$disk" "$1" ::vmlinuz
  SOURCE_DATE_EPOCH=0 mcopy -i "$disk" "$2" ::initrd.img
  SOURCE_DATE_EPOCH=0 mcopy -i "$disk" "$config" ::syslinux.cfg
  rm "$config"
}

# add_efi_boot UNPACKED COMMAND_LINE DISK: makes a disk of make_bios_disk start by UEFI too, Secure Boot included: Debian's signed shim
# and GRUB, which accept Debian's signed kernel.
add_efi_boot() {
  local config
  config=$(mktemp)
  printf 'linux /vmlinuz %s\ninitrd /initrd.img\nboot\n' "$2" >"$config"
  SOURCE_DATE_EPOCH=0 mmd -i "$3" ::EFI ::EFI/BOOT ::EFI/debian
  SOURCE_DATE_EPOCH=0 mcopy -i "$3" "$1/usr/lib/shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
  SOURCE_DATE_EPOCH=0 mcopy -i "$3" "$1/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" ::EFI/BOOT/grubx64.efi
  SOURCE_DATE_EPOCH=0 mcopy -i "$3" "$config" ::EFI/debian/grub.cfg
  rm "$config"
}
