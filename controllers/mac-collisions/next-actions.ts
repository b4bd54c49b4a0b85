import { NETWORKS_ANNOTATION } from '../../api/names.ts';
import type { EventText } from '../../kube/events.ts';
import type { ConditionValue } from './facts.ts';
import type { Collision } from './mac-index.ts';

/** What to write about a pod. */
export type MacAction =
  | {
      readonly do: 'report';
      readonly condition: ConditionValue;
      /** RFC 3339, only when the status changes. */
      readonly lastTransitionTime?: string;
    }
  | { readonly do: 'tell'; readonly event: EventText };

/** Reason of condition and Event. */
const COLLISION = 'MacCollision';
const UNIQUE: ConditionValue = {
  status: 'True',
  reason: 'MacUnique',
  message: 'No other VM pod has a MAC of this one on a network they share.',
};
/** A pod has few NICs; a message is read by people. */
const MAX_NAMED = 3;

/**
 * What to write about a pod that has these collisions and was reported so. A pod that never collided gets no condition, so that an
 * ordinary start costs nothing. Always a report before what is told of it.
 */
export function nextActions(
  reported: ConditionValue | undefined,
  collisions: readonly Collision[],
  now: number,
): readonly MacAction[] {
  const wanted = collisions.length > 0 ? collisionCondition(collisions) : reported === undefined ? undefined : UNIQUE;
  if (wanted === undefined || same(wanted, reported)) return [];
  const changed = wanted.status !== reported?.status;
  const report: MacAction = {
    do: 'report',
    condition: wanted,
    ...(changed ? { lastTransitionTime: `${new Date(now).toISOString().slice(0, 19)}Z` } : {}),
  };
  const type = wanted.status === 'False' ? 'Warning' : 'Normal';
  return [report, { do: 'tell', event: { type, reason: wanted.reason, message: wanted.message } }];
}

function same(a: ConditionValue, b: ConditionValue | undefined): boolean {
  return a.status === b?.status && a.reason === b.reason && a.message === b.message;
}

function collisionCondition(collisions: readonly Collision[]): ConditionValue {
  const named = collisions.slice(0, MAX_NAMED).map(sentence);
  const more = collisions.length - named.length;
  const rest = more > 0 ? [`${more} more of its MACs collide.`] : [];
  const advice = `Delete one of the pods and create it again with another MAC, or with none to get one of its own (annotation ${NETWORKS_ANNOTATION}, field "mac").`;
  return { status: 'False', reason: COLLISION, message: [...named, ...rest, advice].join(' ') };
}

function sentence({ network, mac, with: other }: Collision): string {
  const where = network === 'pod' ? 'the pod network' : `network ${network}`;
  return `MAC ${mac} on ${where} is also that of pod ${other.namespace}/${other.name}: frames for one may reach the other.`;
}
