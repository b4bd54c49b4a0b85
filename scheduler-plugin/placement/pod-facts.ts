import { PLAN_ANNOTATION } from '../../api/names.ts';
import { readStoredGuest } from '../../api/parse-stored.ts';
import { isRefusal, type Refusal } from './refusals.ts';
import type { BoundVm } from './ledger.ts';
import { readPlan } from './plan-annotation.ts';
import { type Needs, needsOf } from './wanted.ts';

/** A pod as far as this room reads it. */
export interface PodObject {
  readonly metadata: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid?: string; readonly controller?: boolean }[];
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly reason?: string };
}

/** What is kept of a VM pod that has a node. */
export interface PodFacts {
  readonly vm: BoundVm;
  readonly refusal: Refusal | undefined;
}

/** A pod whose GuestSpec cannot be read takes nothing that can be counted. */
const NOTHING: Needs = { memory: 'plain', amount: 0, cpus: 0, functions: [] };

/** Reads a VM pod; undefined when it has no node yet. Total. */
export function podFacts({ metadata, spec, status = {} }: PodObject): PodFacts | undefined {
  const { nodeName: node = '' } = spec ?? {};
  const { uid = '' } = metadata;
  if (node === '' || uid === '') return undefined;
  const owner = ownerOf(metadata);
  const ended = status.phase === 'Succeeded' || status.phase === 'Failed';
  const vm = { uid, node, owner, ended, ...(ended ? { needs: NOTHING, plan: undefined } : takenBy(metadata)) };
  return { vm, refusal: status.phase === 'Failed' ? refusalOf(vm, metadata, status.reason) : undefined };
}

function refusalOf(
  { uid, owner, node }: BoundVm,
  { creationTimestamp = '' }: PodObject['metadata'],
  reason?: string,
): Refusal | undefined {
  // Creation is when it was refused, within moments, and is known after a restart of ours too.
  return isRefusal(reason) ? { uid, owner, node, at: Date.parse(creationTimestamp) || 0 } : undefined;
}

function takenBy({ annotations = {} }: PodObject['metadata']): Pick<BoundVm, 'needs' | 'plan'> {
  const stored = readStoredGuest({ metadata: { annotations } });
  const needs = stored.ok ? needsOf(stored.guest) : NOTHING;
  return { needs, plan: readPlan(annotations[PLAN_ANNOTATION], needs) };
}

/** UID of the controller that makes such pods, of the pod itself when a person made it. */
export function ownerOf({ uid = '', ownerReferences = [] }: Pick<PodObject['metadata'], 'uid' | 'ownerReferences'>): string {
  return ownerReferences.find(({ controller }) => controller === true)?.uid ?? uid;
}
