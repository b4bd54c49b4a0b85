import { VM_LABEL, VM_LABEL_VALUE } from '../api/names.ts';
import type { NodeReport } from '../api/node-report.ts';
import { readStoredGuest } from '../api/parse-stored.ts';
import type { KubeClient } from '../kube/client.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { createReflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { GuestOutcome } from './filter.ts';
import type { Gauges } from './metrics.ts';
import { createJudgements, type Judgements } from './judgements.ts';
import { nodeFacts } from './node-facts.ts';
import { createLedger, type Ledger } from './placement/ledger.ts';
import { createPodReader, ownerOf, type PodObject } from './placement/pod-facts.ts';
import { createRefusals, type Refusals } from './placement/refusals.ts';
import { createReportReader } from './placement/report-facts.ts';
import { type Wanted, wantedOf } from './placement/wanted.ts';
import type { ExtenderPod, NodeObject } from './protocol.ts';
import type { Knowledge } from './server.ts';
import { type Source, sourceOf } from './sources/source.ts';

/** {@link Knowledge} that follows the API server. */
export interface LiveKnowledge extends Knowledge {
  readonly ledger: Ledger;
  readonly gauges: Gauges;
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
}

/** Watches arrive within milliseconds of each other; well below the scheduler's `httpTimeout` of 2 s. */
const CATCH_UP_MS = 250;
/** A pod that fits nowhere is asked about again and again, one at a time: waiting each time would hold up all others. */
const CATCH_UP_EVERY_MS = 1_000;

/** VM pods that have a node, ended ones too: what ended gives back at once what its node's report still counts. */
const VMS_ON_NODES = { labelSelector: `${VM_LABEL}=${VM_LABEL_VALUE}`, fieldSelector: 'spec.nodeName!=' };

/** Follows nodes, their reports and the VM pods on them; keeps a few hundred bytes of each. */
export function createKnowledge(options: KnowledgeOptions): LiveKnowledge {
  const { clock } = options;
  const refusals = createRefusals();
  const ledger = createLedger((node) => judgements.changed(node));
  const reflectors = createReflectors(options, { ledger, refusals, judgements: () => judgements });
  const { nodes } = reflectors;
  const world = {
    node: (name: string) => nodes.get(name),
    nodes: () => nodes.list(),
    cpu: (node: string) => ledger.report(node)?.cpu,
    verdict: (node: string, wanted: Wanted) => ledger.verdict(node, wanted),
    siblings: (node: string, owner: string, uid: string) => ledger.siblings(node, owner, uid),
    wasRefused: (owner: string) => refusals.has(owner),
    backOff: (node: string, owner: string) => refusals.reason(node, owner, clock.now()),
    vmsOn: (node: string) => ledger.vmsOn(node),
    reservedOn: (uid: string) => ledger.reservedOn(uid),
  };
  const judgements = createJudgements(world);
  return {
    ...world,
    ledger,
    sources: [sourceOf('nodes', nodes), sourceOf('pods', reflectors.pods), sourceOf('nodereports', reflectors.reports)],
    judged: (names, guest) => judgements.judged(names, guest),
    gauges: gaugesOf(world, ledger),
    start: () => Object.values(reflectors).forEach((reflector) => reflector.start()),
    stop: async () => {
      await Promise.all(Object.values(reflectors).map((reflector) => reflector.stop()));
    },
    unready: () => unready(reflectors),
    guest: guestOf,
    expire: () => ledger.expire(clock.now()),
    catchUp: createCatchUp(clock),
  };
}

function createCatchUp(clock: Clock): () => Promise<void> {
  let caughtUpAt = 0;
  return async () => {
    if (clock.now() - caughtUpAt < CATCH_UP_EVERY_MS) return;
    caughtUpAt = clock.now();
    await clock.sleep(CATCH_UP_MS);
  };
}

function gaugesOf({ nodes }: Pick<LiveKnowledge, 'nodes'>, ledger: Ledger): Gauges {
  return {
    reservations: () => ledger.reservations(),
    nodes: () => {
      const all = nodes();
      return { all: all.length, reported: all.filter(({ name }) => ledger.report(name) !== undefined).length };
    },
  };
}

interface Readers {
  readonly ledger: Ledger;
  readonly refusals: Refusals;
  readonly judgements: () => Judgements;
}

function createReflectors(options: KnowledgeOptions, { ledger, refusals, judgements }: Readers) {
  const readReport = createReportReader();
  const readPod = createPodReader();
  return {
    nodes: createReflector({
      ...options,
      path: pathOf(KINDS.nodes),
      keep: (raw) => nodeFacts(raw as NodeObject),
      onChange: (name, facts) => (facts === undefined ? judgements().gone(name) : judgements().changed(name)),
    }),
    pods: createReflector({
      ...options,
      path: pathOf(KINDS.pods),
      query: VMS_ON_NODES,
      keep: (raw) => readPod(raw as PodObject),
      onChange: (key, facts) => {
        ledger.setPod(key, facts?.vm);
        if (facts?.refusal !== undefined) refusals.note(facts.refusal);
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
      onChange: (node, report) => ledger.setReport(node, report),
    }),
  };
}

function unready(reflectors: Readonly<Record<string, { synced(): boolean }>>): string {
  const missing = Object.entries(reflectors).flatMap(([what, one]) => (one.synced() ? [] : [what]));
  return missing.length === 0 ? '' : `${missing.join(' and ')} not read from the API server yet`;
}

function guestOf({ metadata = {}, spec = {} }: ExtenderPod): GuestOutcome {
  const stored = readStoredGuest({ metadata: { annotations: metadata.annotations ?? {} } });
  if (!stored.ok) return stored;
  const { uid = '' } = metadata;
  return { ok: true, guest: wantedOf(stored.guest, { uid, owner: ownerOf(metadata), priority: spec.priority ?? 0 }) };
}
