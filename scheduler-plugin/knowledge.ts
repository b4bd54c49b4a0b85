import type { NodeReport } from '../api/node-report.ts';
import { readStoredGuest } from '../api/parse-stored.ts';
import type { KubeClient } from '../kube/client.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { createReflector, type Reflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { GuestOutcome } from './filter.ts';
import type { Gauges } from './metrics.ts';
import { createJudgements, type Judgements } from './judgements.ts';
import { nodeFacts, type NodeFacts } from './node-facts.ts';
import { createLedger, type Ledger } from './placement/ledger.ts';
import { createPodReader, ownerOf, type PodObject } from './placement/pod-facts.ts';
import { createRefusals, type Refusals } from './placement/refusals.ts';
import { keepingRoom } from './preemption/nominations.ts';
import { createPreemptionWatches, type PreemptionWatches } from './preemption/watches.ts';
import { createReportReader } from './placement/report-facts.ts';
import { createTrials, type Trials } from './placement/trials.ts';
import { type ClaimsOf, type Wanted, wantedOf } from './placement/wanted.ts';
import type { ExtenderPod, NodeObject } from './protocol.ts';
import type { Knowledge } from './server.ts';
import { createNodeNames } from './node-names.ts';
import { createNodeSources } from './sources/node-sources.ts';
import { ageOf, isFresh, MAX_AGE_MS, type Source, sourceOf } from './sources/source.ts';
import { createStandIns, type StandIns } from './sources/stand-ins.ts';
import { VMS_ON_NODES } from './sources/vm-pods.ts';
import { createStorageDesk, type StorageDesk } from './storage/desk.ts';
import type { LinstorAccess } from './storage/locators.ts';
import { podClaims } from './storage/pod-claims.ts';
import { createStorageSources } from './storage/sources.ts';
import type { StorageBooks } from './storage/storage.ts';
import { createUnderWay, type UnderWay } from './storage/under-way.ts';
import { createLabelReader } from './storage/topology.ts';

/** {@link Knowledge} that follows the API server. */
export interface LiveKnowledge extends Knowledge {
  readonly ledger: Ledger;
  readonly trials: Trials;
  readonly gauges: Gauges;
  readonly preemption: PreemptionWatches;
  /** What it all comes from. */
  readonly sources: readonly Source[];
  start(): void;
  stop(): Promise<void>;
}

export interface KnowledgeOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** undefined = LINSTOR is not asked. */
  readonly linstor?: LinstorAccess;
  /** Something is new in a node's report, or about who is there. */
  readonly onNodeChange?: (node: string) => void;
}

/** Watches arrive within milliseconds of each other; well below the scheduler's `httpTimeout` of 2 s. */
const CATCH_UP_MS = 250;
/** A pod that fits nowhere is asked about again and again, one at a time: waiting each time would hold up all others. */
const CATCH_UP_EVERY_MS = 1_000;

/** Follows nodes, their reports and the VM pods on them; keeps a few hundred bytes of each. */
export function createKnowledge(options: KnowledgeOptions): LiveKnowledge {
  const { clock } = options;
  const { refusals, trials } = createKubeletWords();
  const ledger = createLedger((node) => (judgements.changed(node), options.onNodeChange?.(node)));
  const storage = createStorageSources(options, (node, uid) => claimsOn(ledger, node, uid), options.linstor);
  const desk = createStorageDesk(storage.books, clock);
  const preemption = createPreemptionWatches(options);
  const standIns = createStandIns((node, facts) => ledger.setReport(node, facts));
  const others = createNodeSources(options, standIns);
  const books = { ledger, standIns, refusals, trials, preemption, books: storage.books, judgements: () => judgements };
  const { nodes, pods, reports } = createReflectors(options, books);
  const own = [sourceOf('nodes', nodes), sourceOf('pods', pods), sourceOf('nodereports', reports)];
  const after = [...own, ...storage.required];
  const required = [...after, ...preemption.required];
  const underWay = createUnderWay({ ...options, after, wanted: wantedDisks, promise: promiseEverywhere(desk, nodes) });
  const optional = [...storage.optional, ...preemption.optional, others.topologies, others.functions];
  const world = worldOf({ nodes, ledger, refusals, desk, clock });
  const names = createNodeNames();
  const judgements = createJudgements(world, names);
  const judged: LiveKnowledge['judged'] = (names, guest) => judgements.judged(names, guest);
  const kept = keepingRoom({ ...world, judged }, ledger, preemption.nominations);
  return {
    ...kept,
    names,
    ledger,
    trials,
    preemption,
    ...running({ required, optional, underWay }, clock),
    gauges: gaugesOf(world, ledger),
    guest: once(guestOf),
    expire: () => {
      standIns.setFresh(isFresh(others.topologies, clock.now()));
      storage.refresh();
      return ledger.expire(clock.now());
    },
    catchUp: createCatchUp(clock, desk),
    storageWaits: (wanted) => desk.waits(wanted),
    promise: (wanted, passed) => desk.promise(wanted, passed),
  };
}

interface WorldParts {
  readonly nodes: Pick<Reflector<NodeFacts>, 'get' | 'list'>;
  readonly ledger: Ledger;
  readonly refusals: Refusals;
  readonly desk: StorageDesk;
  readonly clock: Clock;
}

function worldOf({ nodes, ledger, refusals, desk, clock }: WorldParts) {
  return {
    node: (name: string) => nodes.get(name),
    nodes: () => nodes.list(),
    cpu: (node: string) => ledger.report(node)?.cpu,
    verdict: (node: string, wanted: Wanted) => ledger.verdict(node, wanted),
    siblings: (node: string, owner: string, uid: string) => ledger.siblings(node, owner, uid),
    wasRefused: (owner: string) => refusals.has(owner),
    backOff: (node: string, owner: string) => refusals.reason(node, owner, clock.now()),
    storage: (wanted: ClaimsOf) => desk.ask(wanted),
    vmsOn: (node: string) => ledger.vmsOn(node),
    reservedOn: (uid: string) => ledger.reservedOn(uid),
  };
}

/** Claims of the VMs there, but of one. */
function claimsOn(ledger: Ledger, node: string, uid: string): readonly string[] {
  return Array.from(ledger.claims(node)).flatMap((vm) => (vm.uid === uid ? [] : (vm.volumeClaims ?? [])));
}

/** What kubelets have said of VMs, and what they have yet to say. */
function createKubeletWords(): { readonly refusals: Refusals; readonly trials: Trials } {
  const refusals = createRefusals();
  return { refusals, trials: createTrials((owner, now) => refusals.recent(owner, now)) };
}

/** Nothing is answered before what is required was read, nor from what is too old. */
function running(
  { required, optional, underWay }: { required: readonly Source[]; optional: readonly Source[]; underWay: UnderWay },
  clock: Clock,
): Pick<LiveKnowledge, 'sources' | 'start' | 'stop' | 'unready'> {
  const sources = [...required, ...optional];
  return {
    sources,
    start: () => [...sources, underWay].forEach((one) => one.start()),
    stop: async () => {
      await Promise.all([...sources, underWay].map((one) => one.stop()));
    },
    unready: () => {
      const missing = [...required, underWay].flatMap((one) => (one.synced() ? [] : [one.name]));
      if (missing.length > 0) return `${missing.join(' and ')} not read from the API server yet`;
      const silent = required.filter((source) => (ageOf(source, clock.now()) ?? 0) > MAX_AGE_MS).map(({ name }) => name);
      return silent.length === 0
        ? ''
        : `${silent.join(' and ')} not heard of from the API server for ${MAX_AGE_MS / 60_000} minutes`;
    },
  };
}

/** What is about to change is waited for each time, anything else once a second. */
function createCatchUp(clock: Clock, desk: StorageDesk): Knowledge['catchUp'] {
  let caughtUpAt = 0;
  return async (wanted) => {
    if (desk.waits(wanted) !== '') return desk.settle(wanted);
    if (clock.now() - caughtUpAt < CATCH_UP_EVERY_MS) return;
    caughtUpAt = clock.now();
    await clock.sleep(CATCH_UP_MS);
  };
}

function gaugesOf({ nodes }: Pick<LiveKnowledge, 'nodes'>, ledger: Ledger): Gauges {
  return {
    reservations: () => ledger.reservations(),
    hinted: () => ledger.hinted(),
    nodes: () => {
      const all = nodes();
      return { all: all.length, reported: all.filter(({ name }) => ledger.report(name)?.source === 'NodeReport').length };
    },
  };
}

interface Readers {
  readonly ledger: Ledger;
  readonly standIns: StandIns;
  readonly refusals: Refusals;
  readonly trials: Trials;
  readonly books: StorageBooks;
  readonly preemption: PreemptionWatches;
  readonly judgements: () => Judgements;
}

function createReflectors(options: KnowledgeOptions, readers: Readers) {
  const { ledger, refusals, trials, preemption, books, judgements, standIns } = readers;
  const readReport = createReportReader();
  const readPod = createPodReader();
  const readLabels = createLabelReader();
  return {
    nodes: createReflector({
      ...options,
      path: pathOf(KINDS.nodes),
      keep: (raw) => nodeFacts(raw as NodeObject, readLabels),
      onChange: (name, facts) => {
        books.setNode(name, facts);
        if (facts === undefined) judgements().gone(name);
        else judgements().changed(name);
      },
    }),
    pods: createReflector({
      ...options,
      path: pathOf(KINDS.pods),
      query: VMS_ON_NODES,
      keep: (raw) => readPod(raw as PodObject),
      onChange: (key, facts) => {
        ledger.setPod(key, facts);
        preemption.note(facts);
        if (facts?.refusal !== undefined) refusals.note(facts.refusal);
        if (facts !== undefined) trials.seen(facts, facts.word, options.clock.now());
      },
    }),
    reports: createReflector({
      ...options,
      path: pathOf(KINDS.nodeReports),
      mayBeAbsent: true,
      keep: (raw) => {
        const { status } = raw as unknown as NodeReport;
        return status === undefined ? undefined : readReport(status);
      },
      onChange: (node, report) => standIns.setReport(node, report),
    }),
  };
}

/** Filter and prioritize are asked about the same pod, one after the other (bodies.ts). */
function once<A extends object, B>(read: (one: A) => B): (one: A) => B {
  const known = new WeakMap<A, { readonly value: B }>();
  return (one) => {
    const its = known.get(one) ?? { value: read(one) };
    known.set(one, its);
    return its.value;
  };
}

/** undefined = it has no disks, or is none that could be placed. */
function wantedDisks(pod: ExtenderPod): Wanted | undefined {
  const outcome = guestOf(pod);
  return outcome.ok && outcome.guest.volumeClaims.length > 0 ? outcome.guest : undefined;
}

/** One list of nodes for all, made when first asked for. */
function promiseEverywhere(desk: StorageDesk, nodes: Pick<Reflector<NodeFacts>, 'list'>): (wanted: Wanted) => void {
  let names: readonly string[] | undefined;
  return (wanted) => {
    names ??= nodes.list().map(({ name }) => name);
    desk.promise(wanted, names);
  };
}

function guestOf(pod: ExtenderPod): GuestOutcome {
  const { metadata = {}, spec = {} } = pod;
  const stored = readStoredGuest({ metadata: { annotations: metadata.annotations ?? {} } });
  if (!stored.ok) return stored;
  const { uid = '' } = metadata;
  const identity = { uid, owner: ownerOf(metadata), priority: spec.priority ?? 0, ...podClaims(pod) };
  return { ok: true, guest: wantedOf(stored.guest, identity) };
}
