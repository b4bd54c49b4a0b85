# shellcheck shell=bash
# Where things live. Sourced by every script under dev/; sets variables only.
#
# PODVISOR_ROOT   the checkout
# PODVISOR_CACHE  what is worth keeping between clusters and checkouts: programs, images, the nodes' image stores
# CLUSTER_DIR     everything of one running cluster (gitignored)
# MACHINE_DIR     what a second checkout has to know: who owns this machine's cluster. In /run, so a reboot forgets it

PODVISOR_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
PODVISOR_CACHE=${PODVISOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podvisor}
CLUSTER_DIR=$PODVISOR_ROOT/.cluster
MACHINE_DIR=/run/podvisor-cluster
LOG_DIR=${PODVISOR_LOGS:-$CLUSTER_DIR/logs}

export PODVISOR_ROOT PODVISOR_CACHE CLUSTER_DIR MACHINE_DIR LOG_DIR
