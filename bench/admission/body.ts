import { container, vmPod, withDefaults } from '../../test/build/pod.ts';

const managedField = (name: string): object => ({ [`f:${name}`]: { '.': {}, 'f:name': {}, 'f:value': {} } });

/** An AdmissionReview of about 6 KB: what the API server sends for the VM pod of a Deployment with a sidecar, defaults and managed fields included. */
export function reviewBody(operation: 'mutate' | 'validate', change: (pod: object) => object = (pod) => pod): string {
  const env = Array.from({ length: 12 }, (_, index) => ({ name: `SETTING_${index}`, value: `value-${index}` }));
  const pod = withDefaults(
    vmPod({
      name: 'vm-7d4b9c6f5d-x2x8p',
      namespace: 'bench',
      labels: { app: 'vm', 'pod-template-hash': '7d4b9c6f5d' },
      annotations: { 'podvisor.dev/cpu-topology': 'sockets=1,cores=2' },
      metadata: {
        generateName: 'vm-7d4b9c6f5d-',
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'vm-7d4b9c6f5d', uid: '0c5f4f0a', controller: true },
        ],
        managedFields: [{ manager: 'kube-controller-manager', fieldsV1: env.map(({ name }) => managedField(name)) }],
      },
      guest: { resources: { limits: { cpu: '2', memory: '1Gi' } }, readinessProbe: { httpGet: { port: 80, path: '/' } } },
      sidecars: [container({ env })],
    }),
  );
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '7a3b1d0e-0000-4000-8000-000000000000',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'bench',
      name: operation === 'mutate' ? '' : 'vm-7d4b9c6f5d-x2x8p',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: ['system:authenticated'] },
      dryRun: false,
      object: change(pod),
      oldObject: null,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    },
  });
}

/** As {@link reviewBody} for mutation, each time another of `count` templates. */
export function differentBodies(count: number): () => string {
  const body = reviewBody('mutate');
  const bodies = Array.from({ length: count }, (_, index) => body.replaceAll('7d4b9c6f5d', String(index).padStart(10, '0')));
  let sent = 0;
  return () => bodies[sent++ % count] ?? body;
}
