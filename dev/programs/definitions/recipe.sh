# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
# No programs: CustomResourceDefinitions of others that the scheduler extender reads, for its tests. Nothing imports these modules, so
# `go mod tidy` would drop them; a new pin is written to go.mod by hand, and `go mod download MODULE` here adds its checksum.
copies_of=(
  github.com/k8stopologyawareschedwg/noderesourcetopology-api
  github.com/k8snetworkplumbingwg/sriov-network-operator
  github.com/longhorn/longhorn-manager
)
copies=(
  manifests/crd.yaml
  config/crd/bases/sriovnetwork.openshift.io_sriovnetworknodestates.yaml
  k8s/crds.yaml
)
