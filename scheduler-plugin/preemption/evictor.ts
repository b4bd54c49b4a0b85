import type { Counter } from 'prom-client';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { isNotFound } from '../../kube/errors.ts';
import { splitKey } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Log } from '../../runtime/log.ts';
import type { BoundVm } from '../placement/ledger.ts';
import type { PodObject } from '../placement/pod-facts.ts';
import { cheapest, type FreeableNode } from './best-node.ts';
import { type PreemptionBooks, type Preemptor, promise, victimsOn } from './preemptor.ts';

/**
 * Evicts for VMs that only zones or functions are lacking for. kube-scheduler does not: such a node passes its own filters, so it would evict nobody there,
 * and before kubernetes#135486 it asks nobody else either (ADR 0014).
 */
export interface Evictor {
  /** A VM was refused by all nodes; by these, only by us. */
  refused(refusal: Refusal): void;
  /** kube-scheduler evicts for it, or it need only wait. */
  settled(uid: string): void;
  /** Resolves when nothing is under way. */
  stop(): Promise<void>;
}

/** A VM that no node passed. */
export interface Refusal {
  readonly namespace: string;
  readonly name: string;
  readonly preemptor: Preemptor;
  readonly nodes: readonly string[];
}

/** What it needs. */
export interface EvictorOptions extends PreemptionBooks {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly evictions: Counter;
}

/** kube-scheduler asks within this, if it does at all: its own search is a part of the attempt whose filter request has just been answered. */
const GRACE_MS = 1_500;
/** A VM that nothing helped is not looked at again at once. */
const PAUSE_MS = 10_000;
/** Others have to get on. */
const SLICE_MS = 20;
const MAX_WAITING = 100;

interface Waiting {
  refusal: Refusal;
  readonly timer: { cancel(): void };
}

/** Starts idle. */
export function createEvictor(options: EvictorOptions): Evictor {
  const { clock } = options;
  const waiting = new Map<string, Waiting>();
  const quiet = new Map<string, number>();
  let work = Promise.resolve();
  let isStopped = false;
  const turn = async (uid: string): Promise<void> => {
    const due = waiting.get(uid);
    waiting.delete(uid);
    if (due === undefined || isStopped) return;
    await help(options, due.refusal);
    quiet.set(uid, clock.now() + PAUSE_MS);
  };
  const drop = (uid: string): void => {
    waiting.get(uid)?.timer.cancel();
    waiting.delete(uid);
  };
  return {
    refused: (refusal) => {
      const now = clock.now();
      for (const [uid, until] of quiet) if (until <= now) quiet.delete(uid);
      const { uid } = refusal.preemptor.guest;
      const known = waiting.get(uid);
      if (known !== undefined) known.refusal = refusal;
      if (known !== undefined || waiting.size >= MAX_WAITING || isStopped) return;
      const begin = (): void => void (work = work.then(() => turn(uid)));
      const timer = clock.timer(Math.max(GRACE_MS, (quiet.get(uid) ?? 0) - now), begin);
      waiting.set(uid, { refusal, timer });
    },
    settled: drop,
    stop: async () => {
      isStopped = true;
      for (const uid of [...waiting.keys()]) drop(uid);
      await work;
    },
  };
}

async function help(options: EvictorOptions, refusal: Refusal): Promise<void> {
  const { log } = options;
  const pod = `${refusal.namespace}/${refusal.name}`;
  try {
    const found = await search(options, refusal);
    if (found === undefined || !(await nominate(options, refusal, found))) return;
    log.info({ pod, node: found.name }, 'evicting VMs of lower priority for the VM');
    for (const vm of found.vms) await evict(options, vm, refusal, found.name);
  } catch (error) {
    log.warn({ pod, reason: messageOf(error) }, 'cannot evict for the VM');
  }
}

/** In slices; what was found is looked at again at the end, without a pause before it is promised. */
async function search(options: EvictorOptions, { preemptor, nodes }: Refusal): Promise<FreeableNode | undefined> {
  const { clock } = options;
  const found: FreeableNode[] = [];
  let until = clock.now() + SLICE_MS;
  for (const name of nodes) {
    if (clock.now() > until) {
      await clock.sleep(0);
      until = clock.now() + SLICE_MS;
    }
    const one = freeable(options, preemptor, name);
    if (one === 'waits') return undefined;
    if (one !== undefined) found.push(one);
  }
  const best = cheapest(found);
  const again = best && freeable(options, preemptor, best.name);
  if (again === undefined || again === 'waits') return undefined;
  promise(options, preemptor.guest, new Map([[again.name, again.victims]]));
  return again;
}

function freeable(options: EvictorOptions, preemptor: Preemptor, name: string): FreeableNode | 'waits' | undefined {
  const victims = victimsOn(options, preemptor, name);
  if (victims === 'waits') return 'waits';
  if (victims === 'hopeless') return undefined;
  const there = new Map([...options.ledger.claims(name)].map((claim) => [claim.uid, claim]));
  const vms = victims.uids.flatMap((uid) => {
    const vm = there.get(uid);
    return vm !== undefined && 'ended' in vm ? [vm] : [];
  });
  return { name, victims, vms };
}

type Pending = PodObject & { readonly spec?: { readonly nodeName?: string } };

/**
 * Promises the node to the VM as kube-scheduler would, so that it and we keep the room free. False when the VM has found a node meanwhile, or is no more: then
 * nobody is evicted. The answer to the patch is the pod as it is then.
 */
async function nominate(
  { client, nominations }: EvictorOptions,
  refusal: Refusal,
  { name: node }: FreeableNode,
): Promise<boolean> {
  const { namespace, name, preemptor } = refusal;
  const { uid, priority } = preemptor.guest;
  const path = pathOf(KINDS.pods, { namespace, name });
  const before = await client.get<Pending>(path).catch(ifGone);
  if (before?.metadata.uid !== uid || isOver(before)) return false;
  nominations.set(uid, { uid, node, priority, needs: preemptor.guest });
  const body = { metadata: { uid }, status: { nominatedNodeName: node } };
  const after = await client.patch<Pending>(path, { type: 'merge', body, subresource: 'status' }).catch(ifGone);
  return after !== undefined && !isOver(after);
}

function isOver({ metadata, spec }: Pending): boolean {
  return metadata.deletionTimestamp !== undefined || (spec?.nodeName ?? '') !== '';
}

function ifGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** As kube-scheduler evicts: the condition says why, then the pod is deleted with its grace period. */
async function evict(options: EvictorOptions, vm: BoundVm, refusal: Refusal, node: string): Promise<void> {
  const { client, ledger, events, evictions, clock } = options;
  const key = ledger.keyOf(vm.uid);
  if (key === undefined) return;
  const { namespace = '', name } = splitKey(key);
  const path = pathOf(KINDS.pods, { namespace, name });
  const message = `Podvisor's scheduler extender: preempting to make room in a NUMA zone or on a physical function for a VM of higher priority`;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'PreemptionByScheduler',
    message,
    lastTransitionTime: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
  };
  const body = { metadata: { uid: vm.uid }, status: { conditions: [condition] } };
  const patched = await client.patch<object>(path, { type: 'strategic', body, subresource: 'status' }).catch(ifGone);
  if (patched === undefined) return;
  await client.delete(path, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: vm.uid } }).catch(ifGone);
  evictions.inc();
  const by = `${refusal.namespace}/${refusal.name}`;
  const about = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid: vm.uid };
  events.record(about, { type: 'Normal', reason: 'Preempted', message: `Preempted by pod ${by} on node ${node}` });
}
