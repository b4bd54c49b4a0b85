import type { Container, ObjectMeta, Pod, PodSpec } from '../../api/pod.ts';

/** Builders of pods for tests: sensible by default, every field open to a test. */

/** A container with nothing but name and image. */
export function container(fields: Partial<Container> = {}): Container {
  return { name: 'side', image: 'localhost/podvisor/plain:dev', ...fields };
}

/** A guest container: 1 CPU, 128Mi. */
export function guestContainer(fields: Partial<Container> = {}): Container {
  return container({
    name: 'guest',
    image: 'localhost/podvisor/guest-tiny:dev',
    resources: { limits: { cpu: '1', memory: '128Mi' } },
    ...fields,
  });
}

export interface PodFields {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly metadata?: Partial<ObjectMeta>;
  readonly containers?: readonly Container[];
  readonly spec?: Partial<PodSpec>;
}

/** A pod that is not a VM. */
export function plainPod({ name = 'vm', namespace = 'default', ...fields }: PodFields = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(fields.uid === undefined ? {} : { uid: fields.uid }),
      ...(fields.labels === undefined ? {} : { labels: fields.labels }),
      ...(fields.annotations === undefined ? {} : { annotations: fields.annotations }),
      ...fields.metadata,
    },
    spec: { containers: fields.containers ?? [container()], ...fields.spec },
  };
}

/** A pod labelled as a VM, as a user writes it. `guest` changes its guest container, `sidecars` follow it. */
export function vmPod(fields: PodFields & { guest?: Partial<Container>; sidecars?: readonly Container[] } = {}): Pod {
  const { guest, sidecars = [], ...rest } = fields;
  return plainPod({
    containers: [guestContainer(guest), ...sidecars],
    ...rest,
    labels: { 'podvisor.dev/vm': 'true', ...rest.labels },
  });
}

/**
 * The same pod with what the API server and its built-in admission fill in before a webhook sees it: defaults, requests from limits, the
 * service-account token.
 */
export function withDefaults(pod: Pod): Pod {
  const token = { name: 'kube-api-access-abcde', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  return {
    ...pod,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      serviceAccount: 'default',
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      ...pod.spec,
      volumes: [...(pod.spec.volumes ?? []), { name: token.name, projected: { defaultMode: 420, sources: [] } }],
      containers: pod.spec.containers.map((one) => ({
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
        ...one,
        resources: { ...one.resources, requests: { ...one.resources?.limits, ...one.resources?.requests } },
        volumeMounts: [...(one.volumeMounts ?? []), token],
      })),
    },
  };
}
