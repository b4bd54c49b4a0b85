/** An interface of the pod's network namespace, from `ip -d -j address show`. */
export interface Link {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Kernel's kind, such as veth, bridge, tun; '' for none. */
  readonly kind: string;
  /** IFLA_IFALIAS; '' for none. */
  readonly alias: string;
  readonly ipv4: readonly string[];
  /** The same addresses with their prefix lengths. */
  readonly cidrs: readonly string[];
}

/** Parses the output of `ip -d -j address show` (iproute2's JSON). Throws when it is not that. */
export function parseLinks(json: string): Link[] {
  const raw: unknown = JSON.parse(json);
  if (!Array.isArray(raw)) throw new Error('ip gave no list of interfaces');
  return raw.flatMap((item: unknown) => linkOf(item));
}

interface RawLink {
  readonly ifname?: unknown;
  readonly address?: unknown;
  readonly mtu?: unknown;
  readonly ifalias?: unknown;
  readonly linkinfo?: { readonly info_kind?: unknown };
  readonly addr_info?: readonly { readonly family?: unknown; readonly local?: unknown; readonly prefixlen?: unknown }[];
}

function linkOf(item: unknown): Link[] {
  // `ip -j` prints an empty object for an interface its filters leave out.
  const raw = item as RawLink | null;
  if (typeof raw?.ifname !== 'string') return [];
  const addresses = (raw.addr_info ?? []).filter(({ family }) => family === 'inet');
  return [
    {
      name: raw.ifname,
      mac: text(raw.address),
      mtu: typeof raw.mtu === 'number' ? raw.mtu : 1500,
      kind: text(raw.linkinfo?.info_kind),
      alias: text(raw.ifalias),
      ipv4: addresses.map(({ local }) => text(local)),
      cidrs: addresses.map(({ local, prefixlen }) => `${text(local)}/${typeof prefixlen === 'number' ? prefixlen : 32}`),
    },
  ];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The gateway in the output of `ip -j route show default`; undefined = there is none. */
export function parseGateway(json: string): string | undefined {
  const raw: unknown = JSON.parse(json === '' ? '[]' : json);
  const routes = Array.isArray(raw) ? (raw as ({ readonly gateway?: unknown } | null)[]) : [];
  const gateways = routes.map((route) => text(route?.gateway)).filter((gateway) => gateway !== '');
  return gateways[0];
}

/** The kernel's __SO_ACCEPTCON in a row of /proc/net/unix: the socket listens. */
const LISTENS = 0x10000;

/** Paths of listening sockets in /proc/net/unix (proc_net(5): Num RefCount Protocol Flags Type St Inode Path), as they were bound. */
export function parseListening(text: string): readonly string[] {
  return text.split('\n').flatMap((row) => {
    const [, , , flags = '', , , , ...path] = row
      .trim()
      .split(' ')
      .filter((field) => field !== '');
    return (Number.parseInt(flags, 16) & LISTENS) !== 0 && path.length > 0 ? [path.join(' ')] : [];
  });
}
