import { afterAll, beforeAll, expect } from '@jest/globals';
import { apply, kubectl, tryKubectl } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { runInGuest } from './harness/console.ts';
import { onLocalCluster, onNode } from './harness/local.ts';
import { deletePod, waitReady } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-disk');
// One claim per node: on node1 the runtime leaves block devices to root, on node2 it hands them over by itself.
const nodes = ['node1', 'node2'] as const;
const loops: Record<string, string> = {};

beforeAll(async () => {
  if (!onLocalCluster) return;
  for (const node of nodes) {
    const file = `/var/lib/kubelet/e2e-disk-${node}.img`;
    const script = `truncate -s 64M ${file} && losetup --find --show ${file}`;
    loops[node] = (await onNode(node, 'sh', '-c', script)).trim();
    await apply(ns, volume(node, loops[node]), claim(node));
  }
});

afterAll(async () => {
  for (const node of nodes) {
    await tryKubectl(['delete', 'pv', `e2e-disk-${node}`, '--ignore-not-found', '--wait=false']);
    if (loops[node]) await onNode(node, 'sh', '-c', `losetup -d ${loops[node]}; rm -f /var/lib/kubelet/e2e-disk-${node}.img`);
  }
});

for (const node of nodes) {
  localVmTest(`a block claim on ${node} is a disk, and graceful deletion leaves what the guest wrote on it`, ns, async () => {
    const name = `disk-${node}`;
    const guest = { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] };
    const pod = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }] };
    await apply(ns, vmPod(name, { guest, pod }));
    await waitReady(ns, name);
    expect(await runInGuest(ns, name, 'cat /sys/block/vdb/size')).toBe(String((64 << 20) / 512));
    // No sync by us: only the guest's own shutdown may bring this from its page cache to the disk.
    await runInGuest(ns, name, 'echo written-by-the-guest > /dev/vdb');
    await deletePod(ns, name);
    const kept = await onNode(node, 'sh', '-c', `dd if=${loops[node]!} bs=512 count=1 iflag=direct 2>/dev/null`);
    expect(kept).toContain('written-by-the-guest');
    await apply(ns, vmPod(name, { guest, pod }));
    await waitReady(ns, name);
    expect(await runInGuest(ns, name, 'head -c 20 /dev/vdb')).toBe('written-by-the-guest');
    await deletePod(ns, name);
    await kubectl(['delete', 'pvc', name, '-n', ns, '--wait=false']);
  });
}

function volume(node: string, device: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `e2e-disk-${node}` },
    spec: {
      capacity: { storage: '64Mi' },
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Block',
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: '',
      claimRef: { namespace: ns, name: `disk-${node}` },
      local: { path: device },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }],
        },
      },
    },
  };
}

function claim(node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `disk-${node}` },
    spec: {
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Block',
      storageClassName: '',
      volumeName: `e2e-disk-${node}`,
      resources: { requests: { storage: '64Mi' } },
    },
  };
}
