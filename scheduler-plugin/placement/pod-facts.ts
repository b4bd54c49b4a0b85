import { isRefusal } from '../../api/kubelet-refusal.ts';
import { BETTER_NODE, PLAN_ANNOTATION } from '../../api/names.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import type { Plan } from '../../api/placement-plan.ts';
import { type Standing, standingOf, type StandingPod } from '../preemption/standing.ts';
import type { ExtenderPod } from '../protocol.ts';
import { podClaims } from '../storage/pod-claims.ts';
import type { Refusal } from './refusals.ts';
import type { BoundVm } from './ledger.ts';
import { readPlan } from './plan-annotation.ts';
import { createShared } from './shared.ts';
import type { Word } from './trials.ts';
import { type Needs, needsOf } from './wanted.ts';

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

/** A pod as far as this room reads it. */
export interface PodObject extends StandingPod {
  readonly metadata: NonNullable<StandingPod['metadata']> & {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    /** When its grace period ends; only on a pod that is being deleted. */
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid?: string; readonly controller?: boolean }[];
  };
  readonly spec?: StandingPod['spec'] & ExtenderPod['spec'] & { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly startTime?: string;
    readonly nominatedNodeName?: string;
    readonly conditions?: readonly PodCondition[];
  };
}

/** What is kept of a VM pod that has a node; one object, because there are tens of thousands. */
export interface PodFacts extends BoundVm {
  readonly word: Word;
  /** Only of a pod that its kubelet refused. */
  readonly refusal?: Refusal;
}

/** A pod whose GuestSpec cannot be read takes nothing that can be counted. */
const NOTHING: Needs = { memory: 'plain', amount: 0, cpus: 0, functions: [] };

/** Reads a VM pod; undefined when it has no node yet. Total. */
export type PodReader = (pod: PodObject) => PodFacts | undefined;

/** Makes a {@link PodReader}. What many pods have in common, such as needs and nodes, is one object in memory for all of them. */
export function createPodReader(): PodReader {
  const needs = createShared<Needs>();
  const plans = createShared<Plan | undefined>();
  const names = createShared<string>();
  const standings = createShared<Standing>();
  const taken = ({ annotations = {} }: PodObject['metadata']): Pick<BoundVm, 'needs' | 'plan'> => {
    const stored = readStoredGuest({ metadata: { annotations } });
    const wants = stored.ok ? needsOf(stored.guest) : NOTHING;
    const key = JSON.stringify(wants);
    const text = annotations[PLAN_ANNOTATION];
    return { needs: needs(key, () => wants), plan: plans(key + (text ?? ''), () => readPlan(text, wants)) };
  };
  const standing = (pod: PodObject): Standing => {
    const read = standingOf(pod);
    return standings(JSON.stringify(read), () => read);
  };
  return (pod) => {
    const { metadata, spec, status = {} } = pod;
    const { nodeName = '' } = spec ?? {};
    const { uid = '' } = metadata;
    if (nodeName === '' || uid === '') return undefined;
    const who = { uid, node: names(nodeName, () => nodeName), owner: ownerOf(metadata) };
    const refusal = refusalOf(who, pod);
    const word = wordOf(refusal, status);
    const ended = status.phase === 'Succeeded' || status.phase === 'Failed';
    if (!ended) return standingVm({ ...who, ...taken(metadata), standing: standing(pod), word }, pod);
    return { ...who, ended, needs: NOTHING, plan: undefined, word, ...(refusal === undefined ? {} : { refusal }) };
  };
}

/** What few VMs have. */
function rareOf(pod: PodObject): Pick<BoundVm, 'leavesBy' | 'volumeClaims' | 'isHinted'> {
  const { deletionTimestamp } = pod.metadata;
  const { volumeClaims } = podClaims(pod);
  const isHinted = pod.status?.conditions?.some(({ type, status }) => type === BETTER_NODE && status === 'True') === true;
  return {
    ...(deletionTimestamp === undefined ? {} : { leavesBy: seconds(deletionTimestamp) }),
    ...(volumeClaims.length === 0 ? {} : { volumeClaims }),
    ...(isHinted ? { isHinted } : {}),
  };
}

/** Written out, not spread, so that each is one block in memory: there are tens of thousands. */
function standingVm(
  { uid, node, owner, needs, plan, standing, word }: Omit<PodFacts, 'ended'> & { readonly standing: Standing },
  pod: PodObject,
): PodFacts {
  const { metadata, status = {} } = pod;
  const since = seconds(status.startTime ?? metadata.creationTimestamp);
  const vm = { uid, node, owner, ended: false, needs, plan, standing, since, word };
  const rare = rareOf(pod);
  return Object.keys(rare).length === 0 ? vm : { ...vm, ...rare };
}

function seconds(time: string | undefined): number {
  return Math.floor((Date.parse(time ?? '') || 0) / 1000);
}

function refusalOf(
  { uid, owner, node }: Pick<BoundVm, 'uid' | 'owner' | 'node'>,
  { metadata, status = {} }: PodObject,
): Refusal | undefined {
  // The kubelet writes a start time on what it refuses, too. By that, and not by when we hear of it, it is known after a restart of ours.
  const at = Date.parse(status.startTime ?? metadata.creationTimestamp ?? '') || 0;
  return status.phase === 'Failed' && isRefusal(status.reason) ? { uid, owner, node, at } : undefined;
}

/** A kubelet writes the start time first of all, when it has admitted a pod or refused it. */
function wordOf(refusal: Refusal | undefined, { startTime }: NonNullable<PodObject['status']>): Word {
  if (refusal !== undefined) return 'refused';
  return startTime === undefined ? 'none' : 'accepted';
}

/** UID of the controller that makes such pods, of the pod itself when a person made it. */
export function ownerOf({ uid = '', ownerReferences = [] }: Pick<PodObject['metadata'], 'uid' | 'ownerReferences'>): string {
  return ownerReferences.find(({ controller }) => controller === true)?.uid ?? uid;
}
