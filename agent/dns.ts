import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { clusterDomainOf, type NodeDns, parseResolvConf } from './network/resolv.ts';

/** What the operator said about DNS; '' = find out. */
export interface DnsOptions {
  /** IPv4 addresses, comma-separated. */
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

/**
 * The node's own resolv.conf, the file kubelets take for `dnsPolicy: Default`: systemd-resolved's list of real servers where there
 * is one, as its stub is on the node's loopback. /proc/1 is the node's init (hostPID), no tenant's.
 */
const NODE_FILES = ['/proc/1/root/run/systemd/resolve/resolv.conf', '/proc/1/root/etc/resolv.conf'];

/** Reads what the node knows about DNS now. The agent's own resolv.conf was written by the kubelet for `ClusterFirst`. */
export function readNodeDns({ clusterDns, clusterDomain }: DnsOptions, readFile = readOrEmpty): NodeDns {
  const own = parseResolvConf(readFile('/etc/resolv.conf'));
  const said = clusterDns.split(',').filter((address) => isIPv4(address));
  const node = NODE_FILES.map((path) => parseResolvConf(readFile(path))).find(({ servers }) => servers.length > 0);
  return {
    cluster: { servers: said.length > 0 ? said : own.servers, searches: own.searches },
    clusterDomain: clusterDomain === '' ? clusterDomainOf(own.searches) : clusterDomain,
    node: node ?? { servers: [], searches: [] },
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
