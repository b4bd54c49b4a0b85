import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { VM_LABEL } from '../../api/names.ts';
import type { Pod } from '../../api/pod.ts';
import { compilePolicy } from '../../policy/compile.ts';
import type { Labels } from '../../policy/labels.ts';
import { selectPolicies } from '../../policy/select.ts';
import type { CompiledPolicy, UsedVm } from '../../policy/types.ts';
import type { PolicyFacts } from '../pod/context.ts';
import type { AdmissionRequest } from '../server/review.ts';
import { type CountedVm, countedVm, createUsage, type Usage } from './usage.ts';

/** What {@link createPolicyStore} needs. */
export interface PolicyStoreOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The cluster's policies and what they look at, from watches alone: nothing is fetched for a request. */
export interface PolicyStore {
  start(): void;
  stop(): Promise<void>;
  /** '' = all of it has been listed, else what has not. */
  ready(): string;
  /** Every policy, ready to be applied. */
  policies(): readonly CompiledPolicy[];
  /** The policies for a pod and their facts; undefined = there are no policies at all. */
  gather(request: AdmissionRequest): Promise<PolicyFacts | undefined>;
  /** A pod was admitted, not as a dry run: it counts until the watch shows it. */
  admitted(request: AdmissionRequest, takes: UsedVm): void;
}

/** How long a pod waits for its namespace to come by the watch, when both were created in one breath. */
export const NAMESPACE_WAIT_MS = 500;

export function createPolicyStore(options: PolicyStoreOptions): PolicyStore {
  const usage = createUsage();
  const watches = createWatches(options, usage);
  const parts = [watches.policies, watches.namespaces, watches.pods];
  return {
    start: () => parts.forEach((part) => part.start()),
    stop: async () => {
      await Promise.all(parts.map((part) => part.stop()));
    },
    ready: () => (parts.every((part) => part.synced()) ? '' : 'policies, namespaces or VM pods have not been listed yet'),
    policies: () => watches.policies.list(),
    gather: (request) => gather(request, watches, usage, options.clock),
    admitted: ({ namespace, object, uid }, takes) =>
      usage.admitted({ ...takes, namespace, uid: object.metadata.uid ?? uid }, options.clock.now()),
  };
}

interface Watches {
  readonly policies: Reflector<CompiledPolicy>;
  readonly namespaces: Reflector<Labels>;
  readonly pods: Reflector<CountedVm>;
  readonly arrivals: Arrivals;
}

function createWatches(options: PolicyStoreOptions, usage: Usage): Watches {
  const arrivals = createArrivals();
  return {
    arrivals,
    policies: createReflector({ ...options, path: pathOf(KINDS.policies), keep: compilePolicy, mayBeAbsent: true }),
    namespaces: createReflector({
      ...options,
      path: pathOf(KINDS.namespaces),
      keep: labelsOf,
      onChange: (name) => arrivals.arrived(name),
    }),
    pods: createReflector({
      ...options,
      path: pathOf(KINDS.pods),
      query: { labelSelector: VM_LABEL },
      keep: (raw) => countedVm(raw as unknown as Pod),
      onChange: usage.change,
    }),
  };
}

async function gather(
  request: AdmissionRequest,
  { policies, namespaces, arrivals }: Watches,
  usage: Usage,
  clock: Clock,
): Promise<PolicyFacts | undefined> {
  const { namespace: name, object, user } = request;
  if (!policies.synced()) return undecided(name, 'they have not been listed yet');
  const all = policies.list();
  if (all.length === 0) return undefined;
  if (namespaces.get(name) === undefined) await arrivals.wait(name, clock);
  const labels = namespaces.get(name);
  if (labels === undefined) return undecided(name, 'this namespace has not been seen yet');
  const namespace = { name, labels };
  const selected = selectPolicies({ namespace, labels: object.metadata.labels ?? {}, user }, all, clock.now());
  const counts = selected.some(({ spec }) => spec.limits !== undefined);
  const others = counts ? usage.inNamespace(name, object.metadata.uid ?? '', clock.now()) : [];
  return { selected, namespace, usage: others };
}

function labelsOf({ metadata }: KubeObject): Labels {
  return (metadata as { labels?: Labels }).labels ?? {};
}

/** Nobody is let through unjudged; the next try will find it. */
function undecided(name: string, what: string): PolicyFacts {
  const message = `which policies hold cannot be told: ${what}; try again`;
  return {
    selected: [],
    namespace: { name, labels: {} },
    usage: [],
    problem: { field: 'metadata.namespace', value: name, message },
  };
}

/** Requests that wait for an object to arrive. */
interface Arrivals {
  readonly arrived: (key: string) => void;
  readonly wait: (key: string, clock: Clock) => Promise<void>;
}

function createArrivals(): Arrivals {
  const waiting = new Set<{ readonly key: string; readonly wake: AbortController }>();
  return {
    arrived: (arrivedKey) => {
      for (const { key, wake } of waiting) if (key === arrivedKey) wake.abort();
    },
    wait: async (key, clock) => {
      const waiter = { key, wake: new AbortController() };
      waiting.add(waiter);
      await clock.sleep(NAMESPACE_WAIT_MS, waiter.wake.signal);
      waiting.delete(waiter);
    },
  };
}
