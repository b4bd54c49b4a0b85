# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
packages=(gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd/multus)
