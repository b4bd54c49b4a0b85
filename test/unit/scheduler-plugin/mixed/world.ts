import { judgeNodes, type World } from '../../../../scheduler-plugin/filter.ts';
import { createNodeNames } from '../../../../scheduler-plugin/node-names.ts';
import { createJudgements, type Judging } from '../../../../scheduler-plugin/judgements.ts';
import { createLedger, type Ledger } from '../../../../scheduler-plugin/placement/ledger.ts';
import { createReportReader } from '../../../../scheduler-plugin/placement/report-facts.ts';
import type { Plan } from '../../../../api/placement-plan.ts';
import { concernsZones } from '../../../../scheduler-plugin/placement/rules.ts';
import type { Wanted } from '../../../../scheduler-plugin/placement/wanted.ts';
import { createNominations, keepingRoom, type Nominations } from '../../../../scheduler-plugin/preemption/nominations.ts';
import { nodeScores } from '../../../../scheduler-plugin/score.ts';
import { createStorageDesk, type StorageDesk } from '../../../../scheduler-plugin/storage/desk.ts';
import { createFakeClock } from '../../../build/fake-clock.ts';
import { node, wanted, world } from '../../../build/placement.ts';
import { START, storageRig, type StorageRig } from '../../../build/storage.ts';
import { ask, book, larger } from '../oracle-cases.ts';
import { type ClassDisk, GROUPS, type MixedCase, type MixedNode, type PoolEvent } from './cases.ts';

/** What the extender answers about nodes, put together as knowledge.ts does. */
export interface Answers {
  /** As filter: '' = it will do. */
  reasons(names: readonly string[]): readonly string[];
  /** As prioritize. */
  scores(names: readonly string[]): readonly number[];
  /** Where it would lie; undefined = that is nothing to it, or nobody tells. */
  plan(name: string): Plan | undefined;
}

/** Of the same case: more free pages in each zone, more GiB in each pool, nodes seen in the opposite order. */
export interface Change {
  readonly pages?: boolean;
  readonly gib?: number;
  readonly backwards?: boolean;
}

const IMAGE = 7;
const read = createReportReader();
const labelOf = (group: string): string => `example.com/${group}`;

/** The extender of this case, having seen all of it. */
export function answersOf(one: MixedCase, change: Change = {}): Answers {
  const nodes = change.backwards === true ? one.nodes.toReversed() : one.nodes;
  const facts = new Map(nodes.map((each) => [each.name, factsOf(each)]));
  const ledger = createLedger((name) => judgements.changed(name));
  const nominations = createNominations();
  const { rig, desk } = seenStorage(one, change);
  const cluster: Judging = {
    ...world({
      node: (name) => facts.get(name),
      nodes: () => [...facts.values()],
      cpu: (name) => ledger.report(name)?.cpu,
      vmsOn: (name) => ledger.vmsOn(name),
      verdict: (name, vm) => ledger.verdict(name, vm),
      siblings: (name, owner, uid) => ledger.siblings(name, owner, uid),
      storage: (vm) => desk.ask(vm),
    }),
    reservedOn: (uid) => ledger.reservedOn(uid),
  };
  const judgements = createJudgements(cluster, createNodeNames());
  const kept = keepingRoom<World>({ ...cluster, judged: (names, vm) => judgements.judged(names, vm) }, ledger, nominations);
  for (const each of nodes) {
    judgements.changed(each.name);
    tellNode(each, { ledger, nominations }, change.pages === true);
  }
  const guest = guestOf(one, rig);
  if (one.passedBefore.length > 0) desk.promise(guest, one.passedBefore);
  return {
    reasons: (names) => judgeNodes({ pod: {}, names }, { ok: true, guest }, kept).map(({ reason }) => reason),
    scores: (names) => [...nodeScores(guest, kept.judged(names, guest), kept.storage(guest)?.shares(names)).totals],
    plan: (name) => (concernsZones(guest) ? kept.verdict(name, guest)?.fit?.plan : undefined),
  };
}

function factsOf({ name, offers, hasImage }: MixedNode) {
  return node({ name, slots: { kvm: Number(offers), tcg: 0 }, images: { has: (image) => hasImage && image === IMAGE } });
}

interface Books {
  readonly ledger: Ledger;
  readonly nominations: Nominations;
}

function tellNode({ name, told, report, vms }: MixedNode, { ledger, nominations }: Books, isLarger: boolean): void {
  if (told) ledger.setReport(name, read(isLarger ? larger(report) : report));
  for (const one of vms) {
    const { uid, needs, plan } = one.vm;
    if (!one.nominated) book(ledger, one);
    else nominations.promise(uid, new Map([[name, plan]]));
    if (one.nominated) nominations.set(uid, { uid, node: name, needs, priority: 5 });
  }
  // Of a lower priority, so it does not go before.
  const greedy = { memory: '2Mi', amount: 1000, cpus: 100, functions: [{ resource: 'example.com/a' }] } as const;
  if (name === 'b') nominations.set('low', { uid: 'low', node: name, needs: greedy, priority: -1 });
}

function guestOf({ question, disks }: MixedCase, rig: StorageRig): Wanted {
  return ask(question, { owner: question.owner, image: IMAGE, volumeClaims: claimsOf(rig, 'vm', disks) });
}

/** Makes the claims; their keys. */
function claimsOf(rig: StorageRig, vm: string, disks: readonly ClassDisk[]): readonly string[] {
  for (const [index, { storageClass, gib }] of disks.entries()) rig.claim(`${vm}-${index}`, { storageClass, gib });
  return disks.map((_, index) => `default/${vm}-${index}`);
}

/** Pools as they were seen, then the VMs that passed. */
function seenStorage(
  { nodes, pools, seen, passed }: MixedCase,
  { gib = 0, backwards }: Change,
): { rig: StorageRig; desk: StorageDesk } {
  const rig = storageRig();
  let now = START;
  const desk = createStorageDesk(rig.books, { ...createFakeClock(), now: () => now });
  const parameters = { 'topolvm.io/device-class': 'thick' };
  for (const name of GROUPS['thick']!) rig.storageClass(name, { provisioner: 'topolvm.io', parameters });
  rig.storageClass('now', { volumeBindingMode: 'Immediate' });
  for (const { name } of backwards === true ? nodes.toReversed() : nodes) {
    const here = pools.filter((pool) => pool.nodes.includes(name));
    rig.node(name, Object.fromEntries(here.map(({ group, value }) => [labelOf(group), value])));
  }
  for (const one of seen) see(rig, one, gib);
  for (const [index, { disks, asked, nodes: goes, isOver, placed }] of passed.entries()) {
    const volumeClaims = claimsOf(rig, `passed-${index}`, disks);
    now = isOver ? START - 20_000 : START;
    desk.promise(wanted({ uid: `passed-${index}`, volumeClaims }), asked);
    if (placed !== undefined) rig.claim(`passed-${index}-${placed}`, { ...disks[placed]!, on: goes[0]! });
  }
  now = START;
  return { rig, desk };
}

function see(rig: StorageRig, { pool, node: on, storageClass, one }: PoolEvent, more: number): void {
  if (one.kind === 'told') {
    for (const name of pool.classes) rig.capacity(name, pool.value, one.gib + more, labelOf(pool.group));
    return;
  }
  const claim = `${pool.group}-${pool.value}-${one.claim}`;
  const fields = { gib: one.gib, storageClass };
  if (one.kind === 'unplaced') return rig.claim(claim, fields);
  if (one.kind === 'placed') return rig.claim(claim, { ...fields, on });
  rig.volume(`pv-${claim}`, { claim, storageClassName: storageClass, capacity: { storage: `${one.gib}Gi` } });
  rig.claim(claim, { ...fields, on, volume: `pv-${claim}` });
}
