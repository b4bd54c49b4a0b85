import type { GuestNetwork } from '../api/guest-spec.ts';

const TWO_32 = 2 ** 32;

/** The upper and the lower half of 64 bits, both unsigned. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/**
 * FNV-1a over UTF-16 code units, 64 bits: small, stable for ever, spreads short names well. Not for secrets. In halves, because bigints are
 * slow: the prime is 2^40 + 0x1b3, so a step multiplies both halves by 0x1b3 and adds the lower one, shifted, to the upper.
 */
export function fnv1a64(text: string): Hash64 {
  let [high, low] = [0xcbf29ce4, 0x84222325];
  for (let index = 0; index < text.length; index += 1) {
    const mixed = (low ^ text.charCodeAt(index)) >>> 0;
    const product = mixed * 0x1b3;
    low = product >>> 0;
    high = (high * 0x1b3 + Math.floor(product / TWO_32) + (mixed << 8)) >>> 0;
  }
  return { high, low };
}

/** First octets, both locally administered and unicast. They tell a derived address from a drawn one, so that neither passes for the other. */
const DERIVED = '02';
const DRAWN = '06';

/**
 * The MAC of a guest's NIC: the same for the same namespace, name and network, so that a pod made anew under its old name keeps its
 * address. Locally administered, unicast (02:…); the 64-bit hash is folded to the 40 bits left.
 */
export function deriveMac(namespace: string, name: string, network: string): string {
  // A newline is in none of the three, so no two different triples make the same text.
  return macOf(DERIVED, [namespace, name, network].join('\n'));
}

/** The MAC of a guest's NIC for one request alone (06:…); `label` is {@link networkLabel}. */
export function drawMac(request: string, label: string): string {
  return macOf(DRAWN, `${request}\n${label}`);
}

/** Labels of the networks whose MAC was drawn for this request. */
export function drawnLabels(networks: readonly GuestNetwork[], request: string): readonly string[] {
  const labels = networks.map((_, index) => networkLabel(networks, index));
  return labels.filter((label, index) => networks[index]?.mac === drawMac(request, label));
}

function macOf(first: string, text: string): string {
  const { high, low } = fnv1a64(text);
  const folded = (low ^ (high >>> 8)) >>> 0;
  const octets = [high, folded >>> 24, folded >>> 16, folded >>> 8, folded].map(octet);
  return [first, ...octets].join(':');
}

/** The last eight bits, in hexadecimal. */
function octet(bits: number): string {
  return (bits & 0xff).toString(16).padStart(2, '0');
}

/** What MAC addresses are made from. */
export interface MacSource {
  readonly namespace: string;
  /** What the VM is called when its pod is made anew (api/pod-identity.ts). */
  readonly name: string | undefined;
  /** Unique to this pod; used where there is no name. */
  readonly request: string;
}

/**
 * The networks with a MAC each: one that was asked for stays, else derived from the VM's name, else drawn for this pod alone. Bridge on the
 * pod network has none: there the guest takes the address that the cluster's network gave the pod.
 */
export function withGuestMacs(networks: readonly GuestNetwork[], source: MacSource): GuestNetwork[] {
  return networks.map((network, index) => {
    if (network.mac !== undefined || !needsMac(network)) return network;
    const label = networkLabel(networks, index);
    const { namespace, name, request } = source;
    const mac = name === undefined ? drawMac(request, label) : deriveMac(namespace, name, label);
    return { ...network, mac };
  });
}

/** Whether this is an address {@link withGuestMacs} could have drawn for a pod without a stable name. */
export function isDrawnMac(mac: string): boolean {
  return mac.startsWith(`${DRAWN}:`);
}

function needsMac({ name, binding }: GuestNetwork): boolean {
  return name !== 'pod' || (binding !== 'bridge' && binding !== 'sriov');
}

/** The network's name, not its place: a network added before it must not change its address. A second use of one network is counted. */
export function networkLabel(networks: readonly GuestNetwork[], index: number): string {
  const name = networks[index]?.name ?? '';
  const uses = networks.slice(0, index).filter((network) => network.name === name).length;
  return uses === 0 ? name : `${name}#${uses + 1}`;
}
