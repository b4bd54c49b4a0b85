import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bindMemory } from '../../../../agent/memory/bind.ts';
import { createCpusets } from '../../../../agent/memory/cpuset.ts';
import { memoryPlan } from '../../../../agent/memory/plan.ts';
import { readZones } from '../../../../agent/report/zones.ts';
import type { GuestSpec } from '../../../../api/guest-spec.ts';
import { planText } from '../../../../api/placement-plan.ts';
import { guestSpec } from '../../../build/guest.ts';
import { treeOf, zoneFiles } from '../../../build/sysfs-tree.ts';
import { vmFacts } from '../../../build/vm-facts.ts';

const launcher = { pid: 42, startTime: '1' };
const POD = '/kubepods/burstable/podu/c';
let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'podvisor-cpuset-'))));
afterEach(() => rmSync(root, { recursive: true }));

/** The files of a kernel's cgroups, as far as they are looked at. */
function tree(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}
const V1 = {
  procs: `cpuset${POD}/cgroup.procs`,
  mems: `cpuset${POD}/cpuset.mems`,
  effective: `cpuset${POD}/cpuset.effective_mems`,
};
const V2 = { procs: `${POD}/cgroup.procs`, mems: `${POD}/cpuset.mems`, effective: `${POD}/cpuset.mems.effective` };
const ON_V1 = `7:memory:/elsewhere\n4:cpuset:${POD}\n0::/\n`;
const ON_V2 = `0::${POD}\n`;
const container = (files: typeof V1, mems: string, effective: string) =>
  tree({ [files.procs]: '', [files.mems]: mems, [files.effective]: effective });

const node = treeOf(
  zoneFiles({
    0: { cpus: '0-1', gib: 4, distances: '10 20', pools: { 2048: [512, 500] } },
    1: { cpus: '2-3', gib: 4, distances: '20 10', pools: { 2048: [512, 500] } },
  }),
);
const PLAN = planText({ zones: [{ id: 1, cpus: 0, amount: 64 }], functions: [] });
const preferred = guestSpec({ hugepages: '2Mi' });
const required = guestSpec({ hugepages: '2Mi', placement: { hugepages: 'require' } });

function start(cgroups: string, guest: GuestSpec, { isAlive = true, cpus = [] as number[], annotation = PLAN } = {}) {
  const cpusets = createCpusets({ cgroups: () => cgroups, isAlive: () => isAlive }, root);
  const plan = memoryPlan(guest, annotation);
  const vm = vmFacts({ guest, ...(plan === undefined ? {} : { memoryPlan: plan }) });
  const resources = { holdings: () => Promise.resolve({ cpus, devices: new Map(), claimed: [] }) };
  return bindMemory({ memory: { ...cpusets, zones: () => readZones(node, treeOf({})) }, resources }, { vm, launcher }, 'tcg-0');
}
const mems = ({ mems: path }: typeof V1) => readFileSync(join(root, path), 'utf8').trim();

test.each<[string, string, typeof V1, string]>([
  ['version 1, where a cgroup has its parent’s zones', ON_V1, V1, '0-1\n'],
  ['version 2, where one that says nothing has its parent’s', ON_V2, V2, '\n'],
  ['both, where version 1 has the cpuset', `4:cpuset:${POD}\n0::${POD}\n`, V1, '0-1\n'],
  ['version 1 with several controllers in one tree', `4:cpuset,cpu:${POD}\n`, { ...V1, procs: `cpuset,cpu${POD}/cgroup.procs`, mems: `cpuset,cpu${POD}/cpuset.mems`, effective: `cpuset,cpu${POD}/cpuset.effective_mems` }, '0-1\n'],
])('the container takes memory of the planned zone alone, under cgroup %s', async (_, cgroups, files, before) => {
  container(files, before, '0-1\n');
  expect(await start(cgroups, required)).toEqual({ ok: true, note: '' });
  expect(mems(files)).toBe('1');
  expect(await start(cgroups, required)).toEqual({ ok: true, note: '' });
}); // prettier-ignore

test('what the kubelet has narrowed already is not widened, and said', async () => {
  container(V2, '0\n', '0\n');
  const note = 'Its memory is not bound to zone 1 as planned: the container may have memory of zone 0 only.';
  expect(await start(ON_V2, required)).toEqual({ ok: true, note });
  expect(mems(V2)).toBe('0');
});

test('dedicated CPUs of another zone than planned are not left alone there', async () => {
  container(V1, '0-1\n', '0-1\n');
  const guest = { ...required, dedicatedCpus: { emulatorThreads: 'share' as const } };
  const annotation = planText({ zones: [{ id: 1, cpus: 1, amount: 64 }], functions: [] });
  const note = 'Its memory is not bound to zone 1 as planned: the kubelet gave the guest CPUs of zone 0.';
  expect(await start(ON_V1, guest, { cpus: [0], annotation })).toEqual({ ok: true, note });
  expect(mems(V1)).toBe('0-1');
  expect(await start(ON_V1, guest, { cpus: [2], annotation })).toEqual({ ok: true, note: '' });
  expect(mems(V1)).toBe('1');
});

test('a VM without a plan is left as it is', async () => {
  container(V1, '0-1\n', '0-1\n');
  expect(await start(ON_V1, guestSpec())).toEqual({ ok: true, note: '' });
  expect(mems(V1)).toBe('0-1');
});

/** Nodes whose cgroups cannot be bound. */
const UNABLE: [string, () => string, RegExp][] = [
  ['without the cpuset controller', () => (tree({ [V2.procs]: '' }), ON_V2), /its cgroup does not take it \(.*cpuset\.mems/],
  ['whose launcher is in no cgroup that is there', () => ON_V2, /its cgroup does not take it \(the container has no cpuset\)/],
  ['where the container is the whole node', () => (tree({ 'cpuset/cgroup.procs': '', 'cpuset/cpuset.mems': '0-1' }), '4:cpuset:/\n'), /no cpuset/],
]; // prettier-ignore
test.each(UNABLE)(
  'on a node %s a guest that requires its zone does not start, another does and says so',
  async (_, make, why) => {
    const cgroups = make();
    const refused = await start(cgroups, required);
    expect(refused).toMatchObject({ ok: false, reason: expect.stringMatching(why) });
    expect(refused).toMatchObject({
      reason: expect.stringContaining("the guest's memory must be in zone 1 as planned, and cannot: "),
    });
    expect(await start(cgroups, preferred)).toMatchObject({ ok: true, note: expect.stringMatching(why) });
  },
);

test('the cgroup of a launcher that ended is not touched: its pid may be another’s', async () => {
  container(V1, '0-1\n', '0-1\n');
  expect(await start(ON_V1, required, { isAlive: false })).toMatchObject({ ok: false });
  expect(mems(V1)).toBe('0-1');
});
