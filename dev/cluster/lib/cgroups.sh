# shellcheck shell=bash
# The nodes' cgroups, /podvisor/<node> in every hierarchy, for cgroup v1 (a hierarchy a controller) and v2 (one for all).
# /podvisor/<node>/system holds the node's own programs; beside it the kubelet makes kubepods.

cgroup_is_v2() { [[ -f /sys/fs/cgroup/cgroup.controllers ]]; }

# The roots of the mounted hierarchies, one a line.
cgroup_roots() {
  if cgroup_is_v2; then
    printf '/sys/fs/cgroup\n'
  else
    awk '$3 == "cgroup" { print $2 }' /proc/self/mounts
  fi
}

make_node_cgroups() {
  local root node=$1
  while read -r root; do
    mkdir -p "$root/$CGROUP/$node/system"
    if cgroup_is_v2; then
      share_controllers "$root" "$root/$CGROUP" "$root/$CGROUP/$node"
    elif [[ -f $root/cpuset.cpus ]]; then
      copy_cpuset "$root" "$root/$CGROUP" "$root/$CGROUP/$node" "$root/$CGROUP/$node/system"
    fi
  done < <(cgroup_roots)
}

# v2: a controller works in a directory when the one above says so.
share_controllers() {
  local directory controller
  for directory in "$@"; do
    for controller in $(<"$directory/cgroup.controllers"); do
      echo "+$controller" >"$directory/cgroup.subtree_control" 2>/dev/null || true
    done
  done
}

# v1: a new cpuset is empty, and no process may enter an empty one.
copy_cpuset() {
  local above=$1 directory file
  shift
  for directory in "$@"; do
    for file in cpuset.cpus cpuset.mems; do cat "$above/$file" >"$directory/$file"; done
    above=$directory
  done
}

# enter_node_cgroups NODE: moves the calling shell.
enter_node_cgroups() {
  local root
  while read -r root; do
    # 0 is the writer itself, whatever pid namespace it is in.
    [[ ! -d $root/$CGROUP/$1/system ]] || echo 0 >"$root/$CGROUP/$1/system/cgroup.procs"
  done < <(cgroup_roots)
}

# v1: the hierarchy of huge pages, which some machines leave out, mounted below DIRECTORY.
mount_hugetlb_hierarchy() {
  if cgroup_is_v2 || mountpoint -q "$1/hugetlb" || ! hugetlb_is_enabled; then return 0; fi
  mkdir -p "$1/hugetlb"
  mount -t cgroup -o hugetlb cgroup "$1/hugetlb"
}

hugetlb_is_enabled() { [[ $(awk '$1 == "hugetlb" { print $4 }' /proc/cgroups) == 1 ]]; }

# leftover_cgroups: the cluster's cgroups in all hierarchies the machine has mounted, deepest first.
leftover_cgroups() {
  local root
  while read -r root; do
    [[ ! -d $root/$CGROUP ]] || find "$root/$CGROUP" -depth -type d
  done < <(cgroup_roots)
}

# A cgroup is busy for a moment after its last process ended.
remove_cgroups() {
  wait_until 10 'the cgroups go' remove_cgroups_once || true
  cgroup_is_v2 || remove_hugetlb_cgroups
}

remove_cgroups_once() {
  leftover_cgroups | while read -r directory; do rmdir "$directory" || true; done
  [[ -z $(leftover_cgroups) ]]
}

# A v1 hierarchy goes when nothing has it mounted and it has no cgroups, so it is mounted once more to empty it.
remove_hugetlb_cgroups() {
  ! mountpoint -q /sys/fs/cgroup/hugetlb || return 0
  # The nodes' mount point, on a file system they share with the machine.
  [[ ! -d /sys/fs/cgroup/hugetlb ]] || rmdir /sys/fs/cgroup/hugetlb
  [[ $(awk '$1 == "hugetlb" { print $2 }' /proc/cgroups) != 0 ]] || return 0
  local directory
  directory=$(mktemp -d)
  mount -t cgroup -o hugetlb cgroup "$directory"
  [[ ! -d $directory/$CGROUP ]] || find "$directory/$CGROUP" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  umount "$directory"
  rmdir "$directory"
}
