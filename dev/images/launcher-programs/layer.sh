# shellcheck shell=bash disable=SC2034
# Our own scripts in the launcher. Small and on top, so that a change of them rebuilds nothing else.
inputs=("$PODVISOR_ROOT/launcher/podvisor-launch" "$PODVISOR_ROOT/launcher/podvisor-prepare" "$PODVISOR_ROOT/launcher/kvm-selftest")

build_layer() {
  mkdir -p "$1/usr/bin"
  install -m 755 "${inputs[@]}" "$1/usr/bin/"
}
