import { expect } from '@jest/globals';
import { apply, kubectl } from './harness/kubectl.ts';
import { vmWithDisks } from './harness/objects.ts';
import { runInGuest } from './harness/console.ts';
import { onNode } from './harness/local.ts';
import { LOCAL_DISK_BYTES, useLocalDisks } from './harness/local-disks.ts';
import { deletePod, waitReady } from './harness/vm.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';

const ns = useNamespace('e2e-disk');
// One claim per node: on node1 the runtime leaves block devices to root, on node2 it hands them over by itself.
const nodes = ['node1', 'node2'] as const;
const devices = useLocalDisks(ns, nodes);

for (const node of nodes) {
  localVmTest(`a block claim on ${node} is a disk, and graceful deletion leaves what the guest wrote on it`, ns, async () => {
    const name = `disk-${node}`;
    await apply(ns, vmWithDisks(name, name));
    await waitReady(ns, name);
    expect(await runInGuest(ns, name, 'cat /sys/block/vdb/size')).toBe(String(LOCAL_DISK_BYTES / 512));
    // No sync by us: only the guest's own shutdown may bring this from its page cache to the disk.
    await runInGuest(ns, name, 'echo written-by-the-guest > /dev/vdb');
    await deletePod(ns, name);
    const kept = await onNode(node, 'sh', '-c', `dd if=${devices.get(node)!} bs=512 count=1 iflag=direct 2>/dev/null`);
    expect(kept).toContain('written-by-the-guest');
    await apply(ns, vmWithDisks(name, name));
    await waitReady(ns, name);
    expect(await runInGuest(ns, name, 'head -c 20 /dev/vdb')).toBe('written-by-the-guest');
    await deletePod(ns, name);
    await kubectl(['delete', 'pvc', name, '-n', ns, '--wait=false']);
  });
}
