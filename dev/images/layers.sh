# shellcheck shell=bash
# Layers: a tar of a tree, made by dev/images/NAME/layer.sh, in the cache under the hash of all that decides its content.

LAYER_DIR=$PODVISOR_CACHE/images/layers

# layer_hash NAME: over the recipe and its inputs: files, directories (by content and relative name) and plain strings.
layer_hash() (
  # shellcheck source=/dev/null
  . "$here/$1/layer.sh"
  {
    cat "$here/lib.sh" "$here/$1/layer.sh"
    for input in "${inputs[@]}"; do hash_input "$input"; done
  } | sha256sum | head -c 16
)

hash_input() {
  if [[ -d $1 ]]; then
    (cd "$1" && find . \( -type f -o -type l \) -not -name Dockerfile -not -name '*.md' -printf '%P %m %l\0' | LC_ALL=C sort -z &&
      find . -type f -not -name Dockerfile -not -name '*.md' -print0 | LC_ALL=C sort -z | xargs -0 cat)
  elif [[ -f $1 ]]; then
    basename "$1" && cat "$1"
  else
    printf '%s\n' "$1" # a string, or a file that is not there yet
  fi
}

layer_tar() {
  printf '%s/%s-%s.tar' "$LAYER_DIR" "$1" "$(layer_hash "$1")"
}

# Complete or absent: the digest beside the tar is written last.
build_layer_tar() {
  local tar work
  tar=$(layer_tar "$1")
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the directory as it is named now
  trap "rm -rf '$work'" EXIT
  mkdir "$work/root"
  # shellcheck source=/dev/null
  . "$here/$1/layer.sh"
  build_layer "$work/root"
  find "$LAYER_DIR" -name "$1-????????????????.tar*" -mtime +14 -delete
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=posix \
    --pax-option=delete=atime,delete=ctime -C "$work/root" -cf "$tar.new" .
  mv "$tar.new" "$tar"
  sha256sum "$tar" | head -c 64 >"$tar.digest"
}

# remove_same_files TREE BASE: what is left of TREE is what it adds to BASE.
remove_same_files() {
  local path
  while IFS= read -r -d '' path; do
    if [[ -L $1/$path ]]; then
      [[ -L $2/$path && $(readlink "$1/$path") == "$(readlink "$2/$path")" ]] && rm "$1/$path"
    elif [[ -f $2/$path && ! -L $2/$path ]]; then
      cmp -s "$1/$path" "$2/$path" && rm "$1/$path"
    fi
  done < <(find "$1" \( -type f -o -type l \) -printf '%P\0')
  return 0
}

# add_bundles DIRECTORY ROLE…: what `npm run build` made. Without it a stand-in that says so, so that images can be tried early.
add_bundles() {
  local directory=$1 role bundle
  shift
  for role in "$@"; do
    bundle=$PODVISOR_ROOT/dist/$role.js
    if [[ -s $bundle ]]; then
      install -m 644 "$bundle" "$directory/$role.js"
    else
      echo "note: dist/$role.js is missing (npm run build): the image gets a stand-in"
      echo "console.error('podvisor: this image was built before dist/$role.js existed'); process.exit(1);" >"$directory/$role.js"
    fi
  done
  echo '{"type":"module"}' >"$directory/package.json"
}
