# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
packages=(.)
# Its CustomResourceDefinitions, beside the program.
copies_of=github.com/cert-manager/cert-manager
copies=(deploy/crds)
