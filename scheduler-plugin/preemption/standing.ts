import { parseQuantity } from '../../api/quantity.ts';
import { isRecord } from '../../runtime/record.ts';

/** What preemption weighs a VM pod by; pods of one workload share it in memory. */
export interface Standing {
  readonly namespace: string;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
  /** What the scheduler counts for it, by resource. */
  readonly requests: Requests;
  /** It asks not to be with certain pods, so the scheduler may want it gone for another reason than room. */
  readonly repels: boolean;
}

/** Amounts by resource, in its unit (cores, bytes, devices). */
export type Requests = Readonly<Record<string, number>>;

/** The parts of a pod that this file reads. Nothing in it is trusted to be of its type. */
export interface StandingPod {
  readonly metadata?: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly priority?: number;
    readonly affinity?: { readonly podAffinity?: unknown; readonly podAntiAffinity?: unknown };
    readonly topologySpreadConstraints?: readonly unknown[];
    readonly containers?: readonly RequestingContainer[];
    readonly initContainers?: readonly RequestingContainer[];
    readonly overhead?: Readonly<Record<string, unknown>>;
  };
}

interface RequestingContainer {
  readonly restartPolicy?: string;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, unknown>>;
    readonly limits?: Readonly<Record<string, unknown>>;
  };
  readonly ports?: readonly { readonly hostPort?: number }[];
}

/** Reads a pod. Total. */
export function standingOf({ metadata = {}, spec = {} }: StandingPod): Standing {
  const { namespace = '', labels = {} } = metadata;
  const repels = isRecord(spec.affinity) && isRecord(spec.affinity.podAntiAffinity);
  const common = Object.fromEntries(Object.entries(labels).filter(([key]) => !OF_ONE_POD.has(key)));
  return { namespace, priority: spec.priority ?? 0, labels: common, requests: requestsOf({ spec }), repels };
}

/** Labels that controllers give to one pod alone: no disruption budget is for one pod of many. */
const OF_ONE_POD: ReadonlySet<string> = new Set([
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/job-completion-index',
]);

/** Whether anything but room may keep the pod off a node where other pods are: then the scheduler knows better which of them must go. */
export function isChoosy({ spec = {} }: StandingPod): boolean {
  const { affinity, topologySpreadConstraints = [], containers = [] } = spec;
  const near = isRecord(affinity) && (isRecord(affinity.podAffinity) || isRecord(affinity.podAntiAffinity));
  return near || topologySpreadConstraints.length > 0 || containers.some(({ ports = [] }) => ports.some((one) => one.hostPort));
}

/** What the scheduler counts for a pod: its containers and sidecars together, or more while an init container runs (k8s.io/component-helpers resource.PodRequests). */
export function requestsOf({ spec = {} }: StandingPod): Requests {
  const { containers = [], initContainers = [], overhead = {} } = spec;
  const { sidecars, peak } = atStart(initContainers);
  const running = sumRequests([sidecars, ...containers.map(ownRequests)]);
  return sumRequests([mostOf(running, peak), amounts(overhead)]);
}

/** Sidecars go on; any other init container runs beside those before it, and ends. */
function atStart(containers: readonly RequestingContainer[]): { readonly sidecars: Requests; readonly peak: Requests } {
  let sidecars: Requests = {};
  let peak: Requests = {};
  for (const container of containers) {
    const together = sumRequests([sidecars, ownRequests(container)]);
    if (container.restartPolicy === 'Always') sidecars = together;
    peak = mostOf(peak, together);
  }
  return { sidecars, peak };
}

function mostOf(a: Requests, b: Requests): Requests {
  const most: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) most[name] = Math.max(most[name] ?? 0, amount);
  return most;
}

/** Without a request the limit is it. */
function ownRequests({ resources = {} }: RequestingContainer): Requests {
  return amounts({ ...resources.limits, ...resources.requests });
}

function amounts(list: Readonly<Record<string, unknown>>): Requests {
  return Object.fromEntries(Object.entries(list).map(([name, text]) => [name, amountOf(text)]));
}

function amountOf(text: unknown): number {
  const parsed = parseQuantity(String(text));
  return parsed.ok ? Number(parsed.value.nanos) / 1e9 : 0;
}

/** All requests together. */
export function sumRequests(list: Iterable<Requests>): Requests {
  const total: Record<string, number> = {};
  for (const one of list) for (const [name, amount] of Object.entries(one)) total[name] = (total[name] ?? 0) + amount;
  return total;
}
