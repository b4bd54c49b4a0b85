import { EXTENDED_RESOURCE, type GuestNetwork, OBJECT_NAME } from './guest-spec.ts';
import { PHYSICAL_NETWORK_ANNOTATION } from './names.ts';

/** What admission must know of a NetworkAttachmentDefinition; gathered outside, so that decisions stay pure. */
export interface Attachment {
  /** Types of its CNI plugins in order (`spec.config`); empty when the configuration is on the nodes, where nobody here sees it. */
  readonly types: readonly string[];
  /** Annotation `k8s.v1.cni.cncf.io/resourceName`: one of these is given to the pod for each use. */
  readonly resourceName?: string;
  /** Annotation `podvisor.dev/physical-network`: what its virtual functions must be plugged into. */
  readonly physicalNetwork?: string;
  /** Annotation `k8s.v1.cni.cncf.io/nodeSelector`: labels of the nodes that have the network. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** Nobody has seen it; it is taken for a plain bridge (offline previews). */
  readonly assumed?: boolean;
  /** Why it cannot be used, in words that follow its name. */
  readonly problem?: string;
}

/** Attachments by `namespace/name`. One that is not here is not in the cluster. */
export type Attachments = Readonly<Record<string, Attachment>>;

export const RESOURCE_ANNOTATION = 'k8s.v1.cni.cncf.io/resourceName';
export const NODE_SELECTOR_ANNOTATION = 'k8s.v1.cni.cncf.io/nodeSelector';

const RESOURCE = new RegExp(EXTENDED_RESOURCE);
const PHYSICAL_NETWORK = new RegExp(OBJECT_NAME);

type Binding = GuestNetwork['binding'];

/** CNI plugins that give the pod a PCI function. */
const VF_TYPES: readonly string[] = ['sriov', 'ib-sriov'];
/** Plugins that do so when a device plugin's resource goes with them, and something else otherwise. */
const VF_TYPES_WITH_RESOURCE: readonly string[] = ['host-device', 'ovn-k8s-cni-overlay'];
/** Plugins whose interface passes frames of its own MAC only, on which a guest needs an interface of its own. */
const MACVTAP_TYPES: readonly string[] = ['macvtap', 'macvlan'];
/** Plugins whose interfaces share one MAC. */
const ONE_MAC_TYPES: readonly string[] = ['ipvlan'];

/** Whether the network's interface is an SR-IOV virtual function. */
export function isVirtualFunction({ types: [type = ''], resourceName }: Attachment): boolean {
  return VF_TYPES.includes(type) || (resourceName !== undefined && VF_TYPES_WITH_RESOURCE.includes(type));
}

/** The binding of a secondary network nobody chose one for. undefined = a guest cannot use it. */
export function defaultBinding(attachment: Attachment): Binding | undefined {
  const [type = ''] = attachment.types;
  if (isVirtualFunction(attachment)) return 'sriov';
  if (MACVTAP_TYPES.includes(type)) return 'macvtap';
  return ONE_MAC_TYPES.includes(type) ? undefined : 'bridge';
}

/** Why a secondary network cannot have this binding, what else it can; '' = it can. */
export function bindingRefusal(attachment: Attachment, binding: Binding | undefined): string {
  const [type = ''] = attachment.types;
  if (ONE_MAC_TYPES.includes(type)) {
    return `its CNI type is ${type}, whose interfaces all share one MAC address, and a guest has its own; use a NAD of type bridge, macvlan or sriov`;
  }
  switch (binding) {
    case 'masquerade':
    case 'passt':
      return `binding ${binding} puts the guest behind the pod's own address, so it is for network 'pod' only; ${instead(attachment)}`;
    case 'sriov':
      return sriovRefusal(attachment);
    case 'macvtap':
      return isVirtualFunction(attachment) ? `its interface is a virtual function; ${instead(attachment)}` : '';
    default:
      return bridgeRefusal(attachment);
  }
}

function sriovRefusal({ types: [type = ''], resourceName }: Attachment): string {
  if (resourceName === undefined) {
    return `binding sriov needs annotation ${RESOURCE_ANNOTATION} on it, which says what virtual function to request`;
  }
  return MACVTAP_TYPES.includes(type) ? `its CNI type is ${type}, which gives no virtual function; allowed: macvtap` : '';
}

function bridgeRefusal(attachment: Attachment): string {
  const [type = ''] = attachment.types;
  if (isVirtualFunction(attachment))
    return `its interface is a virtual function, which cannot be bridged; ${instead(attachment)}`;
  if (!MACVTAP_TYPES.includes(type)) return '';
  return `its CNI type is ${type}, whose interface passes frames of its own MAC address only; ${instead(attachment)}`;
}

function instead(attachment: Attachment): string {
  const binding = defaultBinding(attachment);
  const allowed = binding === 'bridge' ? 'bridge, macvtap' : (binding ?? 'nothing');
  return `allowed: ${allowed}`;
}

/** Reads a raw NetworkAttachmentDefinition (k8s.cni.cncf.io/v1; NPWG multi-net specification, section 3). Total. */
export function attachmentOf(raw: { readonly [field: string]: unknown }): Attachment {
  const annotations = fieldsOf(fieldsOf(raw['metadata'])['annotations']);
  const resourceName = textOf(annotations[RESOURCE_ANNOTATION]).trim();
  const physicalNetwork = textOf(annotations[PHYSICAL_NETWORK_ANNOTATION]).trim();
  const problem = annotationProblem(resourceName, physicalNetwork);
  const nodeSelector = textOf(annotations[NODE_SELECTOR_ANNOTATION]).trim();
  return {
    ...typesOf(textOf(fieldsOf(raw['spec'])['config']).trim()),
    ...(resourceName === '' ? {} : { resourceName }),
    ...(nodeSelector === '' ? {} : { nodeSelector: labelsOf(nodeSelector) }),
    ...(physicalNetwork === '' ? {} : { physicalNetwork }),
    ...(problem === '' ? {} : { problem }),
  };
}

function annotationProblem(resourceName: string, physicalNetwork: string): string {
  const wrong = (annotation: string, value: string, what: string): string =>
    `has annotation ${annotation}: ${JSON.stringify(value.slice(0, 80))}, which is no ${what}; correct it`;
  if (resourceName !== '' && !RESOURCE.test(resourceName))
    return wrong(RESOURCE_ANNOTATION, resourceName, 'resource of a device plugin (vendor-domain/name)');
  if (physicalNetwork !== '' && !PHYSICAL_NETWORK.test(physicalNetwork))
    return wrong(PHYSICAL_NETWORK_ANNOTATION, physicalNetwork, 'name (lower case letters, digits, dots and dashes, at most 253)');
  return '';
}

function typesOf(config: string): Pick<Attachment, 'types' | 'problem'> {
  if (config === '') return { types: [] };
  let parsed: unknown;
  try {
    parsed = JSON.parse(config);
  } catch {
    return { types: [], problem: 'has a spec.config that is not JSON; correct it' };
  }
  const { plugins, type } = fieldsOf(parsed);
  const all = Array.isArray(plugins) ? plugins.map((plugin) => fieldsOf(plugin)['type']) : [type];
  const types = all.filter((one): one is string => typeof one === 'string' && one !== '');
  return types.length > 0 ? { types } : { types, problem: "has a spec.config without a plugin's type; correct it" };
}

/** `key=value` or `key`, several separated by commas. */
function labelsOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  return Object.fromEntries(pairs.map(([key = '', ...value]) => [key, value.join('=')]));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
