import type { World } from '../../../scheduler-plugin/filter.ts';
import type { CpuFacts } from '../../../scheduler-plugin/placement/report-facts.ts';
import { CPU, outcome, type VmName } from '../../build/guide.ts';
import { burst } from '../../build/guide-burst.ts';

/** The followed examples of docs/placement.md: the same nodes, the same VMs, a row for each value of each annotation. */

const OTHER: CpuFacts = { ...CPU, vendor: 'AuthenticAMD' };

interface Example {
  readonly vm: VmName;
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
  'no annotation, WIDE': { vm: 'WIDE', says: {}, order: ['small', 'large', 'silent'] },
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
  const { refused, best } = outcome(vm, says, fields);
  expect(refused.map(({ name }) => name)).toEqual(Object.keys(reasons));
  for (const { name, reason } of refused) expect(reason).toMatch(reasons[name]!);
  expect(best.map(({ name }) => name)).toEqual(order);
});

test('of three VMs bound one right after the other each sees what was reserved before it', () => {
  const steps = burst().map(({ guest, reason, claims }) => {
    const plan = claims.find(({ uid }) => uid === guest.uid)?.plan;
    return { uid: guest.uid, reason, zones: plan?.zones.map(({ id }) => id) };
  });
  expect(steps).toEqual([
    { uid: 'first', reason: '', zones: [0] },
    { uid: 'second', reason: '', zones: [1] },
    { uid: 'third', reason: 'zone 0 has 40 and zone 1 has 40 free 2Mi pages, guest needs 60 in one zone', zones: undefined },
  ]);
});
