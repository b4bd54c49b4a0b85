# shellcheck shell=bash
# shellcheck source=paths.sh
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

# unpack_image NAME OUT: builds an image of ours and unpacks its files.
unpack_image() {
  local archive blob unpacked
  archive=$("$PODVISOR_ROOT/dev/images/build" "$1")
  unpacked=$(mktemp -d)
  mkdir -p "$2"
  tar -C "$unpacked" -xf "$archive"
  for blob in $("$PODVISOR_ROOT/dev/node" -p "JSON.parse(require('fs').readFileSync('$unpacked/manifest.json', 'utf8'))[0].Layers.join(' ')"); do
    tar -C "$2" -xf "$unpacked/$blob"
  done
  rm -rf "$unpacked"
}
