import { afterAll, beforeAll } from '@jest/globals';
import { apply, kubectl } from './kubectl.ts';
import { onLocalCluster, onNode } from './local.ts';
import { blockClaim } from './objects.ts';

const SIZE = '64Mi';
/** Of each disk. */
export const LOCAL_DISK_BYTES = 64 << 20;

/**
 * On each of these nodes of the local cluster a disk that begins with `disk of NODE`: a loop device, its local PersistentVolume, and the claim `disk-NODE`
 * that is bound to it. Made for one test file and removed after it. The devices, by node, as soon as they are there.
 */
export function useLocalDisks(ns: string, nodes: readonly string[]): ReadonlyMap<string, string> {
  const devices = new Map<string, string>();
  if (!onLocalCluster) return devices;
  const volumeName = (node: string): string => `${ns}-${node}`;
  const file = (node: string): string => `/var/lib/kubelet/${volumeName(node)}.img`;
  beforeAll(async () => {
    for (const node of nodes) {
      const content = `printf 'disk of ${node}' | dd of=${file(node)} conv=notrunc 2>/dev/null`;
      const script = `truncate -s ${LOCAL_DISK_BYTES} ${file(node)} && ${content} && losetup --find --show ${file(node)}`;
      const device = (await onNode(node, 'sh', '-c', script)).trim();
      devices.set(node, device);
      const claim = blockClaim(`disk-${node}`, SIZE, { volumeName: volumeName(node), storageClassName: '' });
      await apply(ns, localVolume(volumeName(node), { node, device, claim: { namespace: ns, name: `disk-${node}` } }), claim);
    }
  }, 60_000);
  afterAll(async () => {
    await kubectl(['delete', 'pv', ...nodes.map(volumeName), '--ignore-not-found', '--wait=false']);
    for (const [node, device] of devices) await onNode(node, 'sh', '-c', `losetup -d ${device}; rm -f ${file(node)}`);
  }, 60_000);
  return devices;
}

function localVolume(name: string, { node, device, claim }: { node: string; device: string; claim: object }): object {
  const hostname = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
  const spec = {
    capacity: { storage: SIZE },
    accessModes: ['ReadWriteOnce'],
    volumeMode: 'Block',
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: '',
    claimRef: claim,
    local: { path: device },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
  };
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec };
}
