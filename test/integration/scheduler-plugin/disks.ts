import type { KubeClient } from '../../../kube/client.ts';
import { KINDS, pathOf } from '../../../kube/paths.ts';
import { eventually } from '../../build/eventually.ts';
import type { PodTemplate } from './objects.ts';

const CLAIMS = pathOf(KINDS.claims, { namespace: 'default' });
/** Of volumes that nobody has to make. */
const THERE = 'there';

/** A claim of a disk of 3 GiB. */
export async function createClaim(client: KubeClient, name: string, storageClassName: string, volumeName?: string): Promise<void> {
  const spec = { accessModes: ['ReadWriteOnce'], volumeMode: 'Block', resources: { requests: { storage: '3Gi' } } };
  const volume = volumeName === undefined ? {} : { volumeName };
  const body = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec: { ...spec, storageClassName, ...volume } };
  await client.create(CLAIMS, body);
} // prettier-ignore

/** The class of {@link createBoundVolume}. */
export async function createClassThere(client: KubeClient): Promise<void> {
  const kind = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' };
  const how = { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'Immediate' };
  await client.create(pathOf(KINDS.storageClasses), { ...kind, metadata: { name: THERE }, ...how });
}

/** A volume that is bound to a claim of its name, by Kubernetes' own controller; `source` are fields of its spec. */
export async function createBoundVolume(client: KubeClient, name: string, source: object): Promise<void> {
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name };
  const spec = { capacity: { storage: '3Gi' }, accessModes: ['ReadWriteOnce'], volumeMode: 'Block', storageClassName: THERE, claimRef };
  await client.create(pathOf(KINDS.volumes), { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { ...spec, ...source } });
  await createClaim(client, name, THERE, name);
  await eventually(`${name} is bound`, async () => {
    const { status } = await client.get<{ status?: { phase?: string } }>(`${CLAIMS}/${name}`);
    return status?.phase === 'Bound';
  });
} // prettier-ignore

/** A pod with these claims as its disks. */
export function withDisks(template: PodTemplate, claims: readonly string[]): PodTemplate {
  const volumes = claims.map((claimName, index) => ({ name: `disk-${index}`, persistentVolumeClaim: { claimName } }));
  return { ...template, spec: { ...template.spec, volumes } };
}
