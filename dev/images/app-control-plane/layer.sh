# shellcheck shell=bash disable=SC2034
# The webhook, the scheduler extender and the controllers. Small and on top, so that a change of code rebuilds nothing else.
inputs=("$here/app-control-plane" "$PODVISOR_ROOT/dist/webhook.js" "$PODVISOR_ROOT/dist/extender.js" "$PODVISOR_ROOT/dist/controllers.js")

build_layer() {
  mkdir -p "$1/app" "$1/etc"
  add_bundles "$1/app" webhook extender controllers
  echo 'podvisor:x:65532:65532:podvisor:/nonexistent:/usr/sbin/nologin' >"$1/etc/passwd"
  echo 'podvisor:x:65532:' >"$1/etc/group"
}
