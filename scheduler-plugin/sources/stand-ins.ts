import type { ReportFacts } from '../placement/report-facts.ts';
import type { FunctionFacts } from '../placement/room.ts';
import type { ConfiguredFunction } from './sriov-state.ts';
import type { TopologyFacts } from './topology.ts';

/** What is known of nodes from several sources: the NodeReport where there is one, else the best that others tell. */
export interface StandIns {
  /** By name of the node; undefined = gone. */
  setReport(node: string, report: ReportFacts | undefined): void;
  setTopology(node: string, topology: TopologyFacts | undefined): void;
  setFunctions(node: string, functions: readonly ConfiguredFunction[] | undefined): void;
  /** Whether topologies are still heard; when they are no longer, nodes they stood in for are as without any report. */
  setFresh(fresh: boolean): void;
}

/** Tells `set` of each node whose facts are others now. */
export function createStandIns(set: (node: string, facts: ReportFacts | undefined) => void): StandIns {
  const reports = new Map<string, ReportFacts>();
  const topologies = new Map<string, TopologyFacts>();
  const functions = new Map<string, readonly ConfiguredFunction[]>();
  let isFresh = true;
  const tell = (node: string): void => {
    const topology = isFresh ? topologies.get(node) : undefined;
    set(node, reports.get(node) ?? (topology === undefined ? undefined : standIn(topology, functions.get(node) ?? [])));
  };
  return {
    setReport: (node, report) => {
      put(reports, node, report);
      tell(node);
    },
    setTopology: (node, topology) => {
      put(topologies, node, topology);
      if (!reports.has(node)) tell(node);
    },
    setFunctions: (node, list) => {
      put(functions, node, list);
      if (!reports.has(node)) tell(node);
    },
    setFresh: (fresh) => {
      if (fresh === isFresh) return;
      isFresh = fresh;
      for (const node of topologies.keys()) if (!reports.has(node)) tell(node);
    },
  };
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/**
 * VMs are taken off what pods can be given, each once, as nobody says which of them `available` has counted; the rest is then no more than `available`,
 * which knows of other pods. What the two together still miss is a VM beside a pod that is Guaranteed.
 */
function standIn({ allocatable, available, devices }: TopologyFacts, configured: readonly ConfiguredFunction[]): ReportFacts {
  return {
    source: 'NodeResourceTopology',
    zones: allocatable,
    most: available,
    functions: configured.flatMap((one) => functionOf(one, devices)),
    vms: new Map(),
    cpu: undefined,
  };
}

/** The prefix is what the device plugin's resources have before a function's; the zone is known where all devices of the resource are in one. */
function functionOf({ address, resource, linkUp, vfs }: ConfiguredFunction, devices: TopologyFacts['devices']): FunctionFacts[] {
  const found = [...devices].find(([name]) => name.endsWith(`/${resource}`));
  if (found === undefined) return [];
  const [name, zones] = found;
  const zone = zones.length === 1 ? zones[0] : undefined;
  return [{ address, zone, resource: name, network: undefined, linkUp, vfs }];
}
