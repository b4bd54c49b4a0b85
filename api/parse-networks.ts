import { type Attachment, type Attachments, bindingRefusal, defaultBinding, isVirtualFunction } from './attachments.ts';
import { findGuestContainer } from './guest-container.ts';
import { GUEST_LIMITS, type GuestNetwork, INTERFACE_NAME, NETWORK_NAME } from './guest-spec.ts';
import { DEFAULT_NETWORK_ANNOTATION, NETWORKS_ANNOTATION } from './names.ts';
import { readSelections, type Selection } from './network-selection.ts';
import { BINDINGS_ANNOTATION, type ChosenBindings, parseBindings } from './parse-bindings.ts';
import type { Pod } from './pod.ts';
import type { Step } from './step.ts';
import { annotationField, type Violation } from './violation.ts';

/** What the parser must know beyond the pod. */
export interface NetworksContext {
  /** Namespace of the request: at CREATE the pod itself may not carry it yet. */
  readonly namespace?: string;
  /** Those of {@link wantedAttachments} that the cluster has. Left out = none. */
  readonly attachments?: Attachments;
  /** Where Multus looks for a default network that names no namespace (its `multusNamespace`). */
  readonly multusNamespace?: string;
}

/** Multus' own default (multus-cni types.LoadNetConf). */
const MULTUS_NAMESPACE = 'kube-system';
const NETWORK = new RegExp(NETWORK_NAME);
const INTERFACE = new RegExp(INTERFACE_NAME);
/** `pod` is a word of annotation podvisor.dev/networks. */
const RESERVED_INTERFACES = ['eth0', 'lo', 'pod'];
/** The node agent's links in the pod's network namespace begin so. */
const RESERVED_PREFIXES = ['pvbr', 'pvtap'];

/** What the annotations ask for, before anything is known of it. */
interface Wanted {
  /** The pod's own network when an annotation puts another in the default one's place. */
  readonly main: Selection | undefined;
  readonly secondary: readonly Selection[];
  readonly violations: readonly Violation[];
}

/** The pod network, then secondary networks from Multus' annotation, in order; `net1`, `net2`… when no interface is asked for. */
export function parseNetworks(pod: Pod, context: NetworksContext): Step<GuestNetwork[]> {
  const wanted = readWanted(pod, context);
  const names = wanted.secondary.map((selection) => selection.interface);
  const bindings = parseBindings(pod.metadata.annotations?.[BINDINGS_ANNOTATION], ['pod', ...names]);
  // What cannot be read would only make more noise below.
  if (wanted.violations.length > 0) return { value: [POD_NETWORK], violations: [...wanted.violations, ...bindings.violations] };
  const main = podNetwork(wanted.main, bindings.value, context.attachments ?? {});
  const steps = wanted.secondary.map((selection) => secondary(selection, bindings.value, context.attachments ?? {}));
  const value = [main.value, ...steps.map((step) => step.value)];
  return {
    value,
    violations: [
      ...bindings.violations,
      ...main.violations,
      ...steps.flatMap((step) => step.violations),
      ...sharedMacs(pod, value),
    ],
    warnings: [...podWarnings(pod, main.value), ...(main.warnings ?? []), ...steps.flatMap((step) => step.warnings ?? [])],
  };
}

/** Keys (`namespace/name`) of the attachments a pod names, at most as many as a guest can have. Total. */
export function wantedAttachments(pod: Pod, context: Omit<NetworksContext, 'attachments'>): readonly string[] {
  const { main, secondary: others } = readWanted(pod, context);
  const keys = [...(main === undefined ? [] : [main]), ...others].map(keyOf);
  return [...new Set(keys.filter((key) => NETWORK.test(key)))].slice(0, GUEST_LIMITS.networks);
}

/** Selections with namespace and interface filled in as Multus does. */
function readWanted(pod: Pod, { namespace, multusNamespace = MULTUS_NAMESPACE }: NetworksContext): Wanted {
  const own = pod.metadata.namespace ?? namespace ?? 'default';
  const main = readAnnotation(pod, DEFAULT_NETWORK_ANNOTATION, oneOnly);
  const others = readAnnotation(pod, NETWORKS_ANNOTATION, selectionsReason);
  return {
    main: main.value.map((one) => ({ ...one, namespace: one.namespace || multusNamespace }))[0],
    secondary: others.value.map((one) => ({ ...one, namespace: one.namespace || own })),
    violations: [...main.violations, ...others.violations],
  };
}

function readAnnotation(pod: Pod, name: string, check: (selections: readonly Selection[]) => string): Step<readonly Selection[]> {
  const text = pod.metadata.annotations?.[name] ?? '';
  if (text === '') return { value: [], violations: [] };
  const read = readSelections(text);
  const selections = read.ok ? read.selections.map(withInterface) : [];
  const message = read.ok ? check(selections) : read.reason;
  return { value: selections, violations: message === '' ? [] : [{ field: annotationField(name), value: text, message }] };
}

function withInterface(selection: Selection, index: number): Selection {
  return { ...selection, interface: selection.interface || `net${index + 1}` };
}

function oneOnly({ length }: readonly Selection[]): string {
  return length > 1 ? `names ${length} networks; a pod has one default network` : '';
}

/** Why the networks together cannot be; '' = they can. */
function selectionsReason(selections: readonly Selection[]): string {
  const most = GUEST_LIMITS.networks - 1;
  if (selections.length > most) return `asks for ${selections.length} networks; allowed: at most ${most} beside the pod network`;
  const interfaces = selections.map((one) => one.interface);
  const reasons = selections.map((one, index) => selectionReason(one, interfaces.slice(0, index)));
  return reasons.find((reason) => reason !== '') ?? '';
}

function selectionReason({ name, namespace, interface: interfaceName }: Selection, taken: readonly string[]): string {
  if (!NETWORK.test(`${namespace || 'any'}/${name}`)) {
    return `'${(namespace === '' ? name : `${namespace}/${name}`).slice(0, 80)}' is no network name; allowed: names of NetworkAttachmentDefinitions, [namespace/]name`;
  }
  const shown = JSON.stringify(interfaceName.slice(0, 40));
  if (!INTERFACE.test(interfaceName)) {
    return `${shown} is no interface name; allowed: letters, digits, '.', '_' and '-', at most 15 characters`;
  }
  if (RESERVED_INTERFACES.includes(interfaceName) || RESERVED_PREFIXES.some((prefix) => interfaceName.startsWith(prefix))) {
    return `interface ${shown} is reserved in a VM pod; choose another, e.g. net1`;
  }
  return taken.includes(interfaceName) ? `interface ${shown} is used by two networks; give each its own` : '';
}

function keyOf({ namespace, name }: Selection): string {
  return `${namespace}/${name}`;
}

const POD_NETWORK: GuestNetwork = { name: 'pod', interface: 'eth0', binding: 'masquerade' };

/** The pod's own network as the guest sees it: the cluster's, or the one `v1.multus-cni.io/default-network` puts in its place. */
function podNetwork(selection: Selection | undefined, chosen: ChosenBindings, attachments: Attachments): Step<GuestNetwork> {
  if (selection === undefined) return podBinding({ types: [] }, chosen['pod'] ?? 'masquerade', '');
  const found = lookUp(selection, DEFAULT_NETWORK_ANNOTATION, attachments);
  const binding = chosen['pod'] ?? (isVirtualFunction(found.value) ? 'sriov' : 'masquerade');
  if (found.violations.length > 0) return { value: POD_NETWORK, violations: found.violations };
  const network = podBinding(found.value, binding, keyOf(selection));
  return { ...network, warnings: found.warnings ?? [] };
}

function podBinding(attachment: Attachment, binding: GuestNetwork['binding'], key: string): Step<GuestNetwork> {
  const value = { ...POD_NETWORK, binding, ...resourceOf(attachment, binding) };
  const reason = podRefusal(attachment, binding, key);
  if (reason !== '') return refuse(value, BINDINGS_ANNOTATION, `pod=${binding}`, reason);
  return { value, violations: [] };
}

/** What works, but perhaps not as expected. */
function podWarnings(pod: Pod, { binding }: GuestNetwork): readonly string[] {
  const guest = findGuestContainer(pod).value?.container;
  if (binding === 'bridge' && pod.spec.containers.length > 1) {
    return [
      "with binding bridge the guest has the pod's address: containers beside it reach the guest on localhost, and nothing else",
    ];
  }
  const ports = guest?.['ports'];
  const portless = !Array.isArray(ports) || ports.length === 0;
  return binding === 'passt' && portless
    ? ['binding passt passes the ports that the guest container declares, and it declares none: nothing reaches the guest']
    : [];
}

function podRefusal(attachment: Attachment, binding: GuestNetwork['binding'], key: string): string {
  const of = key === '' ? '' : `NetworkAttachmentDefinition '${key}': `;
  switch (binding) {
    case 'macvtap':
      return "network 'pod' cannot have binding macvtap: the guest would be told no address, since nothing beside it reaches a macvtap; allowed: masquerade, bridge, passt";
    case 'sriov':
      if (key !== '') return attachment.resourceName === undefined ? of + bindingRefusal(attachment, 'sriov') : '';
      return `network 'pod' cannot have binding sriov, because it is the cluster's default network; allowed: masquerade, bridge, passt, or a virtual function by annotation ${DEFAULT_NETWORK_ANNOTATION}`;
    case 'bridge': {
      const reason = bindingRefusal(attachment, 'bridge');
      return reason === '' ? '' : `${of}${reason}`.replace(/; allowed: .*$/, '; allowed: masquerade, passt');
    }
    default:
      return '';
  }
}

/** One of Multus' networks. */
function secondary(selection: Selection, chosen: ChosenBindings, attachments: Attachments): Step<GuestNetwork> {
  const name = keyOf(selection);
  const found = lookUp(selection, NETWORKS_ANNOTATION, attachments);
  const binding = chosen[selection.interface] ?? defaultBinding(found.value);
  const value: GuestNetwork = {
    name,
    interface: selection.interface,
    binding: binding ?? 'bridge',
    ...(selection.mac === '' ? {} : { mac: selection.mac }),
    ...resourceOf(found.value, binding),
  };
  if (found.violations.length > 0) return { value, violations: found.violations };
  const reason = bindingRefusal(found.value, binding);
  if (reason !== '') return refuse(value, ...cause(selection, chosen, `NetworkAttachmentDefinition '${name}': ${reason}`));
  return { value, violations: [], warnings: found.warnings ?? [] };
}

/** The annotation to correct: the one that chose the binding, else the one that chose the network. */
function cause(
  selection: Selection,
  chosen: ChosenBindings,
  reason: string,
): [annotation: string, value: string, reason: string] {
  const binding = chosen[selection.interface];
  if (binding === undefined) return [NETWORKS_ANNOTATION, keyOf(selection), reason];
  return [BINDINGS_ANNOTATION, `${selection.interface}=${binding}`, reason];
}

function lookUp(selection: Selection, annotation: string, attachments: Attachments): Step<Attachment> {
  const key = keyOf(selection);
  const found = Object.hasOwn(attachments, key) ? attachments[key] : undefined;
  const called = `NetworkAttachmentDefinition '${key}'`;
  if (found === undefined) {
    const hint = `does not exist; correct the name, or create it first (kubectl get network-attachment-definitions -n ${selection.namespace})`;
    return refuse({ types: [] }, annotation, key, `${called} ${hint}`);
  }
  if (found.problem !== undefined) return refuse(found, annotation, key, `${called} ${found.problem}`);
  const warnings = found.assumed === true ? [`${called} is not among the manifests; it is taken for a plain bridge network`] : [];
  return { value: found, violations: [], warnings };
}

/** Two cards of one guest with one MAC confuse the guest and every switch. */
function sharedMacs(pod: Pod, networks: readonly GuestNetwork[]): readonly Violation[] {
  const macs = networks.flatMap(({ mac }) => (mac === undefined ? [] : [mac]));
  const twice = macs.find((mac, index) => macs.indexOf(mac) !== index);
  if (twice === undefined) return [];
  const value = pod.metadata.annotations?.[NETWORKS_ANNOTATION] ?? '';
  const message = `asks for MAC address ${twice} on two networks; give each its own, or leave it out`;
  return [{ field: annotationField(NETWORKS_ANNOTATION), value, message }];
}

function resourceOf(
  { resourceName, physicalNetwork }: Attachment,
  binding: GuestNetwork['binding'] | undefined,
): Pick<GuestNetwork, 'resource' | 'physicalNetwork'> {
  // Of a bridge on a node nobody reports what it is plugged into: only physical functions are placed by it.
  const isPlaced = binding === 'sriov' && physicalNetwork !== undefined;
  return { ...(resourceName === undefined ? {} : { resource: resourceName }), ...(isPlaced ? { physicalNetwork } : {}) };
}

function refuse<T>(value: T, annotation: string, shown: string, message: string): Step<T> {
  return { value, violations: [{ field: annotationField(annotation), value: shown, message }] };
}
