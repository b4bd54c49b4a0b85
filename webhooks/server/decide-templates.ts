import type { Operation } from 'fast-json-patch';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import { stableName } from '../../api/pod-identity.ts';
import { drawMac } from '../../guest/mac.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import { keepNewest } from '../../runtime/newest.ts';
import type { Decide, DecisionContext } from './decide.ts';
import type { AdmissionRequest, Decision } from './review.ts';

/** Templates remembered, the oldest forgotten first; each takes its text and a patch, some 10 KB. */
const MAX_TEMPLATES = 64;
/** Characters of a template: larger ones would fill megabytes. */
const MAX_TEXT = 32_768;
/** Stands for the request in what is remembered. */
const ANY_REQUEST = 'any';

interface Template {
  /** The compiled policies it was decided under: another object is another version. */
  readonly selected: readonly CompiledPolicy[];
  readonly decision: Decision;
}

/**
 * Decides pods made from one template once. The pods of a ReplicaSet or a Job come without a name and are equal to the letter; the MAC addresses drawn for
 * each are all that tells their answers apart, and are put in afterwards. What is remembered is found by the whole text of the pod and of all facts
 * it was decided by, so the answer is always the one `decide` would have given. Has identity for what it remembers.
 */
export function decideTemplatesOnce(decide: Decide): Decide {
  const known = new Map<string, Template>();
  const learn = (key: string, request: AdmissionRequest, context: DecisionContext): Decision => {
    const decision = decide({ ...request, uid: ANY_REQUEST }, context);
    if (!isOnlyDrawnInPatch(key, decision)) return decide(request, context);
    keepNewest(known, key, { selected: selectedIn(context), decision }, MAX_TEMPLATES);
    return drawnFor(request.uid, decision);
  };
  return (request, context) => {
    const key = isTemplate(request, context) ? templateText(request, context) : '';
    if (key === '' || key.length > MAX_TEXT) return decide(request, context);
    const before = known.get(key);
    const holds = before !== undefined && isSame(before.selected, selectedIn(context));
    return holds ? drawnFor(request.uid, before.decision) : learn(key, request, context);
  };
}

function selectedIn({ policies }: DecisionContext): readonly CompiledPolicy[] {
  return policies?.selected ?? [];
}

/** Pods with a name of their own never come again; limits depend on what else is in the namespace; a GuestSpec has addresses of its own already. */
function isTemplate({ operation, object }: AdmissionRequest, { policies }: DecisionContext): boolean {
  return (
    operation === 'CREATE' &&
    stableName(object) === undefined &&
    object.metadata.annotations?.[GUEST_ANNOTATION] === undefined &&
    policies?.problem === undefined &&
    policies?.selected.some(({ spec }) => spec.limits !== undefined) !== true
  );
}

/** Everything the decision is made from but the policies. Fields that no decision reads and that differ from pod to pod are left out. */
function templateText({ namespace, object }: AdmissionRequest, context: DecisionContext): string {
  const { policies, ...facts } = context;
  const metadata = { ...object.metadata, managedFields: undefined, creationTimestamp: undefined, uid: undefined };
  return JSON.stringify([namespace, facts, policies?.namespace, { ...object, metadata }]);
}

function isSame(one: readonly CompiledPolicy[], other: readonly CompiledPolicy[]): boolean {
  return one.length === other.length && one.every((policy, index) => policy === other[index]);
}

/** An address of {@link ANY_REQUEST} must not be in what the user wrote, nor in what is said about the pod. */
function isOnlyDrawnInPatch(key: string, decision: Decision): boolean {
  const { drawn = [] } = decision;
  const text = key + JSON.stringify({ ...decision, patch: undefined });
  return drawn.every((label) => !text.includes(drawMac(ANY_REQUEST, label)));
}

/** The decision with the addresses that are drawn for this request. */
function drawnFor(uid: string, decision: Decision): Decision {
  const { patch, drawn = [] } = decision;
  if (patch === undefined || drawn.length === 0) return decision;
  const pairs = drawn.map((label): readonly [string, string] => [drawMac(ANY_REQUEST, label), drawMac(uid, label)]);
  return { ...decision, patch: patch.map((operation) => withAddresses(operation, pairs)) };
}

function withAddresses(operation: Operation, pairs: readonly (readonly [string, string])[]): Operation {
  if (!('value' in operation)) return operation;
  const value: unknown = operation.value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (!pairs.some(([from]) => text.includes(from))) return operation;
  const drawn = pairs.reduce((all, [from, to]) => all.replaceAll(from, to), text);
  return { ...operation, value: typeof value === 'string' ? drawn : (JSON.parse(drawn) as unknown) } as Operation;
}
