/** Reasons of a failed pod that say a kubelet did not admit it (Kubernetes: pkg/kubelet/lifecycle, cm/topologymanager, cm/admission). */
export function isRefusal(reason: string | undefined): boolean {
  return reason === 'TopologyAffinityError' || reason === 'UnexpectedAdmissionError' || reason?.startsWith('OutOf') === true;
}
