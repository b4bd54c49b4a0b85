import { createPinner } from '../../../../agent/cpus/pin.ts';
import { cpuPlan } from '../../../../agent/cpus/plan.ts';
import { holdingsOf } from '../../../../agent/pod-resources.ts';
import type { Processes } from '../../../../agent/proc.ts';
import type { Program } from '../../../../agent/run-program.ts';
import { guestSpec } from '../../../build/guest.ts';

const share = guestSpec({ vcpus: 2, dedicatedCpus: { emulatorThreads: 'share' } });
const isolate = guestSpec({ vcpus: 2, dedicatedCpus: { emulatorThreads: 'isolate' } });
const launcher = { pid: 100, startTime: '7' };

describe('cpuPlan', () => {
  it('gives each vCPU one of the CPUs', () => {
    expect(cpuPlan(share, [4, 6])).toEqual({ ok: true, plan: { vcpus: [4, 6] } });
  });
  it('keeps the last for the emulator when it is isolated', () => {
    expect(cpuPlan(isolate, [2, 4, 6])).toEqual({ ok: true, plan: { vcpus: [2, 4], emulator: 6 } });
  });
  it('refuses a node whose kubelet gives none, and says what to set', () => {
    expect(cpuPlan(share, [])).toEqual({ ok: false, reason: expect.stringContaining('cpuManagerPolicy: static') });
  });
  it.each<[string, number[]]>([
    ['too few', [1]],
    ['too many', [1, 2, 3]],
  ])('refuses %s', (_, cpus) => expect(cpuPlan(share, cpus)).toEqual({ ok: false, reason: expect.stringContaining('not 2') }));
});

describe('a pinner', () => {
  const ran: string[] = [];
  const run = ({ file, args }: Program) => Promise.resolve(String(ran.push([file, ...args].join(' '))));
  const threads = new Map([[7, 1007], [8, 1008]]); // prettier-ignore
  const pinner = createPinner(run, { threads: () => threads } as unknown as Processes);
  beforeEach(() => ran.splice(0));

  it('pins the threads QEMU names, by their ids outside', async () => {
    await pinner.pinVcpus(launcher, [8, 7], { vcpus: [2, 4] });
    expect(ran).toEqual(['taskset -p -c 2 1008', 'taskset -p -c 4 1007']);
  });
  it('touches no thread outside of the pod', async () => {
    await expect(pinner.pinVcpus(launcher, [7, 1], { vcpus: [2, 4] })).rejects.toThrow('thread of vCPU 1 is not in the pod');
  });
  it('wants as many threads as vCPUs', async () => {
    await expect(pinner.pinVcpus(launcher, [7], { vcpus: [2, 4] })).rejects.toThrow('1 vCPU threads, not 2');
  });
  it('moves the launcher only when the emulator is isolated', async () => {
    await pinner.pinLauncher(launcher, { vcpus: [2, 4] });
    await pinner.pinLauncher(launcher, { vcpus: [2, 4], emulator: 6 });
    expect(ran).toEqual(['taskset -p -c 6 100']);
  });
});

test("a slot's holdings are those of its container alone, in parts by NUMA node or not", () => {
  const other = {
    name: 'side',
    devices: [{ resourceName: 'x.example/nic', deviceIds: ['9'] }],
    cpuIds: ['9'],
    dynamicResources: [],
  };
  const guest = {
    name: 'guest',
    devices: [
      { resourceName: 'podvisor.dev/kvm', deviceIds: ['kvm-1'] },
      { resourceName: 'x.example/nic', deviceIds: ['0000:01:00.0'] },
      { resourceName: 'x.example/nic', deviceIds: ['0000:02:00.0'] },
    ],
    cpuIds: [10, 2],
    dynamicResources: [
      { claimName: 'c', claimNamespace: 'n', claimResources: [{ driverName: 'd', poolName: 'p', deviceName: 'gpu-0' }] },
    ],
  };
  const answer = { podResources: [{ name: 'vm', namespace: 'team', containers: [other, guest] }] };
  expect(holdingsOf(answer as never, 'kvm-1')).toEqual({
    cpus: [2, 10],
    devices: new Map([['podvisor.dev/kvm', ['kvm-1']], ['x.example/nic', ['0000:01:00.0', '0000:02:00.0']]]),
    claimed: [{ driver: 'd', pool: 'p', device: 'gpu-0' }],
  }); // prettier-ignore
  expect(holdingsOf(answer as never, 'kvm-2')).toEqual({ cpus: [], devices: new Map(), claimed: [] });
});
