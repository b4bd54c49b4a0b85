import { isIPv4 } from 'node:net';
import { isDomain } from '../pod-facts.ts';
import type { PodDns } from '../slot-types.ts';

/** Name servers (IPv4: the guest's DHCP is) and search domains. */
export interface DnsSettings {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
}

/** What the node knows about DNS. */
export interface NodeDns {
  /** From the agent's own resolv.conf, which the kubelet wrote for `ClusterFirst`, or from options. */
  readonly cluster: DnsSettings;
  /** The cluster's domain, such as `cluster.local`. */
  readonly clusterDomain: string;
  /** From the node's own resolv.conf: what `dnsPolicy: Default` means. */
  readonly node: DnsSettings;
}

/** DHCP options hold 255 bytes; names beyond this many are left out, first ones count most. */
const MAX_SEARCHES = 6;
const MAX_SEARCH_BYTES = 200;
const MAX_SERVERS = 3;

/** The `nameserver` and `search` lines of a resolv.conf; what is not an IPv4 address or a domain is left out. */
export function parseResolvConf(text: string): DnsSettings {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const servers = lines
    .filter(([key]) => key === 'nameserver')
    .flatMap(([, address]) => (address === undefined ? [] : [address]));
  const search = lines.findLast(([key]) => key === 'search')?.slice(1) ?? [];
  return { servers: servers.filter((address) => isIPv4(address)), searches: search.filter(isDomain) };
}

/** The cluster's domain from the search list the kubelet writes: `NS.svc.DOMAIN svc.DOMAIN DOMAIN …`. '' = not to be seen. */
export function clusterDomainOf(searches: readonly string[]): string {
  return searches.find((domain) => domain.startsWith('svc.'))?.slice('svc.'.length) ?? '';
}

/** What a guest is told about DNS: the same a container of its pod finds in /etc/resolv.conf. */
export function guestDns(pod: PodDns, namespace: string, node: NodeDns): DnsSettings {
  const base = baseDns(pod.policy, namespace, node);
  const servers = unique([...base.servers, ...pod.servers]).filter((address) => !address.startsWith('127.'));
  return { servers: servers.slice(0, MAX_SERVERS), searches: bounded(unique([...base.searches, ...pod.searches])) };
}

function baseDns(policy: string, namespace: string, node: NodeDns): DnsSettings {
  if (policy === 'None') return { servers: [], searches: [] };
  // A resolver on the node's loopback is out of a pod's reach; the kubelet would be configured with another file there.
  if (policy === 'Default') return node.node;
  return { servers: node.cluster.servers, searches: clusterSearches(namespace, node) };
}

function clusterSearches(namespace: string, { clusterDomain: domain, cluster }: NodeDns): string[] {
  if (domain === '') return [];
  const own = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
  // The agent's list begins with its own namespace; what comes after the cluster's part is the node's.
  const rest = cluster.searches.filter((name) => name !== domain && !name.endsWith(`svc.${domain}`));
  return [...own, ...rest];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function bounded(searches: readonly string[]): string[] {
  let left = MAX_SEARCH_BYTES;
  return searches.slice(0, MAX_SEARCHES).filter((name) => (left -= name.length + 2) >= 0);
}
