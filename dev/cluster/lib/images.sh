# shellcheck shell=bash
# Images into the nodes' containerd, without a registry.

# pause_image: the archive of localhost/pause:1, made when it is missing; prints its path.
pause_image() {
  local program archive work
  program=$(program_dir pause)
  archive=$PODVISOR_CACHE/images/$(basename "$(dirname "$program")").tar
  if [[ ! -f $archive ]]; then
    mkdir -p "$PODVISOR_CACHE/images"
    work=$(mktemp -d "$PODVISOR_CACHE/images/.pause.XXXXXX")
    pack_pause_image "$program/pause" "$work"
    mv "$work/image.tar" "$archive"
    rm -r "$work"
  fi
  printf '%s' "$archive"
}

pack_pause_image() {
  local work=$2 digest
  local reproducible=(--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner)
  mkdir "$work/root"
  install -m 755 "$1" "$work/root/pause"
  tar "${reproducible[@]}" -C "$work/root" -cf "$work/layer.tar" pause
  digest=$(sha256sum "$work/layer.tar")
  jq -n --arg id "sha256:${digest%% *}" \
    '{architecture: "amd64", os: "linux", config: {Entrypoint: ["/pause"], User: "65535:65535"}, rootfs: {type: "layers", diff_ids: [$id]}}' \
    >"$work/config.json"
  echo '[{"Config": "config.json", "RepoTags": ["localhost/pause:1"], "Layers": ["layer.tar"]}]' >"$work/manifest.json"
  tar "${reproducible[@]}" -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar
}

# load_images NODE ARCHIVE…: skips an archive whose names were last loaded from the same content and are still there.
load_images() {
  local node=$1 archive present
  shift
  mkdir -p "$PODVISOR_CACHE/nodes/$node/loaded"
  present=$(in_node "$node" ctr -n k8s.io images ls -q)
  for archive in "$@"; do load_image "$node" "$archive" "$present"; done
}

load_image() {
  local node=$1 archive=$2 present=$3 content names name wanted=no
  content=$(archive_content "$archive")
  mapfile -t names < <(archive_names "$archive")
  for name in "${names[@]}"; do
    if [[ $'\n'$present$'\n' != *$'\n'"$name"$'\n'* || $(cat "$(loaded_marker "$node" "$name")" 2>/dev/null) != "$content" ]]; then
      wanted=yes
    fi
  done
  [[ $wanted == yes ]] || return 0
  in_node "$node" ctr -n k8s.io images import "$(realpath "$archive")"
  for name in "${names[@]}"; do printf '%s\n' "$content" >"$(loaded_marker "$node" "$name")"; done
}

# What identifies the content without reading the layers: the configuration names their digests. An OCI layout's index does.
archive_content() {
  local hash
  hash=$(tar -xOf "$1" --wildcards manifest.json 'config.json' '*.json' 2>/dev/null | sha256sum)
  printf '%s' "${hash%% *}"
}

archive_names() { tar -xOf "$1" manifest.json | jq -r '.[].RepoTags[]'; }

loaded_marker() { printf '%s/nodes/%s/loaded/%s' "$PODVISOR_CACHE" "$1" "${2//\//_}"; }

# check_archive FILE: fails with a reason when it is not what `load_images` can read.
check_archive() {
  [[ -f $1 ]] || fail "$1: no such file"
  tar -xOf "$1" manifest.json 2>/dev/null | jq -e '.[0].RepoTags[0]' >/dev/null 2>&1 ||
    fail "$1: not an image archive with a name (a tar with manifest.json and RepoTags, as \`docker save\` writes it)"
}
