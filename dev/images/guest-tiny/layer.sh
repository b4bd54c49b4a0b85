# shellcheck shell=bash disable=SC2034
# The small test guest: a kernel and a busybox userland in one initramfs, as a disk that BIOS and UEFI (with Secure Boot) start, and as
# kernel + initrd.
# Extra packages of this machine: mmdebstrap kmod cpio syslinux mtools dosfstools qemu-utils
inputs=("$here/guest-tiny")

build_layer() {
  local out=$1 unpacked tree
  unpacked=$work/unpacked tree=$work/tree
  unpack_packages bookworm "$here/guest-tiny" "$unpacked"
  mkdir -p "$tree"/{bin,dev,proc,sys,lib/modules} "$out"/{disk,boot}
  cp -R "$here/guest-tiny/overlay/." "$tree/"
  cp "$unpacked/bin/busybox" "$tree/bin/busybox"
  chroot "$unpacked" /bin/busybox --list | while read -r applet; do
    [[ $applet == busybox ]] || ln -s busybox "$tree/bin/$applet"
  done
  ln -s bin/init "$tree/init"
  ln -s bin "$tree/sbin"
  guest_tiny_modules "$unpacked" "$tree/lib/modules"
  cp "$unpacked"/boot/vmlinuz-* "$out/boot/vmlinuz"
  chmod 644 "$out/boot/vmlinuz"
  make_initramfs "$tree" "$out/boot/initrd.img"
  make_bios_disk "$out/boot/vmlinuz" "$out/boot/initrd.img" 'console=ttyS0 quiet panic=-1' "$work/disk.raw" 32M
  add_efi_boot "$unpacked" 'console=ttyS0 quiet panic=-1' "$work/disk.raw"
  qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$out/disk/disk.qcow2"
  # For the launcher's user, who is not root.
  chmod 644 "$out/disk/disk.qcow2" "$out/boot/initrd.img"
}

# The modules with what they need, in loading order.
guest_tiny_modules() {
  local version module path
  version=$(basename "$1"/lib/modules/*)
  depmod -b "$1" "$version"
  while read -r module; do
    modprobe -d "$1" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done < <(sed -e 's/#.*//' -e '/^$/d' "$here/guest-tiny/modules.txt") | awk '!seen[$0]++' |
    while read -r path; do
      cp "$path" "$2/"
      basename "$path" >>"$2/order"
    done
}
