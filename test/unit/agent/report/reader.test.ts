import { kubeletFacts } from '../../../../agent/report/kubelet-facts.ts';
import { createReader, type ReaderOptions } from '../../../../agent/report/reader.ts';
import { runningVms } from '../../../../agent/report/running-vms.ts';
import type { RunningVm } from '../../../../agent/report/vm-use.ts';
import type { SlotState, VmFacts } from '../../../../agent/slot-types.ts';
import { silentLog } from '../../../../runtime/log.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { guestSpec } from '../../../build/guest.ts';
import { functionFiles, type TreeFiles, treeOf, zoneFiles } from '../../../build/sysfs-tree.ts';

const PF = '0000:3b:00.0';
const VF = '0000:3b:02.1';
const MIB = 2 ** 20;

const SYS: TreeFiles = {
  ...zoneFiles({
    0: { cpus: '0-3', gib: 4, distances: '10 21', pools: { 2048: [100, 100] } },
    1: { cpus: '4-7', gib: 4, distances: '21 10', pools: { 2048: [100, 36] } },
  }),
  ...functionFiles([{ address: PF, numaNode: 1, vfs: [VF] }]),
};
const PROC: TreeFiles = {
  cpuinfo: 'vendor_id\t: AuthenticAMD\n',
  '10/task/10/children': '11 12 ',
  '11/task/11/children': '',
  '11/task/13/children': '14',
  '11/numa_maps': 'a default huge N1=60 kernelpagesize_kB=2048\nb default N0=5 kernelpagesize_kB=4',
  '14/numa_maps': 'a default huge N1=64 kernelpagesize_kB=2048',
};
const VM: RunningVm = {
  podUid: 'uid-1',
  slot: 'kvm-3',
  launcher: { pid: 10, startTime: '7' },
  memoryBytes: 128 * MIB,
  hugepages: '2Mi',
  functions: [VF],
};

function reader(change: Partial<ReaderOptions> = {}) {
  const asked = { kubelet: 0, qemu: 0 };
  const devices = [{ resourceName: 'podvisor.dev/kvm', deviceIds: ['kvm-3'] }];
  const container = { name: 'c', devices, cpuIds: [2, 4, 5], dynamicResources: [] };
  const options: ReaderOptions = {
    nodeName: 'node7',
    networks: [],
    sys: treeOf(SYS),
    proc: treeOf(PROC),
    numaStat: () => '',
    resources: {
      facts: () => {
        asked.kubelet += 1;
        const list = { podResources: [{ name: 'p', namespace: 'n', containers: [container] }] };
        return Promise.resolve(kubeletFacts({ devices: [], cpuIds: [1, 2, 3, 4, 5, 6, 7] }, list));
      },
    },
    clock: createFakeClock(),
    log: silentLog,
    run: () => {
      asked.qemu += 1;
      return Promise.resolve(JSON.stringify({ id: 'version', return: { qemu: { major: 10, minor: 0, micro: 2 } } }));
    },
    accelerator: Promise.resolve('kvm'),
    vms: () => ({ vms: [VM], starting: false }),
    ...change,
  };
  return { reader: createReader(options), asked };
}

it('a report says what a VM holds by zone: CPUs of its own, pages, the functions it has a part of', async () => {
  const { status, starting } = await reader().reader.read(true);
  expect(starting).toBe(false);
  expect(status).toMatchObject({
    accelerator: 'kvm',
    qemuVersion: '10.0.2',
    cpu: { vendor: 'AuthenticAMD' },
    summary: '2Mi: 100+36 of 200',
    zones: [{ dedicatedCpus: { total: 3, free: 2 } }, { dedicatedCpus: { total: 4, free: 2 } }],
  });
  expect(status.vms).toEqual([
    {
      podUid: 'uid-1',
      zones: [
        { id: 0, cpus: 1, memoryBytes: 0, hugepages: { '2Mi': 0 } },
        { id: 1, cpus: 2, memoryBytes: 128 * MIB, hugepages: { '2Mi': 64 } },
      ],
      functions: [PF],
    },
  ]);
});

it('memory of small pages is what the counters of its cgroup say', async () => {
  const vms = () => ({ vms: [{ ...VM, hugepages: undefined }], starting: false });
  const numaStat = (pid: number) => (pid === 10 ? `anon N0=${5 * MIB} N1=0\nshmem N0=0 N1=${7 * MIB}\n` : '');
  const { status } = await reader({ vms, numaStat }).reader.read(true);
  expect(status.vms[0]?.zones.map(({ memoryBytes, hugepages }) => [memoryBytes, hugepages])).toEqual([
    [5 * MIB, {}],
    [7 * MIB, {}],
  ]);
});

it('QEMU is asked once, the kubelet when a VM came or went or half a minute is over, and settled memory not again', async () => {
  const clock = createFakeClock();
  const proc = { ...PROC };
  const { reader: node, asked } = reader({ clock, proc: { ...treeOf(proc), text: (path) => treeOf(proc).text(path) } });
  await node.read(true);
  delete (proc as Record<string, unknown>)['14/numa_maps'];
  const { status } = await node.read(false);
  expect(status.vms[0]?.zones[1]?.hugepages).toEqual({ '2Mi': 64 });
  expect(asked).toEqual({ kubelet: 1, qemu: 1 });
  await node.read(true);
  await clock.advance(30_000);
  await node.read(false);
  expect(asked).toEqual({ kubelet: 3, qemu: 1 });
});

it('while the kubelet is away its last answer holds; a node whose QEMU fails has a report', async () => {
  let away = false;
  const facts = () =>
    away ? Promise.reject(new Error('away')) : Promise.resolve(kubeletFacts({ devices: [], cpuIds: [0] }, { podResources: [] }));
  const { reader: node } = reader({ resources: { facts }, run: () => Promise.reject(new Error('no QEMU')) });
  await node.read(true);
  away = true;
  const { status } = await node.read(true);
  expect(status.zones[0]?.dedicatedCpus).toEqual({ total: 1, free: 1 });
  expect(status).toMatchObject({ qemuVersion: '', machines: [], cpu: { models: [] } });
});

describe('a slot counts', () => {
  const launcher = { pid: 10, startTime: '7' };
  const facts = { uid: 'uid-1', guest: guestSpec(), functions: { net1: VF } } as unknown as VmFacts;
  const idle: SlotState = { slot: 'tcg-1', accelerator: 'tcg', connected: false };
  const slot: SlotState = { ...idle, vm: facts, served: launcher, connected: true };
  const ending = { reason: 'x', message: 'y' };

  it.each<[string, SlotState, boolean, string]>([
    ['as running when its guest is connected', slot, true, '1 running'],
    ['as starting until QEMU has connected', { ...slot, connected: false }, true, '1 starting'],
    [
      'as starting before it has arguments',
      { ...idle, start: { step: 'resolving', readyAt: 0, failures: 0 } },
      true,
      '0 starting',
    ],
    ['not when its launcher is gone', slot, false, '0 running'],
    ['not when its guest has ended', { ...slot, ending }, true, '0 running'],
  ])('%s', (_, state, alive, expected) => {
    const { vms, starting } = runningVms([state], () => alive);
    expect(`${vms.length} ${starting ? 'starting' : 'running'}`).toBe(expected);
  });
});
