/** The objects our e2e tests apply: what a user would write, nothing more. */

export const TINY = 'localhost/podvisor/guest-tiny:dev';
export const PLAIN = 'localhost/podvisor/plain:dev';

/** A pod spec with one guest container that serves HTTP on port 80. Fields in `guest` and `pod` win. */
export function guestSpec(guest: object = {}, pod: object = {}): object {
  return {
    terminationGracePeriodSeconds: 20,
    containers: [
      {
        name: 'guest',
        image: TINY,
        ports: [{ containerPort: 80 }],
        resources: { limits: { memory: '128Mi' }, requests: { cpu: '100m' } },
        readinessProbe: { httpGet: { port: 80, path: '/' }, periodSeconds: 1 },
        ...guest,
      },
    ],
    ...pod,
  };
}

export interface VmOptions {
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly guest?: object;
  readonly pod?: object;
}

/** A labelled Pod. */
export function vmPod(name: string, options: VmOptions = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { 'podvisor.dev/vm': 'true', app: name, ...options.labels },
      ...(options.annotations ? { annotations: options.annotations } : {}),
    },
    spec: guestSpec(options.guest, options.pod),
  };
}

/** A VM with these claims of its namespace as its disks; the first is /dev/vdb. */
export function vmWithDisks(name: string, ...claims: readonly string[]): object {
  const volumeDevices = claims.map((claim) => ({ name: claim, devicePath: `/dev/${claim}` }));
  const volumes = claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: claim } }));
  return vmPod(name, { guest: { volumeDevices }, pod: { volumes } });
}

/** A claim for a block device. */
export function blockClaim(name: string, storage: string, fields: object = {}): object {
  const spec = { accessModes: ['ReadWriteOnce'], volumeMode: 'Block', resources: { requests: { storage } }, ...fields };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec };
}

/** The pod template of a workload whose pods are VMs. */
export function vmTemplate(app: string, options: VmOptions = {}): object {
  return {
    metadata: { labels: { 'podvisor.dev/vm': 'true', app, ...options.labels }, annotations: options.annotations ?? {} },
    spec: guestSpec(options.guest, options.pod),
  };
}

/** What Pod Security `restricted` wants of an ordinary container. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  runAsUser: 65534,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** An ordinary pod, to look at VMs from, or to compare with. */
export function plainPod(name: string, command: readonly string[] = ['sleep', '3600'], pod: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: PLAIN, command, securityContext: restrictedContainer }],
      ...pod,
    },
  };
}

/** A ClusterIP Service on port 80 of pods with label `app`. */
export function service(app: string): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: app }, spec: { selector: { app }, ports: [{ port: 80 }] } };
}
