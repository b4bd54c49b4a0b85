import type { KubeObject } from '../../kube/objects.ts';

/** A NetworkAttachmentDefinition whose CNI configuration is `config`. */
export function attachment(
  name: string,
  config: object,
  annotations: Readonly<Record<string, string>> = {},
  namespace = 'default',
): KubeObject {
  return {
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { name, namespace, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: { config: JSON.stringify({ cniVersion: '1.0.0', name, ...config }) },
  };
}
