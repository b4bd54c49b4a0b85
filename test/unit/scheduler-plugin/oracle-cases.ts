import type { NodeReportStatus } from '../../../api/node-report.ts';
import type { BoundVm, Ledger } from '../../../scheduler-plugin/placement/ledger.ts';
import type { MemoryKind, Wanted } from '../../../scheduler-plugin/placement/wanted.ts';
import { report, wanted } from '../../build/placement.ts';
import type { Question, TrueFunction, Truth, TrueZone } from './oracle.ts';

/** A node with a history: what is true now, and what the scheduler was told, which is older and in parts. */
export interface Case {
  readonly truth: Truth;
  readonly report: NodeReportStatus;
  /** Pods on the node in the order they came; `reserved`: bound by us, not yet seen by the watch. */
  readonly vms: readonly { readonly vm: BoundVm; readonly reserved: boolean }[];
  readonly question: Question;
}

export type Dice = (sides: number) => number;

/** mulberry32: the same cases for the same seed. */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

const pick = <T>(roll: Dice, ...list: readonly T[]): T => list[roll(list.length)]!;
const RESOURCES = ['example.com/a', 'example.com/b'];
const NETWORKS = ['blue', 'green', undefined];
const GIB = 2 ** 30;

type OpenZone = { -readonly [K in keyof TrueZone]: TrueZone[K] };
type OpenFunction = TrueFunction & { vfs: number };

export function makeCase(roll: Dice): Case {
  const count = pick(roll, 1, 1, 2, 2, 2, 4, 4, 8);
  const zones = Array.from({ length: count }, (_, id): OpenZone => {
    return { id, cpus: roll(13), '2Mi': roll(41), '1Gi': roll(6), plain: roll(9) * GIB };
  });
  const functions = Array.from({ length: roll(5) }, (_, index): OpenFunction => {
    const zone = roll(6) === 0 ? undefined : roll(count);
    const fields = { zone, resource: pick(roll, ...RESOURCES), network: pick(roll, ...NETWORKS), linkUp: roll(4) > 0 };
    return { address: `0000:${index}0:00.0`, ...fields, vfs: roll(4) };
  });
  const seen = { zones: structuredClone(zones), functions: structuredClone(functions) };
  const listed: NodeReportStatus['vms'] = [];
  const vms = Array.from({ length: roll(4) }, (_, index) => {
    const stage = pick(roll, 'listed', 'starting', 'new', 'new', 'reserved', 'ended');
    const vm = makeVm(roll, index, { zones, functions });
    // While it starts, the report sees none, a part or all of its pages and VFs.
    const share = stage === 'starting' ? roll(3) / 2 : 1;
    if (stage !== 'new' && stage !== 'reserved') listed.push(see(vm, share, seen));
    if (stage === 'ended') giveBack(vm, { zones, functions });
    return { vm: { ...vm, ended: stage === 'ended' }, reserved: stage === 'reserved' };
  });
  return { truth: { zones, functions }, report: reportOf(seen, listed), vms, question: makeQuestion(roll) };
}

/** A VM in a place that has room for it. */
function makeVm(roll: Dice, index: number, { zones, functions }: { zones: OpenZone[]; functions: OpenFunction[] }): BoundVm {
  const memory = pick<MemoryKind>(roll, '2Mi', '2Mi', '1Gi', 'plain');
  const there = new Set([roll(zones.length), roll(zones.length)]);
  const plan = [...there].map((at) => {
    const zone = zones[at]!;
    const part = { id: zone.id, cpus: roll(zone.cpus + 1), amount: roll(zone[memory] + 1) };
    zone.cpus -= part.cpus;
    zone[memory] -= part.amount;
    return part;
  });
  const taken = Array.from({ length: roll(4) }).flatMap(() => {
    const free = functions.filter(({ vfs }) => vfs > 0);
    if (free.length === 0) return [];
    const one = pick(roll, ...free);
    one.vfs -= 1;
    return [one];
  });
  const sum = (key: 'cpus' | 'amount'): number => plan.reduce((all, part) => all + part[key], 0);
  const needs = { memory, amount: sum('amount'), cpus: sum('cpus'), functions: taken.map(({ resource }) => ({ resource })) };
  const addresses = taken.map(({ address }) => address);
  return { uid: `vm-${index}`, node: 'a', owner: 'o', ended: false, needs, plan: { zones: plan, functions: addresses } };
}

/** What the report has of a VM, out of the free amounts. */
function see(
  { uid, needs, plan }: BoundVm,
  share: number,
  seen: { zones: OpenZone[]; functions: OpenFunction[] },
): NodeReportStatus['vms'][number] {
  const zones = plan!.zones.map(({ id, cpus, amount }) => {
    const held = Math.floor(amount * share);
    seen.zones.find((zone) => zone.id === id)![needs.memory] -= held;
    const bytes = { plain: held, '2Mi': held * 2 ** 21, '1Gi': held * GIB }[needs.memory];
    return {
      id,
      cpus: share === 1 ? cpus : 0,
      memoryBytes: bytes,
      hugepages: needs.memory === 'plain' ? {} : { [needs.memory]: held },
    };
  });
  const functions = plan!.functions.slice(0, Math.ceil(plan!.functions.length * share));
  for (const address of functions) seen.functions.find((one) => one.address === address)!.vfs -= 1;
  return { podUid: uid, zones, functions };
}

function giveBack({ needs, plan }: BoundVm, { zones, functions }: { zones: OpenZone[]; functions: OpenFunction[] }): void {
  for (const { id, cpus, amount } of plan!.zones) {
    const zone = zones.find((one) => one.id === id)!;
    zone.cpus += cpus;
    zone[needs.memory] += amount;
  }
  for (const address of plan!.functions) functions.find((one) => one.address === address)!.vfs += 1;
}

function reportOf(seen: { zones: OpenZone[]; functions: OpenFunction[] }, vms: NodeReportStatus['vms']): NodeReportStatus {
  const all = 1000;
  return report({
    zones: seen.zones.map((zone) => ({
      id: zone.id,
      cpus: zone.cpus,
      memory: { totalBytes: all * GIB, freeBytes: zone.plain },
      hugepages: { '2Mi': { total: all, free: zone['2Mi'] }, '1Gi': { total: all, free: zone['1Gi'] } },
      distances: [],
    })),
    functions: seen.functions.map(({ address, zone, resource, network, linkUp, vfs }) => ({
      address,
      ...(zone === undefined ? {} : { zone }),
      resource,
      ...(network === undefined ? {} : { physicalNetwork: network }),
      linkUp,
      vfs: { total: all, free: vfs },
    })),
    vms,
  });
}

function makeQuestion(roll: Dice): Question {
  const cells = pick(roll, 1, 1, 1, 2, 2, 4);
  const kind = pick(roll, '2Mi', '2Mi', '1Gi', 'plain');
  const perCell = { '2Mi': 1 + roll(24), '1Gi': 1 + roll(3), plain: (1 + roll(5)) * GIB }[kind];
  const vfs = Array.from({ length: pick(roll, 0, 0, 1, 2, 3) }, () => {
    const network = pick(roll, 'blue', undefined, undefined);
    return { resource: pick(roll, ...RESOURCES, RESOURCES[0]!), ...(network === undefined ? {} : { network }) };
  });
  const said = (key: string, ...values: readonly string[]): object => (roll(3) === 0 ? {} : { [key]: pick(roll, ...values) });
  return {
    kind,
    amount: perCell * cells,
    cells,
    vcpus: cells * (1 + roll(4)),
    dedicated: roll(2) === 0,
    isolate: roll(3) === 0,
    vfs,
    ...said('hugepages', 'require', 'prefer', 'prefer=9', 'ignore'),
    ...said('numa', 'require', 'require', 'prefer', 'ignore'),
    ...said('sriov', 'require', 'prefer', 'ignore'),
  };
}

/** The question as the scheduler comes to read it, with wishes of any dimension that it has. */
export function ask(question: Question, more: Parameters<typeof wanted>[0] = {}): Wanted {
  const { kind, amount, cells, vcpus, dedicated, isolate, vfs, ...wishes } = question;
  const extraCpus = dedicated && isolate ? 1 : 0;
  const cpus = dedicated ? vcpus + extraCpus : 0;
  return wanted({ memory: kind, amount, cells, cpus, extraCpus, functions: vfs, ...more }, wishes);
}

/** What the watch, or our own binding, tells of a VM. */
export function book(ledger: Ledger, { vm, reserved }: Case['vms'][number]): void {
  if (reserved) ledger.reserve({ ...vm, expiresAt: 1 });
  else ledger.setPod(vm.uid, { ...vm, ended: false });
  if (vm.ended) ledger.setPod(vm.uid, vm);
}

/** With more free pages in each zone. */
export function larger(report: NodeReportStatus): NodeReportStatus {
  const more = (pages = { total: 0, free: 0 }) => ({ ...pages, free: pages.free + 3 });
  const zones = report.zones.map((zone) => ({
    ...zone,
    hugepages: { '2Mi': more(zone.hugepages['2Mi']), '1Gi': more(zone.hugepages['1Gi']) },
  }));
  return { ...report, zones };
}
