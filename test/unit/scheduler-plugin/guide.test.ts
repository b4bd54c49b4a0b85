import { judgeNodes, type World } from '../../../scheduler-plugin/filter.ts';
import { zoneVerdict } from '../../../scheduler-plugin/placement/checks.ts';
import { imageKey } from '../../../scheduler-plugin/placement/image-names.ts';
import type { CpuFacts } from '../../../scheduler-plugin/placement/report-facts.ts';
import type { Room } from '../../../scheduler-plugin/placement/room.ts';
import type { Wanted } from '../../../scheduler-plugin/placement/wanted.ts';
import { nodeScores } from '../../../scheduler-plugin/score.ts';
import { askOf } from '../../../scheduler-plugin/storage/ask.ts';
import { node, pf, wanted, world, zone } from '../../build/placement.ts';
import { storageRig } from '../../build/storage.ts';

/** The followed examples of docs/placement.md: the same nodes, the same VMs, a row for each value of each annotation. */

const IMAGE = imageKey('quay.io/x/guest:1');
const CPU: CpuFacts = { vendor: 'GenuineIntel', models: new Set(), features: new Set(['avx2']) };
const OTHER: CpuFacts = { ...CPU, vendor: 'AuthenticAMD' };
const NAMES = ['small', 'large', 'silent'];
const ROOMS: Record<string, Room | undefined> = {
  small: { zones: [zone(0, 1290, { cpus: 4 }), zone(1, 758, { cpus: 8 })], functions: [pf('0000:3b:00.0', 4)] },
  large: { zones: [zone(0, 4096), zone(1, 4096)], functions: [pf('0000:3b:00.0', 4), pf('0000:5e:00.0', 4, { zone: 1 })] },
};
const VF = { resource: 'example.com/vf' };
const VMS: Record<string, Partial<Omit<Wanted, 'wishes' | 'shape'>>> = {
  GUEST: { memory: '2Mi', amount: 1024 },
  BIG: { memory: '2Mi', amount: 1536 },
  PINNED: { memory: '2Mi', amount: 1024, cpus: 6 },
  BOND: { memory: '2Mi', amount: 1024, functions: [VF, VF] },
  REPLICATED: { memory: '2Mi', amount: 1024, volumeClaims: ['default/root'] },
  PARTED: { memory: '2Mi', amount: 1024, volumeClaims: ['default/root', 'default/data'] },
  FRESH: { memory: '2Mi', amount: 1024, volumeClaims: ['default/new-1', 'default/new-2'] },
};

/** Copies of the disks that are there, by volume. */
const COPIES: Readonly<Record<string, readonly string[]>> = { root: ['small', 'silent'], data: ['large'] };
const STORAGE = storageRig(new Map([['driver.longhorn.io', { nodes: (volume: string) => COPIES[volume], isFresh: () => true }]]));
for (const name of NAMES) STORAGE.node(name);
STORAGE.capacity('fast', 'small', 4);
STORAGE.capacity('fast', 'large', 100);
for (const [volume, gib] of Object.entries({ root: 10, data: 40 })) {
  STORAGE.volume(volume, { capacity: { storage: `${gib}Gi` }, csi: { driver: 'driver.longhorn.io', volumeHandle: volume } });
  STORAGE.claim(volume, { volume, gib });
}
for (const name of ['new-1', 'new-2']) STORAGE.claim(name, { gib: 3 });

const facts = (name: string) => node({ name, images: { has: (image) => name === 'large' && image === IMAGE } });
const cluster = (fields: Partial<World> = {}): World =>
  world({
    verdict: (name, vm) => (ROOMS[name] === undefined ? undefined : zoneVerdict(vm, ROOMS[name])),
    node: facts,
    nodes: () => NAMES.map(facts),
    cpu: (name) => (name === 'silent' ? undefined : CPU),
    vmsOn: (name) => (name === 'large' ? 3 : 0),
    storage: (vm) => askOf(vm, STORAGE.books),
    ...fields,
  });

interface Example {
  readonly vm: keyof typeof VMS;
  readonly says: Readonly<Record<string, string>>;
  /** Nodes that will do, best first; those of equal score in the order of the table. */
  readonly order: readonly string[];
  readonly reasons?: Readonly<Record<string, RegExp>>;
  readonly world?: Partial<World>;
}

const SILENT = /^no NodeReport tells its zones, and the guest requires/;
const FRAGMENTED = /^zone 0 has 1290 and zone 1 has 758 free 2Mi pages, guest needs 1536 in one zone$/;
const UNMOVABLE = /^no other node could take the guest later \(room, accelerator and CPU\), and it requires one$/;
/** Two nodes of a kind, and small of another. */
const twins = (name: string): CpuFacts => (name === 'small' ? OTHER : CPU);
const siblings = (name: string): number => Number(name === 'large');

const EXAMPLES: Record<string, Example> = {
  'no annotation, BIG': { vm: 'BIG', says: {}, order: ['large', 'silent'], reasons: { small: FRAGMENTED } },
  'hugepages: require, BIG': { vm: 'BIG', says: { hugepages: 'require' }, order: ['large'], reasons: { small: FRAGMENTED, silent: SILENT } },
  'hugepages: prefer, BIG': { vm: 'BIG', says: { hugepages: 'prefer' }, order: ['large', 'small', 'silent'] },
  'hugepages: prefer=10, GUEST': { vm: 'GUEST', says: { hugepages: 'prefer=10' }, order: ['small', 'large', 'silent'] },
  'hugepages: ignore, BIG': { vm: 'BIG', says: { hugepages: 'ignore' }, order: ['small', 'large', 'silent'] },
  'numa: require, PINNED': {
    vm: 'PINNED', says: { numa: 'require' }, order: ['large'],
    reasons: { small: /^zone 0 has 1290 2Mi pages, 4 CPUs .* zone 1 has 758 2Mi pages, 8 CPUs .* guest needs 1024 2Mi pages, 6 CPUs of its own together in one zone$/, silent: SILENT },
  },
  'numa: prefer=10, PINNED': { vm: 'PINNED', says: { numa: 'prefer=10' }, order: ['large', 'small', 'silent'] },
  'numa: ignore, PINNED': { vm: 'PINNED', says: { numa: 'ignore' }, order: ['small', 'large', 'silent'] },
  'sriov: require, BOND': {
    vm: 'BOND', says: { sriov: 'require' }, order: ['large'],
    reasons: { small: /^0000:3b:00.0 has 4 free VFs of example.com\/vf, guest needs 2, each on a physical function of its own with carrier$/, silent: SILENT },
  },
  'sriov: prefer=10, BOND': { vm: 'BOND', says: { sriov: 'prefer=10' }, order: ['large', 'small', 'silent'] },
  'sriov: ignore, BOND': { vm: 'BOND', says: { sriov: 'ignore' }, order: ['small', 'large', 'silent'] },
  'storage: require, REPLICATED': { vm: 'REPLICATED', says: { storage: 'require' }, order: ['small', 'silent'], reasons: { large: /^it has no copy of guest's disk, and the guest requires its disks there$/ } },
  'storage: prefer=10, PARTED': { vm: 'PARTED', says: { storage: 'prefer=10' }, order: ['large', 'small', 'silent'] },
  'storage: ignore, PARTED': { vm: 'PARTED', says: { storage: 'ignore' }, order: ['small', 'large', 'silent'] },
  'no annotation, FRESH': { vm: 'FRESH', says: {}, order: ['large', 'silent'], reasons: { small: /^pool of storage class fast has 4 GiB free, guest's 2 new disks need 6 GiB$/ } },
  'storage: ignore, FRESH': { vm: 'FRESH', says: { storage: 'ignore' }, order: ['small', 'large', 'silent'] },
  'spread: require, GUEST': { vm: 'GUEST', says: { spread: 'require' }, order: ['small', 'silent'], reasons: { large: /^another VM of the same controller is there/ }, world: { siblings } },
  'spread: prefer=10, PINNED': { vm: 'PINNED', says: { spread: 'prefer=10', numa: 'prefer=5' }, order: ['small', 'large', 'silent'] },
  'spread: ignore, PINNED': { vm: 'PINNED', says: { spread: 'ignore', numa: 'prefer=5' }, order: ['large', 'small', 'silent'] },
  'mobility: require, GUEST': { vm: 'GUEST', says: { mobility: 'require' }, order: ['small', 'large'], reasons: { silent: UNMOVABLE } },
  'mobility: require, GUEST, when each node has a CPU of its own': {
    vm: 'GUEST', says: { mobility: 'require' }, order: [], reasons: { small: UNMOVABLE, large: UNMOVABLE, silent: UNMOVABLE },
    world: { cpu: (name) => ({ small: CPU, large: OTHER })[name] },
  },
  'mobility: prefer=10, GUEST': { vm: 'GUEST', says: { mobility: 'prefer=10' }, order: ['large', 'small', 'silent'], world: { cpu: twins } },
  'mobility: ignore, GUEST': { vm: 'GUEST', says: { mobility: 'ignore' }, order: ['small', 'large', 'silent'], world: { cpu: twins } },
  'image: require, GUEST': { vm: 'GUEST', says: { image: 'require' }, order: ['large'], reasons: { small: /does not list the boot image/, silent: /does not list the boot image/ } },
  'image: prefer=10, GUEST': { vm: 'GUEST', says: { image: 'prefer=10' }, order: ['large', 'small', 'silent'] },
  'image: ignore, GUEST': { vm: 'GUEST', says: { image: 'ignore' }, order: ['small', 'large', 'silent'] },
}; // prettier-ignore

test.each(Object.entries(EXAMPLES))('%s', (_title, { vm, says, order, reasons = {}, world: fields }) => {
  const guest = wanted({ ...VMS[vm], image: IMAGE }, says);
  const where = cluster(fields);
  const verdicts = judgeNodes({ pod: {}, names: NAMES }, { ok: true, guest }, where);
  const refused = verdicts.filter(({ reason }) => reason !== '');
  expect(refused.map(({ name }) => name)).toEqual(Object.keys(reasons));
  for (const { name, reason } of refused) expect(reason).toMatch(reasons[name]!);
  const passed = verdicts.filter(({ reason }) => reason === '').map(({ name }) => name);
  const { totals } = nodeScores(guest, where.judged(passed, guest), where.storage(guest)?.shares(passed));
  const best = passed.map((name, index) => ({ name, total: totals[index]! })).sort((a, b) => b.total - a.total);
  expect(best.map(({ name }) => name)).toEqual(order);
});
