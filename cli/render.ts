import { VM_LABEL, VM_LABEL_VALUE } from '../api/names.ts';
import { readStoredGuest } from '../api/parse-stored.ts';
import type { GuestNetwork, GuestSpec } from '../api/guest-spec.ts';
import type { Pod } from '../api/pod.ts';
import { type Violation, violationText } from '../api/violation.ts';
import { deriveMac, networkLabel } from '../guest/mac.ts';
import type { HostDeviceAddress } from '../guest/host-devices.ts';
import { linkNames, type Nic, passtSocket, queuesFor, type TapNic } from '../guest/networks.ts';
import { qemuArgv } from '../guest/qemu-argv.ts';
import type { AdmissionContext } from '../webhooks/pod/context.ts';
import { mutateUnderPolicies } from '../webhooks/policy/under-policies.ts';
import { validatePod } from '../webhooks/pod/validate-pod.ts';
import { seenOrAssumed } from './attachments.ts';
import { withApiDefaults } from './api-defaults.ts';
import { factsFor, type PolicyWorld } from './policies.ts';
import { podOf, titleOf } from './workloads.ts';
import type { ManifestObject } from './workloads.ts';

/** What becomes of one object of a manifest. */
export type Rendered =
  | { readonly type: 'not-a-vm'; readonly title: string }
  | { readonly type: 'refused'; readonly title: string; readonly violations: readonly Violation[] }
  | {
      readonly type: 'vm';
      readonly title: string;
      /** The pod as admission leaves it. */
      readonly pod: Pod;
      readonly warnings: readonly string[];
      /** What policies in mode audit object to. */
      readonly audits: readonly string[];
      /** QEMU's command line; MACs of Multus networks are the NAD's or the pod's and not known here. */
      readonly argv: readonly string[];
    };

/** What is known of the cluster; `world` left out = no policies. */
export type RenderContext = Omit<AdmissionContext, 'namespace' | 'policies'> & { readonly world?: PolicyWorld };

/** What admission would make of an object, by the same code the webhook runs. Pure; the cluster's own admission may say more. */
export function render(object: ManifestObject, context: RenderContext): Rendered {
  const title = titleOf(object);
  const found = podOf(object);
  if (found.type === 'none') return { type: 'not-a-vm', title };
  if (found.type === 'broken') return { type: 'refused', title, violations: [{ field: found.field, message: found.reason }] };
  const { pod } = found;
  if (pod.metadata.labels?.[VM_LABEL] === undefined) return { type: 'not-a-vm', title };
  return renderVm(title, pod, context);
}

function renderVm(title: string, pod: Pod, { world, ...context }: RenderContext): Rendered {
  const { namespace = '', labels = {} } = pod.metadata;
  const attachments = seenOrAssumed(pod, namespace, context.attachments ?? {});
  const policies = world === undefined ? undefined : factsFor(world, namespace, labels);
  const inNamespace = { ...context, namespace, attachments, ...(policies === undefined ? {} : { policies }) };
  if (labels[VM_LABEL] !== VM_LABEL_VALUE) {
    return { type: 'refused', title, violations: validatePod(pod, inNamespace).violations };
  }
  const mutation = mutateUnderPolicies(withApiDefaults(pod), inNamespace);
  if (!mutation.ok) return { type: 'refused', title, violations: mutation.violations };
  const stored = readStoredGuest(mutation.patched);
  if (!stored.ok) throw new Error(`admission wrote a GuestSpec that cannot be read: ${stored.reason}`);
  const warnings = [...mutation.warnings, ...mutation.verdict.warnings.map(violationText)];
  const audits = mutation.verdict.audits.map(violationText);
  return { type: 'vm', title, pod: mutation.patched, warnings, audits, argv: argvOf(stored.guest, pod) };
}

const EXAMPLE_FUNCTION = '0000:00:00.0';

function argvOf(guest: GuestSpec, { metadata: { namespace = '', name = '' } }: Pod): readonly string[] {
  const nics = guest.networks.map((network, index) => {
    const mac = network.mac ?? deriveMac(namespace, name, networkLabel(guest.networks, index));
    return exampleNic(network, index, { mac, queues: queuesFor(guest.vcpus) });
  });
  const hostDevices = exampleDevices(guest);
  return qemuArgv(guest, { accelerator: guest.accelerator, vhostNet: false, nics, hostDevices });
}

/** Addresses are known on the node only, and so is what a ResourceClaim holds: one function stands for each. */
function exampleDevices({ hostDevices = [], claims = [] }: GuestSpec): HostDeviceAddress[] {
  const count = hostDevices.reduce((sum, device) => sum + device.count, claims.length);
  return Array.from({ length: count }, () => ({ pci: EXAMPLE_FUNCTION }));
}

/** What the node agent would make; a virtual function's address is known on the node only. */
function exampleNic({ binding }: GuestNetwork, index: number, tap: Omit<TapNic, 'tap'>): Nic {
  if (binding === 'sriov') return { address: EXAMPLE_FUNCTION };
  return binding === 'passt' ? { mac: tap.mac, socket: passtSocket(index) } : { ...tap, tap: linkNames(index).tap };
}
