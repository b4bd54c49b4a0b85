# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
packages=(github.com/coredns/coredns)
