import { Gauge } from 'prom-client';
import type { Policy, PolicyStatus } from '../../api/policy.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/objects.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Random } from '../../runtime/random.ts';
import type { LedWrites, WriteList } from '../leadership/led-writes.ts';
import type { VmPods } from '../vm-pods.ts';
import { createAudit } from './audit.ts';
import { createAuditLoop, type AuditLoop } from './audit-loop.ts';
import { createPolicyBook, type PolicyBook } from './policy-book.ts';
import { sameStatus } from './status.ts';

/** What the controller needs. */
export interface PolicyStatusOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly writes: LedWrites;
  readonly vmPods: VmPods;
  /** Between two writes of one policy's status. Milliseconds. */
  readonly intervalMs: number;
  /** See AuditLoopOptions. */
  readonly tidy?: () => void;
}

/** A running audit. */
export interface PolicyStatusController {
  start(): void;
  stop(): Promise<void>;
  /** '' = its caches are filled, else what is missing. */
  unready(): string;
}

const FIELD_MANAGER = 'podvisor-controllers';

/** Judges the running VM pods by every policy, as they or the namespaces change, and keeps each policy's status. */
export function createPolicyStatus(options: PolicyStatusOptions): PolicyStatusController {
  const audit = createAudit();
  const book = createPolicyBook(audit);
  const list: WriteList = options.writes.list('policy-status', async (name) => {
    // Half an audit would be written; it is offered again when that is done.
    if (loop.busy()) loop.owe(name);
    else await write(name, book, options);
  });
  const loop: AuditLoop = createAuditLoop({ ...options, audit, offer: (name) => offer(name, book, list, options) });
  const policies = createReflector<Policy>({
    ...options,
    path: pathOf(KINDS.policies),
    keep: (raw) => raw as unknown as Policy,
    onChange: (name, policy) => follow(name, policy, { book, list, loop }),
  });
  const namespaces = createReflector<Readonly<Record<string, string>>>({
    ...options,
    path: pathOf(KINDS.namespaces),
    keep: ({ metadata }) => (metadata as { labels?: Readonly<Record<string, string>> }).labels ?? {},
    onChange: (name, labels) => {
      audit.setNamespace(name, labels);
      loop.poke();
    },
  });
  options.vmPods.onChange((key, pod) => {
    audit.setPod(key, pod?.stored);
    loop.poke();
  });
  registerGauge(options.metrics, book);
  return controllerOf({ policies, namespaces }, loop, options.vmPods);
}

function controllerOf(
  { policies, namespaces }: { policies: Reflector<Policy>; namespaces: Reflector<Readonly<Record<string, string>>> },
  loop: AuditLoop,
  vmPods: VmPods,
): PolicyStatusController {
  const unready = (): string => {
    if (!policies.synced()) return 'policies not read from the API server yet';
    return namespaces.synced() ? '' : 'namespaces not read from the API server yet';
  };
  return {
    start: () => {
      policies.start();
      namespaces.start();
      // A count of half the pods, or without the labels of their namespaces, would be written and be wrong.
      loop.start(() => unready() === '' && vmPods.synced());
    },
    stop: async () => {
      loop.stop();
      await Promise.all([policies.stop(), namespaces.stop()]);
    },
    unready,
  };
}

interface Followers {
  readonly book: PolicyBook;
  readonly list: WriteList;
  readonly loop: AuditLoop;
}

function follow(name: string, policy: Policy | undefined, { book, list, loop }: Followers): void {
  const before = book.get(name);
  book.set(name, policy);
  if (policy === undefined) loop.forget(name);
  // Somebody has written it, mostly our leader. If it is not right yet, it is offered again, an interval later.
  if (before !== undefined && !sameStatus(before.status, policy?.status)) {
    list.want(name, false);
    if (policy !== undefined) loop.written(name);
  }
  loop.poke();
}

/** As far as the cache shows; the write looks at the policy itself. */
function offer(name: string, book: PolicyBook, list: WriteList, { clock }: PolicyStatusOptions): void {
  const policy = book.get(name);
  list.want(name, policy !== undefined && !sameStatus(policy.status, book.statusOf(name, policy.status, clock.now())));
}

async function write(name: string, book: PolicyBook, { client, clock }: PolicyStatusOptions): Promise<void> {
  const path = pathOf(KINDS.policies, { name });
  try {
    const { metadata, status: before } = await client.get<Policy>(path);
    const known = book.get(name);
    // Another version by now: it is judged as soon as the watch brings it.
    if (metadata.uid !== known?.metadata.uid || metadata.generation !== known?.metadata.generation) return;
    const status: PolicyStatus = book.statusOf(name, before, clock.now());
    if (sameStatus(before, status)) return;
    const body = { metadata: { uid: metadata.uid, resourceVersion: metadata.resourceVersion }, status };
    await client.patch<KubeObject>(path, { type: 'merge', body, subresource: 'status', fieldManager: FIELD_MANAGER });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function registerGauge({ registry }: Metrics, book: PolicyBook): void {
  new Gauge({
    name: 'podvisor_policy_violating_pods',
    help: 'Running VM pods that a policy would object to now.',
    labelNames: ['policy'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [policy, count] of book.violating()) this.set({ policy }, count);
    },
  });
}
