# shellcheck shell=bash disable=SC2034 # read by dev/programs/build
packages=(
  k8s.io/kubernetes/cmd/kube-apiserver
  k8s.io/kubernetes/cmd/kube-controller-manager
  k8s.io/kubernetes/cmd/kube-proxy
  k8s.io/kubernetes/cmd/kube-scheduler
  k8s.io/kubernetes/cmd/kubectl
  k8s.io/kubernetes/cmd/kubelet
  go.etcd.io/etcd/server/v3
)
# Without a version clients see v0.0.0 and checks for features by version go wrong.
version_module=k8s.io/kubernetes
version_flags=(
  k8s.io/component-base/version.gitVersion=@VERSION@
  k8s.io/component-base/version.gitMajor=@MAJOR@
  k8s.io/component-base/version.gitMinor=@MINOR@
  k8s.io/client-go/pkg/version.gitVersion=@VERSION@
)
rename=(server etcd)
