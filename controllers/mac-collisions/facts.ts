import type { GuestNetwork, GuestSpec } from '../../api/guest-spec.ts';
import { MAC_UNIQUE } from '../../api/names.ts';
import type { Pod } from '../../api/pod.ts';

/** A MAC that a pod's guest, or the pod itself, shows to others on a network. */
export interface ShownMac {
  /** As in the GuestSpec: `pod`, or namespace/name of a NetworkAttachmentDefinition. */
  readonly network: string;
  /** Lower case, with colons. */
  readonly mac: string;
}

/** What a condition of ours says. */
export interface ConditionValue {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** What is kept of a VM pod. */
export interface PodMacs {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** No two entries are the same. */
  readonly macs: readonly ShownMac[];
  /** Condition `podvisor.dev/mac-unique` as the API server has it. */
  readonly reported?: ConditionValue;
}

/** Multus' report of what it set up (Network Plumbing Working Group specification, section 5). */
export const NETWORK_STATUS_ANNOTATION = 'k8s.v1.cni.cncf.io/network-status';
/** Bounds for a text that whoever may edit the pod can write. */
const MAX_STATUS_LENGTH = 65_536;
const MAX_STATUS_ENTRIES = 64;
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
/** The guest's own frames never leave a pod that translates them. */
const HIDING_BINDINGS: ReadonlySet<string> = new Set(['masquerade', 'passt']);

/** What to keep of a pod. */
export function podMacs(id: Pick<PodMacs, 'uid' | 'namespace' | 'name'>, guest: GuestSpec, pod: Pod): PodMacs {
  const reported = reportedCondition(pod);
  const macs = unique([...guestMacs(guest), ...interfaceMacs(guest, pod)]);
  return { ...id, macs, ...(reported === undefined ? {} : { reported }) };
}

/** MACs of the guest's NICs that others see. */
function guestMacs(guest: GuestSpec): ShownMac[] {
  return guest.networks.filter(isShown).flatMap(({ name, mac }) => shownMac(name, mac));
}

const isShown = ({ binding }: GuestNetwork): boolean => !HIDING_BINDINGS.has(binding);

/**
 * MACs of the pod's interfaces: on secondary networks whatever the binding, on the pod network where the guest has it too. Only of networks
 * the guest is attached to: who is there could as well send from that MAC, so a forged report gains nothing.
 */
function interfaceMacs(guest: GuestSpec, pod: Pod): ShownMac[] {
  const attached = new Set(
    guest.networks.filter((network) => network.name !== 'pod' || isShown(network)).map(({ name }) => name),
  );
  return statusEntries(pod.metadata.annotations?.[NETWORK_STATUS_ANNOTATION]).flatMap((entry) => {
    const name = entry.default === true ? 'pod' : entry.name;
    return typeof name === 'string' && attached.has(name) ? shownMac(name, entry.mac) : [];
  });
}

interface StatusEntry {
  readonly name?: unknown;
  readonly mac?: unknown;
  /** The pod's own network. */
  readonly default?: unknown;
}

function statusEntries(text: string | undefined): readonly StatusEntry[] {
  if (text === undefined || text.length > MAX_STATUS_LENGTH) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    const entries: readonly unknown[] = Array.isArray(parsed) ? parsed.slice(0, MAX_STATUS_ENTRIES) : [];
    return entries.filter((entry) => typeof entry === 'object' && entry !== null);
  } catch {
    return [];
  }
}

function shownMac(network: string, value: unknown): ShownMac[] {
  const mac = typeof value === 'string' ? value.toLowerCase() : '';
  return MAC.test(mac) ? [{ network, mac }] : [];
}

function unique(macs: readonly ShownMac[]): readonly ShownMac[] {
  return [...new Map(macs.map((one) => [macKey(one), one])).values()];
}

/** Where a MAC must be unique. */
export function macKey({ network, mac }: ShownMac): string {
  return `${network} ${mac}`;
}

function reportedCondition(pod: Pod): ConditionValue | undefined {
  const found = pod.status?.conditions?.find(({ type }) => type === MAC_UNIQUE);
  if (found === undefined) return undefined;
  return { status: found.status === 'True' ? 'True' : 'False', reason: found.reason ?? '', message: found.message ?? '' };
}
