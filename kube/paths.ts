/** A kind of object as the API server's URLs name it. The core group is ''. */
export interface ResourceKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** Kinds this product talks about. */
export const KINDS = {
  pods: { group: '', version: 'v1', plural: 'pods' },
  nodes: { group: '', version: 'v1', plural: 'nodes' },
  namespaces: { group: '', version: 'v1', plural: 'namespaces' },
  secrets: { group: '', version: 'v1', plural: 'secrets' },
  configMaps: { group: '', version: 'v1', plural: 'configmaps' },
  services: { group: '', version: 'v1', plural: 'services' },
  events: { group: 'events.k8s.io', version: 'v1', plural: 'events' },
  disruptionBudgets: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets' },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
  networkAttachments: { group: 'k8s.cni.cncf.io', version: 'v1', plural: 'network-attachment-definitions' },
  resourceSlices: { group: 'resource.k8s.io', version: 'v1', plural: 'resourceslices' },
  claims: { group: '', version: 'v1', plural: 'persistentvolumeclaims' },
  volumes: { group: '', version: 'v1', plural: 'persistentvolumes' },
  storageClasses: { group: 'storage.k8s.io', version: 'v1', plural: 'storageclasses' },
  storageCapacities: { group: 'storage.k8s.io', version: 'v1', plural: 'csistoragecapacities' },
  csiNodes: { group: 'storage.k8s.io', version: 'v1', plural: 'csinodes' },
  volumeAttachments: { group: 'storage.k8s.io', version: 'v1', plural: 'volumeattachments' },
  longhornReplicas: { group: 'longhorn.io', version: 'v1beta2', plural: 'replicas' },
  longhornNodes: { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' },
  longhornSettings: { group: 'longhorn.io', version: 'v1beta2', plural: 'settings' },
  longhornVolumes: { group: 'longhorn.io', version: 'v1beta2', plural: 'volumes' },
  topolvmVolumes: { group: 'topolvm.io', version: 'v1', plural: 'logicalvolumes' },
  openebsVolumes: { group: 'local.openebs.io', version: 'v1alpha1', plural: 'lvmvolumes' },
  openebsNodes: { group: 'local.openebs.io', version: 'v1alpha1', plural: 'lvmnodes' },
  policies: { group: 'podvisor.dev', version: 'v1alpha1', plural: 'virtualmachinepolicies' },
  nodeReports: { group: 'podvisor.dev', version: 'v1alpha1', plural: 'nodereports' },
  nodeResourceTopologies: { group: 'topology.node.k8s.io', version: 'v1alpha2', plural: 'noderesourcetopologies' },
  sriovNodeStates: { group: 'sriovnetwork.openshift.io', version: 'v1', plural: 'sriovnetworknodestates' },
  tokenReviews: { group: 'authentication.k8s.io', version: 'v1', plural: 'tokenreviews' },
  subjectAccessReviews: { group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews' },
  selfSubjectReviews: { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews' },
  mutatingWebhooks: { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'mutatingwebhookconfigurations' },
  validatingWebhooks: { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
  admissionPolicies: { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicies' },
  admissionPolicyBindings: { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicybindings' },
} as const satisfies Record<string, ResourceKind>;

/**
 * URL path of a kind, or of one object of it: `/api/v1/namespaces/NS/pods/NAME/status`. Leave `namespace` out for cluster
 * objects and for all namespaces; leave `name` out for the collection.
 */
export function pathOf(kind: ResourceKind, at: { namespace?: string; name?: string; subresource?: string } = {}): string {
  const root = kind.group === '' ? ['api', kind.version] : ['apis', kind.group, kind.version];
  const parts = [
    ...root,
    ...(at.namespace === undefined ? [] : ['namespaces', at.namespace]),
    kind.plural,
    ...(at.name === undefined ? [] : [at.name]),
    ...(at.subresource === undefined ? [] : [at.subresource]),
  ];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
