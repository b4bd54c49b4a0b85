# shellcheck shell=bash disable=SC2034
# Busybox for plain pods and sidecars in tests: httpd, sh, sleep, wget… for any user.
inputs=("$here/plain")

build_layer() {
  local unpacked=$work/unpacked applet
  unpack_packages trixie "$here/plain" "$unpacked"
  mkdir -p "$1"/{bin,etc,tmp,www,proc,sys,dev} && chmod 1777 "$1/tmp"
  cp "$unpacked/usr/bin/busybox" "$1/bin/busybox"
  for applet in $(chroot "$unpacked" /usr/bin/busybox --list); do
    [[ $applet == busybox ]] || ln -s busybox "$1/bin/$applet"
  done
  echo plain >"$1/www/index.html"
  echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >"$1/etc/passwd"
  echo 'nogroup:x:65534:' >"$1/etc/group"
}
