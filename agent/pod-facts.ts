import { isIPv4 } from 'node:net';
import type { GuestSpec } from '../api/guest-spec.ts';
import { PLAN_ANNOTATION } from '../api/names.ts';
import { readStoredGuest } from '../api/parse-stored.ts';
import type { Container, Pod } from '../api/pod.ts';
import { functionAddresses } from './functions.ts';
import { memoryPlan } from './memory/plan.ts';
import type { PodDns, PodPort, VmFacts } from './slot-types.ts';

/** Whose slot this is, as the kubelet says (PodResources). */
export interface SlotOwner {
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
}

export type PodFacts = { readonly ok: true; readonly vm: VmFacts } | { readonly ok: false; readonly reason: string };

/** Linux' limit for a host name; the kubelet cuts pod names to it (GeneratePodHostName). */
const MAX_HOSTNAME = 63;
const DOMAIN = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/;

/** Whether a text is a domain name that is safe in an option of dnsmasq. */
export function isDomain(text: string): boolean {
  return text.length <= 253 && DOMAIN.test(text);
}

/** Checks that the pod from the API server is the slot's, and takes what the agent needs of it. */
export function podFacts(pod: Pod, owner: SlotOwner, nodeName: string): PodFacts {
  const { uid } = pod.metadata;
  if (uid === undefined) return { ok: false, reason: 'the pod has no uid' };
  if (pod.spec.nodeName !== nodeName)
    return { ok: false, reason: `the pod is bound to node ${pod.spec.nodeName ?? '(none)'}, not ${nodeName}` };
  const stored = readStoredGuest(pod);
  if (!stored.ok) return stored;
  if (stored.guest.container !== owner.container) {
    return {
      ok: false,
      reason: `container '${owner.container}' holds the device, but the guest container is '${stored.guest.container}'`,
    };
  }
  return { ok: true, vm: factsOf(pod, uid, owner, stored.guest) };
}

function factsOf(pod: Pod, uid: string, owner: SlotOwner, guest: GuestSpec): VmFacts {
  const others = companions(pod, guest.container);
  const own = pod.spec.containers.filter((container) => container.name === guest.container);
  return {
    namespace: owner.namespace,
    name: owner.name,
    uid,
    container: owner.container,
    guest,
    hostname: hostnameOf(pod, owner.name),
    dns: dnsOf(pod),
    guestPorts: portsOf(own),
    otherPorts: portsOf(others),
    alone: others.length === 0,
    ...functionsOf(pod, guest),
    ...memoryOf(pod, guest),
  };
}

function memoryOf({ metadata }: Pod, guest: GuestSpec): Pick<VmFacts, 'memoryPlan'> {
  const plan = memoryPlan(guest, metadata.annotations?.[PLAN_ANNOTATION]);
  return plan === undefined ? {} : { memoryPlan: plan };
}

function functionsOf({ metadata }: Pod, { networks }: GuestSpec): Pick<VmFacts, 'functions'> {
  if (!networks.some(({ binding }) => binding === 'sriov')) return {};
  return { functions: functionAddresses(metadata.annotations ?? {}, networks) };
}

/** Containers that run beside the guest: the pod's other containers, and init containers that stay (native sidecars). */
function companions(pod: Pod, guestContainer: string): Container[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container['restartPolicy'] === 'Always');
  return [...pod.spec.containers.filter((container) => container.name !== guestContainer), ...sidecars];
}

function portsOf(containers: readonly Container[]): PodPort[] {
  return containers.flatMap((container) => (Array.isArray(container['ports']) ? container['ports'].flatMap(portOf) : []));
}

function portOf(raw: unknown): PodPort[] {
  if (typeof raw !== 'object' || raw === null) return [];
  const { containerPort, protocol = 'TCP' } = raw as { containerPort?: unknown; protocol?: unknown };
  const known = ({ TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const)[String(protocol)];
  if (known === undefined || !Number.isInteger(containerPort)) return [];
  const port = containerPort as number;
  return port >= 1 && port <= 65_535 ? [{ protocol: known, port }] : [];
}

function hostnameOf(pod: Pod, name: string): string {
  const wished = pod.spec['hostname'];
  const text = typeof wished === 'string' && wished !== '' ? wished : name;
  // A dot would make dnsmasq split a domain off; pod names may have some.
  return text.replaceAll('.', '-').slice(0, MAX_HOSTNAME).replace(/-+$/, '');
}

function dnsOf(pod: Pod): PodDns {
  const policy = pod.spec['dnsPolicy'];
  const config = pod.spec['dnsConfig'];
  const { nameservers, searches } = (typeof config === 'object' && config !== null ? config : {}) as Record<string, unknown>;
  return {
    policy: typeof policy === 'string' ? policy : 'ClusterFirst',
    servers: texts(nameservers).filter((text) => isIPv4(text)),
    searches: texts(searches).filter(isDomain),
  };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
