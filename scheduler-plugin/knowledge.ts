import { VM_LABEL, VM_LABEL_VALUE } from '../api/names.ts';
import { readStoredGuest } from '../api/parse-stored.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/objects.ts';
import { KINDS, pathOf } from '../kube/paths.ts';
import { createReflector } from '../kube/reflector.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { nodeFacts } from './node-facts.ts';
import type { ExtenderPod, NodeObject } from './protocol.ts';
import type { Knowledge } from './server.ts';
import { createVmCounts } from './vm-counts.ts';

/** {@link Knowledge} that follows the API server. */
export interface LiveKnowledge extends Knowledge {
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

/** VM pods that hold a node: bound and not over (field selectors of pods know no "or", so by exclusion). */
const BOUND_VMS = {
  labelSelector: `${VM_LABEL}=${VM_LABEL_VALUE}`,
  fieldSelector: 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed',
};

/** Follows nodes and bound VM pods; keeps a few bytes of each. */
export function createKnowledge({ client, clock, random, log }: KnowledgeOptions): LiveKnowledge {
  const counts = createVmCounts();
  const shared = { client, clock, random, log };
  const nodes = createReflector({ ...shared, path: pathOf(KINDS.nodes), keep: (raw) => nodeFacts(raw as NodeObject) });
  const pods = createReflector({
    ...shared,
    path: pathOf(KINDS.pods),
    query: BOUND_VMS,
    keep: nodeOfPod,
    onChange: (key, node) => counts.set(key, node),
  });
  return {
    start: () => [nodes, pods].forEach((reflector) => reflector.start()),
    stop: async () => {
      await Promise.all([nodes.stop(), pods.stop()]);
    },
    unready: () => unready({ nodes: nodes.synced(), pods: pods.synced() }),
    node: (name) => nodes.get(name),
    vmsOn: (node) => counts.on(node),
    guest: (pod: ExtenderPod) => readStoredGuest({ metadata: pod.metadata ?? {} }),
    catchUp: () => clock.sleep(CATCH_UP_MS),
  };
}

function unready(synced: { readonly nodes: boolean; readonly pods: boolean }): string {
  const missing = Object.entries(synced).flatMap(([what, done]) => (done ? [] : [what]));
  return missing.length === 0 ? '' : `${missing.join(' and ')} not read from the API server yet`;
}

function nodeOfPod(raw: KubeObject): string | undefined {
  const { nodeName } = raw.spec as { nodeName?: string };
  return nodeName;
}
