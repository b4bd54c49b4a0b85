import { judgeNodes, type World } from '../../scheduler-plugin/filter.ts';
import { zoneVerdict } from '../../scheduler-plugin/placement/checks.ts';
import { imageKey } from '../../scheduler-plugin/placement/image-names.ts';
import type { CpuFacts } from '../../scheduler-plugin/placement/report-facts.ts';
import type { Room } from '../../scheduler-plugin/placement/room.ts';
import type { Wanted } from '../../scheduler-plugin/placement/wanted.ts';
import type { Verdict } from '../../scheduler-plugin/protocol.ts';
import { nodeScores } from '../../scheduler-plugin/score.ts';
import { askOf } from '../../scheduler-plugin/storage/ask.ts';
import { node, pf, wanted, world, zone } from './placement.ts';
import { storageRig } from './storage.ts';

/** The nodes and VMs of the followed examples of docs/placement.md, for their tests and their pictures. */

const IMAGE = imageKey('quay.io/x/guest:1');
export const CPU: CpuFacts = { vendor: 'GenuineIntel', models: new Set(), features: new Set(['avx2']) };
export const NAMES = ['small', 'large', 'silent'] as const;

/** What is free; silent has no report. */
export const ROOMS: Readonly<Record<string, Room | undefined>> = {
  small: { zones: [zone(0, 1290, { cpus: 4 }), zone(1, 758, { cpus: 8 })], functions: [pf('0000:3b:00.0', 4)] },
  large: { zones: [zone(0, 4096), zone(1, 4096)], functions: [pf('0000:3b:00.0', 4), pf('0000:5e:00.0', 4, { zone: 1 })] },
};
const VF = { resource: 'example.com/vf' };
const VMS = {
  GUEST: { memory: '2Mi', amount: 1024 },
  BIG: { memory: '2Mi', amount: 1536 },
  WIDE: { memory: '2Mi', amount: 1400, cells: 2 },
  PINNED: { memory: '2Mi', amount: 1024, cpus: 6 },
  BOND: { memory: '2Mi', amount: 1024, functions: [VF, VF] },
  REPLICATED: { memory: '2Mi', amount: 1024, volumeClaims: ['default/root'] },
  PARTED: { memory: '2Mi', amount: 1024, volumeClaims: ['default/root', 'default/data'] },
  FRESH: { memory: '2Mi', amount: 1024, volumeClaims: ['default/new-1', 'default/new-2'] },
} as const satisfies Record<string, Partial<Omit<Wanted, 'wishes' | 'shape'>>>;
export type VmName = keyof typeof VMS;

/** Disks that are there: size, and nodes that have a copy. */
export const DISKS: Readonly<Record<string, { readonly gib: number; readonly nodes: readonly string[] }>> = {
  root: { gib: 10, nodes: ['small', 'silent'] },
  data: { gib: 40, nodes: ['large'] },
};
/** New disks and their sizes in GiB. */
export const NEW_DISKS: Readonly<Record<string, number>> = { 'new-1': 3, 'new-2': 3 };
/** Free GiB of StorageClass `fast`. */
export const POOLS: Readonly<Record<string, number>> = { small: 4, large: 100 };

const locator = { nodes: (volume: string) => DISKS[volume]?.nodes, isFresh: () => true, version: () => 0 };
const STORAGE = storageRig(new Map([['driver.longhorn.io', locator]]));
for (const name of NAMES) STORAGE.node(name);
for (const [name, gib] of Object.entries(POOLS)) STORAGE.capacity('fast', name, gib);
for (const [volume, { gib }] of Object.entries(DISKS)) {
  STORAGE.volume(volume, { capacity: { storage: `${gib}Gi` }, csi: { driver: 'driver.longhorn.io', volumeHandle: volume } });
  STORAGE.claim(volume, { volume, gib });
}
for (const [name, gib] of Object.entries(NEW_DISKS)) STORAGE.claim(name, { gib });

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

/** What becomes of an example. */
export interface Outcome {
  readonly guest: Wanted;
  readonly refused: readonly Verdict[];
  /** Nodes that will do and their scores, best first; those of equal score in the order of the table. */
  readonly best: readonly { readonly name: string; readonly total: number }[];
  /** The share of the VM's disk bytes by node, in the order of {@link NAMES}. */
  readonly shares: readonly number[] | undefined;
}

/** A VM of the guide with these annotations (by dimension) on the guide's nodes. */
export function outcome(vm: VmName, says: Readonly<Record<string, string>>, fields?: Partial<World>): Outcome {
  const guest = wanted({ ...VMS[vm], image: IMAGE }, says);
  const where = cluster(fields);
  const verdicts = judgeNodes({ pod: {}, names: NAMES }, { ok: true, guest }, where);
  const passed = verdicts.filter(({ reason }) => reason === '').map(({ name }) => name);
  const storage = where.storage(guest);
  const { totals } = nodeScores(guest, where.judged(passed, guest), storage?.shares(passed));
  return {
    guest,
    refused: verdicts.filter(({ reason }) => reason !== ''),
    best: passed.map((name, index) => ({ name, total: totals[index]! })).sort((a, b) => b.total - a.total),
    shares: storage?.shares(NAMES),
  };
}
