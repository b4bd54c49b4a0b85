module podvisor.dev/dev/programs/definitions

go 1.26.0

require (
	github.com/k8snetworkplumbingwg/sriov-network-operator v1.5.0
	github.com/k8stopologyawareschedwg/noderesourcetopology-api v0.1.2
	github.com/longhorn/longhorn-manager v1.10.0
)
