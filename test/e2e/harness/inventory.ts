import { getJson } from './kubectl.ts';
import { onNode } from './local.ts';

/** Everything a VM pod could leave on a node, as sorted lines; two inventories are equal when nothing leaked. */
export interface Inventory {
  readonly [what: string]: readonly string[];
}

// Each line is one thing. Container and pod ids may stay in these lines: a pod that is gone must not be in them.
const QUESTIONS: Readonly<Record<string, string>> = {
  mounts: "awk '{print $5}' /proc/self/mountinfo | grep -v -E '/proc/|^/sys/fs/cgroup' || true",
  'network namespaces': 'ls /run/netns 2>/dev/null || true',
  links: "ip -o link | awk -F': ' '{print $2}'",
  'nft tables': 'nft list tables 2>/dev/null || true',
  cgroups: "find /sys/fs/cgroup -type d -path '*kubepods*' | grep -v -E '/unified/' || true",
  slots: 'ls /var/lib/podvisor/slots 2>/dev/null || true',
  'slot state': 'ls /var/lib/podvisor/state 2>/dev/null || true',
  processes: "ps -e -o comm= | grep -E 'qemu|dnsmasq|passt|podvisor' | sort | uniq -c || true",
};

/** Takes stock of one node of the local cluster. */
export async function nodeInventory(node: string): Promise<Inventory> {
  const answers = await Promise.all(
    Object.entries(QUESTIONS).map(async ([what, question]) => {
      const lines = (await onNode(node, 'sh', '-c', question)).split('\n').filter(Boolean).sort();
      return [what, lines] as const;
    }),
  );
  return Object.fromEntries(answers);
}

/** Leases and Secrets of ours in the cluster, by name. */
export async function clusterInventory(): Promise<Inventory> {
  const names = async (kind: string): Promise<readonly string[]> => {
    const list = await getJson<{ items: { metadata: { namespace?: string; name: string } }[] }>([kind, '-A']);
    return list.items.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`).sort();
  };
  return { leases: await names('leases'), secrets: await names('secrets'), configmaps: await names('configmaps') };
}
