# shellcheck shell=bash
# Archives: an OCI image layout with docker's manifest.json beside it, so that every loader reads it. Layers are named by
# digest, so a runtime that has a layer skips it.

# config_json CONFIG LAYER…
config_json() {
  local config=$1 layer ids=''
  shift
  for layer in "$@"; do ids+="${ids:+,}\"sha256:$(cat "$(layer_tar "$layer").digest")\""; done
  printf '{"architecture":"amd64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' "$config" "$ids"
}

# archive_path NAME CONFIG LAYER…: named by the config's hash, which holds the layers' digests.
archive_path() {
  local name=$1 hash
  shift
  hash=$(config_json "$@" | sha256sum | head -c 16)
  printf '%s/images/%s-%s.tar' "$PODVISOR_CACHE" "$name" "$hash"
}

# blob_descriptor TYPE FILE [EXTRA]
blob_descriptor() {
  printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s%s}' \
    "$1" "$(sha256sum "$2" | head -c 64)" "$(stat -Lc %s "$2")" "${3-}"
}

layer_descriptor() {
  local tar
  tar=$(layer_tar "$1")
  printf '{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}' \
    "$(cat "$tar.digest")" "$(stat -c %s "$tar")"
}

# add_blob DIRECTORY FILE: moves FILE under its digest.
add_blob() {
  local digest
  digest=$(sha256sum "$2" | head -c 64)
  mv "$2" "$1/blobs/sha256/$digest"
  printf 'blobs/sha256/%s' "$digest"
}

# pack_archive NAME CONFIG ARCHIVE LAYER…
pack_archive() {
  local name=$1 config=$2 archive=$3 reference=localhost/podvisor/$1:dev layer descriptors='' paths='' tree config_path
  shift 3
  tree=$(mktemp -d)
  # shellcheck disable=SC2064 # the directory as it is named now
  trap "rm -rf '$tree'" EXIT
  mkdir -p "$tree/blobs/sha256"
  for layer in "$@"; do
    descriptors+="${descriptors:+,}$(layer_descriptor "$layer")"
    paths+="${paths:+,}\"blobs/sha256/$(cat "$(layer_tar "$layer").digest")\""
    ln -sf "$(layer_tar "$layer")" "$tree/blobs/sha256/$(cat "$(layer_tar "$layer").digest")"
  done
  config_json "$config" "$@" >"$tree/config"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
    "$(blob_descriptor config.v1+json "$tree/config")" "$descriptors" >"$tree/manifest"
  # Docker's list has the short name in neither place: the full reference is what Kubernetes will ask for.
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' \
    "$(blob_descriptor manifest.v1+json "$tree/manifest" \
      ",\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"},\"annotations\":{\"io.containerd.image.name\":\"$reference\",\"org.opencontainers.image.ref.name\":\"$reference\"}")" \
    >"$tree/index.json"
  config_path=$(add_blob "$tree" "$tree/config")
  add_blob "$tree" "$tree/manifest" >/dev/null
  printf '[{"Config":"%s","RepoTags":["%s"],"Layers":[%s]}]' "$config_path" "$reference" "$paths" >"$tree/manifest.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$tree/oci-layout"
  # The layout's own files first, so that a reader that streams knows the format before the layers come.
  tar --mtime=@0 --owner=0 --group=0 --numeric-owner --dereference --hard-dereference -C "$tree" \
    -cf "$archive.new" oci-layout index.json manifest.json blobs
  mv "$archive.new" "$archive"
}

# Every change of code makes an archive; the newest three of each image are kept.
forget_old_archives() {
  local old
  # shellcheck disable=SC2012 # names without special characters, by time
  ls -t "$PODVISOR_CACHE/images/$1"-????????????????.tar | tail -n +4 | while read -r old; do rm -f "$old"; done
}
