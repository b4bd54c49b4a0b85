import { expect } from '@jest/globals';
import type { NodeReport } from '../../api/node-report.ts';
import { eventually } from '../build/eventually.ts';
import { apply, getJson, kubectl } from './harness/kubectl.ts';
import { vmPod } from './harness/objects.ts';
import { localVmTest, useNamespace } from './harness/suite.ts';
import { deletePod, getPod, waitReady } from './harness/vm.ts';

const ns = useNamespace('e2e-report');
const NODE = 'node2';
/** A report is written within ten seconds, and looked at each minute. */
const SOON_MS = 40_000;
const CHECK_MS = 90_000;

const report = () => getJson<NodeReport>(['nodereport', NODE]);
const free = ({ status }: NodeReport): number =>
  (status?.zones ?? []).reduce((sum, zone) => sum + (zone.hugepages['2Mi']?.free ?? 0), 0);

localVmTest('a report says what its node has and can run, and belongs to it', ns, async () => {
  const { status, metadata } = await eventually('there is a report', async () => {
    const found = await report();
    return found.status === undefined ? undefined : found;
  });
  const node = await getJson<{ metadata: { uid: string } }>(['node', NODE]);
  expect(metadata).toMatchObject({ ownerReferences: [{ kind: 'Node', name: NODE, uid: node.metadata.uid }] });
  expect(status?.qemuVersion).toMatch(/^\d+\.\d+\.\d+$/);
  expect(status?.machines).toContain('pc-q35-10.0');
  expect(status?.cpu.models).toContain('max');
  expect(status?.cpu.features.length).toBeGreaterThan(10);
  expect(status?.zones.reduce((sum, zone) => sum + zone.cpus, 0)).toBeGreaterThan(0);
  expect(JSON.stringify(status).length).toBeLessThan(8192);
  const shown = await kubectl(['get', 'nodereports']);
  console.log(`${shown}\n${JSON.stringify(status).length} bytes`);
  expect(shown).toMatch(new RegExp(`^${NODE} +(kvm|tcg) +\\d+\\.\\d+\\.\\d+ +2Mi: \\d+`, 'm'));
});

localVmTest('a VM’s huge pages are in the report of its node while it runs, and free again when it is gone', ns, async () => {
  const before = free(await report());
  const guest = { resources: { limits: { 'hugepages-2Mi': '128Mi' }, requests: { cpu: '100m' } } };
  await apply(ns, vmPod('huge', { guest, pod: { nodeSelector: { 'kubernetes.io/hostname': NODE } } }));
  await waitReady(ns, 'huge');
  const { uid } = (await getPod(ns, 'huge')).metadata;
  const running = await eventually(
    'the report has the VM',
    async () => {
      const found = await report();
      return found.status?.vms.some(({ podUid }) => podUid === uid) ? found : undefined;
    },
    SOON_MS,
  );
  const held = running.status?.vms.find(({ podUid }) => podUid === uid)?.zones ?? [];
  expect(held.reduce((sum, zone) => sum + (zone.hugepages['2Mi'] ?? 0), 0)).toBe(64);
  expect(before - free(running)).toBe(64);
  await deletePod(ns, 'huge');
  await eventually(
    'its pages are free',
    async () => {
      const found = await report();
      return found.status?.vms.every(({ podUid }) => podUid !== uid) && free(found) === before;
    },
    SOON_MS,
  );
}, 180_000); // prettier-ignore

localVmTest('a report that somebody deleted is there again', ns, async () => {
  const { uid } = (await report()).metadata;
  await kubectl(['delete', 'nodereport', NODE]);
  await eventually(
    'there is a report',
    async () => {
      const [found] = (await getJson<{ items: readonly NodeReport[] }>(['nodereports'])).items.filter(({ metadata }) => metadata.name === NODE);
      return found?.status !== undefined && found.metadata.uid !== uid;
    },
    CHECK_MS,
  );
}, 180_000); // prettier-ignore
