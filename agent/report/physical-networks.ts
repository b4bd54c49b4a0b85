import { PCI_FUNCTION } from '../../guest/pci.ts';

/** Which network a physical function is plugged into, as the admin says: by interface name or PCI address, for one node or for all. */
export interface PhysicalNetwork {
  readonly network: string;
  /** Undefined = every node. */
  readonly node: string | undefined;
  readonly port: string;
}

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** Linux: up to 15 bytes without slash, colon or white space. */
const INTERFACE = /^[^\s/:=,]{1,15}$/;

/** Reads `NETWORK=[NODE/]INTERFACE|ADDRESS,…`; undefined = it is no such list. */
export function parsePhysicalNetworks(text: string): readonly PhysicalNetwork[] | undefined {
  const parts = text.split(',').map((part) => part.trim()).filter((part) => part !== ''); // prettier-ignore
  const entries = parts.map(parseEntry);
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

function parseEntry(part: string): PhysicalNetwork | undefined {
  const [network = '', place = '', ...rest] = part.split('=');
  const slash = place.indexOf('/');
  const node = slash < 0 ? undefined : place.slice(0, slash);
  const port = place.slice(slash + 1);
  const good = NAME.test(network) && (node === undefined || NAME.test(node)) && (PCI_FUNCTION.test(port) || INTERFACE.test(port));
  return good && rest.length === 0 ? { network, node, port } : undefined;
}

/** The network of one physical function; what is said of this node alone goes before what is said of all. */
export function physicalNetworkOf(
  networks: readonly PhysicalNetwork[],
  nodeName: string,
  ports: readonly (string | undefined)[],
): string | undefined {
  const named = networks.filter(({ port }) => ports.includes(port));
  const own = named.find(({ node }) => node === nodeName) ?? named.find(({ node }) => node === undefined);
  return own?.network;
}
