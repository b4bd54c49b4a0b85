# shellcheck shell=bash
# Where dev/programs/build puts programs. A group's directory is named after all that decides its content, so a changed pin
# or recipe is a new directory and checkouts with different pins can share one cache.

# shellcheck source=paths.sh
. "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

# shellcheck disable=SC2034 # for those who source this
PROGRAM_GROUPS=(pause definitions cni containerd multus coredns kubernetes)

# program_dir GROUP: the group's bin directory, built or not.
program_dir() {
  local source=$PODVISOR_ROOT/dev/programs/$1 hash
  hash=$(cd "$source" && cat recipe.sh go.mod go.sum ./*.c main.go 2>/dev/null | sha256sum)
  printf '%s/programs/%s-%s/bin' "$PODVISOR_CACHE" "$1" "${hash:0:16}"
}

# go_program: a Go new enough to fetch the pinned toolchain by itself; Debian's own may be older, so the usual places first.
go_program() {
  local candidate
  for candidate in go /usr/local/go/bin/go /usr/lib/go-1.{30..21}/bin/go; do
    candidate=$(command -v "$candidate") || continue
    go_is_new_enough "$candidate" && printf '%s' "$candidate" && return 0
  done
  return 1
}

go_is_new_enough() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  version=${version#go1.}
  ((${version%%[!0-9]*} >= 21))
}
