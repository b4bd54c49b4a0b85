import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, nameOf } from '../../kube/objects.ts';
import { KINDS, pathOf, type ResourceKind } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { type Source, sourceOf } from './source.ts';
import { configuredFunctions } from './sriov-state.ts';
import type { StandIns } from './stand-ins.ts';
import { topologyFacts } from './topology.ts';

export interface NodeSourceParts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What tells zones and functions of nodes that have no NodeReport. */
export interface NodeSources {
  readonly topologies: Source;
  readonly functions: Source;
}

/** One watch each; kinds that are not installed are looked for again every half minute. */
export function createNodeSources(parts: NodeSourceParts, standIns: StandIns): NodeSources {
  // Both are named like their node; the states are in the operator's namespace.
  const follow = <T>(
    kind: ResourceKind,
    keep: (raw: KubeObject) => T | undefined,
    tell: (node: string, facts: T | undefined) => void,
  ) =>
    createReflector<T>({
      ...parts,
      path: pathOf(kind),
      mayBeAbsent: true,
      keep,
      onChange: (key, facts) => tell(nameOf(key), facts),
    });
  return {
    topologies: sourceOf(
      'noderesourcetopologies',
      follow(KINDS.nodeResourceTopologies, topologyFacts, (node, facts) => standIns.setTopology(node, facts)),
    ),
    functions: sourceOf(
      'sriovnetworknodestates',
      follow(KINDS.sriovNodeStates, configuredFunctions, (node, facts) => standIns.setFunctions(node, facts)),
    ),
  };
}
