import { GUEST_LIMITS, type GuestNetwork, INTERFACE_NAME, NETWORK_NAME } from './guest-spec.ts';
import { NETWORKS_ANNOTATION } from './names.ts';
import type { Pod } from './pod.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField } from './violation.ts';

/** The pod's own network as the guest sees it. */
const POD_NETWORK: GuestNetwork = { name: 'pod', interface: 'eth0', binding: 'masquerade' };
const NETWORK = new RegExp(NETWORK_NAME);
const INTERFACE = new RegExp(INTERFACE_NAME);
const RESERVED_INTERFACES = ['eth0', 'lo'];
/** The node agent's taps and bridges in the pod's network namespace begin so. */
const RESERVED_PREFIXES = ['pvbr', 'pvtap'];
const FORM =
  "allowed: '[namespace/]name[@interface]' entries separated by commas, or a JSON list of {name, namespace, interface}";

/** A network selection element (NPWG multi-net specification, section 4.1.2). */
interface Selection {
  readonly name: string;
  readonly namespace: string;
  readonly interface: string;
}

/** The pod network, then secondary networks from Multus' annotation, in order; `net1`, `net2`… when no interface is asked for. */
export function parseNetworks(pod: Pod, requestNamespace: string | undefined): Step<GuestSpecNetworks> {
  const text = pod.metadata.annotations?.[NETWORKS_ANNOTATION]?.trim() ?? '';
  if (text === '') return good([POD_NETWORK]);
  const selections = readSelections(text);
  const refuse = (message: string) => bad([POD_NETWORK], { field: annotationField(NETWORKS_ANNOTATION), value: text, message });
  if (selections === undefined) return refuse(`cannot be read; ${FORM}`);
  const namespace = pod.metadata.namespace ?? requestNamespace ?? 'default';
  const networks = [POD_NETWORK, ...selections.map((selection, index) => network(selection, index, namespace))];
  const reason = networksReason(networks);
  return reason === '' ? good(networks) : refuse(reason);
}

type GuestSpecNetworks = GuestNetwork[];

function readSelections(text: string): Selection[] | undefined {
  return text.startsWith('[') || text.startsWith('{') ? readJson(text) : readShort(text);
}

function network(selection: Selection, index: number, podNamespace: string): GuestNetwork {
  return {
    name: `${selection.namespace || podNamespace}/${selection.name}`,
    interface: selection.interface || `net${index + 1}`,
    binding: 'bridge',
  };
}

/** Why the networks together cannot be; '' = they can. */
function networksReason(networks: readonly GuestNetwork[]): string {
  if (networks.length > GUEST_LIMITS.networks) {
    return `asks for ${networks.length - 1} networks; allowed: at most ${GUEST_LIMITS.networks - 1} beside the pod network`;
  }
  const interfaces = networks.map((one) => one.interface);
  const reasons = networks.slice(1).map((one, index) => networkReason(one, interfaces.slice(0, index + 1)));
  return reasons.find((reason) => reason !== '') ?? '';
}

function networkReason(one: GuestNetwork, taken: readonly string[]): string {
  if (!NETWORK.test(one.name)) return `'${one.name.slice(0, 80)}' is no network name; ${FORM}`;
  const shown = JSON.stringify(one.interface.slice(0, 40));
  if (!INTERFACE.test(one.interface)) {
    return `${shown} is no interface name; allowed: letters, digits, '.', '_' and '-', at most 15 characters`;
  }
  if (RESERVED_INTERFACES.includes(one.interface) || RESERVED_PREFIXES.some((prefix) => one.interface.startsWith(prefix))) {
    return `interface ${shown} is reserved in a VM pod; choose another, e.g. net1`;
  }
  return taken.includes(one.interface) ? `interface ${shown} is used by two networks; give each its own` : '';
}

function readShort(text: string): Selection[] | undefined {
  const matches = text.split(',').map((entry) => /^(?:([^/@]*)\/)?([^/@]+)(?:@([^/@]+))?$/.exec(entry.trim()));
  if (matches.includes(null)) return undefined;
  return matches.map((match) => ({ namespace: match?.[1] ?? '', name: match?.[2] ?? '', interface: match?.[3] ?? '' }));
}

function readJson(text: string): Selection[] | undefined {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed)) return undefined;
  const selections = parsed.map(readElement);
  return selections.includes(undefined) ? undefined : selections.filter((selection) => selection !== undefined);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readElement(element: unknown): Selection | undefined {
  if (typeof element !== 'object' || element === null) return undefined;
  const fields = element as Readonly<Record<string, unknown>>;
  const text = (key: string) => (fields[key] === undefined ? '' : fields[key]);
  const [name, namespace, interfaceName] = [text('name'), text('namespace'), text('interface')];
  if (typeof name !== 'string' || typeof namespace !== 'string' || typeof interfaceName !== 'string') return undefined;
  return { name, namespace, interface: interfaceName };
}
