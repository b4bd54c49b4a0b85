import type { GuestSpec } from '../../api/guest-spec.ts';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import type { Pod } from '../../api/pod.ts';
import { violationsText } from '../../api/violation.ts';
import { policyObject } from '../../test/build/policy.ts';
import { vmPod, withDefaults } from '../../test/build/pod.ts';
import { mutatePod } from '../../webhooks/pod/mutate-pod.ts';

/** Namespaces the pods are spread over. */
export const NAMESPACES = Array.from({ length: 50 }, (_, at) => `team-${at}`);

/** A VM pod as admission stores it, on a node; every hundredth has the MAC of another one on one network. */
export function runningPod(at: number): Pod {
  const namespace = NAMESPACES[at % NAMESPACES.length] ?? '';
  const result = mutatePod(withDefaults(vmPod({ name: `vm-${at}`, namespace, labels: { app: `app-${at % 20}` } })), {
    launcherImage: 'localhost/podvisor/launcher:dev',
    accelerators: { kvm: false, tcg: true },
    namespace,
  });
  if (!result.ok) throw new Error(violationsText(result.violations));
  const { metadata, spec } = result.patched;
  return { ...result.patched, metadata: withMac(metadata, at), spec: { ...spec, nodeName: `node-${at % 100}` } };
}

function withMac(metadata: Pod['metadata'], at: number): Pod['metadata'] {
  const guest = JSON.parse(metadata.annotations?.[GUEST_ANNOTATION] ?? '{}') as GuestSpec;
  const number = (at % 100 === 0 ? Math.floor(at / 200) : at).toString(16).padStart(6, '0');
  const mac = ['02', '00', '01', ...(number.match(/../g) ?? [])].join(':');
  const blue = { name: 'lan/blue', interface: 'net1', binding: 'bridge' as const, mac };
  const annotation = JSON.stringify({ ...guest, networks: [...guest.networks, blue] });
  return { ...metadata, annotations: { ...metadata.annotations, [GUEST_ANNOTATION]: annotation } };
}

/** A policy with bounds, patterns, a limit and two rules; half of them are for all pods, half for one app's. */
export function auditedPolicy(at: number): { readonly metadata: { readonly name: string } } & object {
  return policyObject(`policy-${at}`, {
    mode: 'audit',
    ...(at % 2 === 0 ? {} : { podSelector: { matchLabels: { app: `app-${at % 20}` } } }),
    guest: { memory: { maximum: at % 10 === 0 ? '64Mi' : '64Gi' }, vcpus: { maximum: 16 } },
    images: { allowed: ['localhost/**'] },
    limits: { vms: 200 },
    rules: [
      { name: 'owner', expression: "has(pod.metadata.labels) && 'app' in pod.metadata.labels" },
      { name: 'nets', expression: 'guest.networks.size() <= 4' },
    ],
  }) as { readonly metadata: { readonly name: string } } & object;
}
