import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileFacts } from '../../../agent/disks.ts';
import { newSlot, nextActions } from '../../../agent/slot-machine.ts';
import type { SlotEvent, SlotState, VmFacts } from '../../../agent/slot-types.ts';
import { type StartAction, startStep, type StartWorld } from '../../../agent/start-steps.ts';
import { readZones } from '../../../agent/report/zones.ts';
import { silentLog } from '../../../runtime/log.ts';
import { guestSpec } from '../../build/guest.ts';
import { treeOf, zoneFiles } from '../../build/sysfs-tree.ts';
import { ETH0, vmFacts } from '../../build/vm-facts.ts';

const launcher = { pid: 42, startTime: '1' };
const directory = mkdtempSync(join(tmpdir(), 'podvisor-start-'));
afterAll(() => rmSync(directory, { recursive: true }));
const paths = { directory, status: '', argv: join(directory, 'argv'), qmp: '', sockets: directory };
const NODE = { cpus: '0-1', gib: 4, distances: '10 20' };
const GPU = { driver: 'gpu.example.com', pool: 'node-a', device: 'gpu-0' };

/** A node that has everything; `group` says each function's IOMMU group. */
function world(group: (pci: string) => string) {
  const done: string[] = [];
  const device = (path: string) => /vfio\/./.test(path);
  const lstat = (path: string): FileFacts => ({
    uid: 0,
    mode: 0o755,
    isDirectory: () => !device(path),
    isBlockDevice: () => false,
    isCharacterDevice: () => device(path),
  });
  const attributes = { 'resource.kubernetes.io/pciBusID': { string: '0000:5e:00.0' } };
  const slice = { spec: { driver: GPU.driver, pool: { name: GPU.pool }, devices: [{ name: GPU.device, attributes }] } };
  const made = {
    log: silentLog,
    client: { get: () => Promise.resolve({ metadata: { resourceVersion: '1' }, items: [slice] }) },
    resources: { holdings: () => Promise.resolve({ cpus: [], devices: new Map([['example.com/nvme', ['17']]]), claimed: [GPU] }) },
    processes: { isAlive: () => true, environment: () => new Map([['PCI_RESOURCE_EXAMPLE_COM_NVME', '0000:3b:00.0']]) },
    network: { links: () => Promise.resolve([ETH0]), apply: () => Promise.resolve(void done.push('network')) },
    memory: {
      allowed: () => [0, 1],
      zones: () => readZones(treeOf(zoneFiles({ 0: { ...NODE, pools: { 2048: [512, 500] } }, 1: NODE })), treeOf({})),
      bind: (_: object, mems: string) => void done.push(`memory of ${mems}`),
    },
    disks: { lstat, lchown: (path: string, uid: number) => void done.push(`${path} ${uid}`) },
    functions: {
      check: (one: object) => ({ ok: true, facts: { group: 'pci' in one ? group(String(one.pci)) : '', numaNode: 0 } }),
      allowLocked: () => Promise.resolve(void done.push('lock')),
    },
    nodeDns: () => ({ cluster: { servers: [], searches: [] }, clusterDomain: 'cluster.local', node: { servers: [], searches: [] } }),
    hasVhostNet: () => false,
  };
  return { made: made as unknown as StartWorld, done };
} // prettier-ignore

async function argvOf(start: StartWorld, vm: VmFacts): Promise<{ written: SlotEvent; argv: string[] }> {
  writeFileSync(paths.argv, '');
  const fresh = { ...newSlot('tcg-0', 'tcg'), vm };
  const preparing: SlotState = { ...fresh, start: { step: 'preparing', readyAt: 0, failures: 0, launcher } };
  const prepared = await startStep(start, { type: 'prepare', vm, launcher }, { state: preparing, paths });
  expect(prepared).toMatchObject({ type: 'prepared' });
  const { state, actions } = nextActions(preparing, prepared, 0);
  const written = await startStep(start, actions[0] as StartAction, { state, paths });
  return { written, argv: readFileSync(paths.argv, 'utf8').split('\n') };
}

test('devices of a plugin and of a claim are checked and handed over before the network is touched, and QEMU is told of them', async () => {
  const { made, done } = world((pci) => (pci === '0000:3b:00.0' ? '40' : '41'));
  const vm = vmFacts({ guest: guestSpec({ hostDevices: [{ resource: 'example.com/nvme', count: 1 }], claims: ['gpu'] }) });
  const { written, argv } = await argvOf(made, vm);
  expect(written).toEqual({ type: 'argv-written' });
  const root = '/proc/42/root/dev/vfio';
  expect([...new Set(done)]).toEqual([`${root}/vfio 107`, `${root}/40 107`, `${root}/41 107`, 'lock', 'network']);
  expect(argv.filter((one) => one.startsWith('vfio-pci'))).toEqual([
    'vfio-pci,id=host0,host=0000:3b:00.0,bus=port0',
    'vfio-pci,id=host1,host=0000:5e:00.0,bus=port1',
  ]);
});

test('a guest that asks for no device gets none, whatever its container holds', async () => {
  const { made, done } = world(() => '40');
  const { argv } = await argvOf(made, vmFacts());
  expect(argv.filter((one) => one.startsWith('vfio-pci'))).toEqual([]);
  expect(done).toEqual(['network']);
});

/** A VM of 64 huge pages planned in a zone. */
const planned = (id: number, required: boolean) =>
  vmFacts({ guest: guestSpec({ hugepages: '2Mi' }), memoryPlan: { zones: [{ id, cpus: 0, amount: 64 }], required } });

test('memory is bound to the planned zone before QEMU has its arguments', async () => {
  const { made, done } = world(() => '40');
  const { written, argv } = await argvOf(made, planned(0, true));
  expect(done.at(-1)).toBe('memory of 0');
  expect(written).toEqual({ type: 'argv-written' });
  expect(argv).toContain('qemu-system-x86_64');
});

test('a zone that lacks the pages: a guest that requires it has no arguments, another has them and a word about it', async () => {
  const { made, done } = world(() => '40');
  const short = 'zone 1 has 0 2Mi pages free, 64 2Mi pages were planned there';
  const refused = await argvOf(made, planned(1, true));
  expect(refused.written).toEqual({
    type: 'error',
    reason: 'MemoryUnavailable',
    message: `the guest's memory must be in zone 1 as planned, and cannot: ${short}`,
  });
  expect(refused.argv).toEqual(['']);
  const message = `Its memory is not bound to zone 1 as planned: ${short}.`;
  expect((await argvOf(made, planned(1, false))).written).toEqual({ type: 'argv-written', message });
  expect(done).not.toContain('memory of 1');
});
