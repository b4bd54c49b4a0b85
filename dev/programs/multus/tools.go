//go:build tools

// Package multus pins the thin Multus plugin of the local cluster.
package multus

import (
	_ "gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd/multus"
)
