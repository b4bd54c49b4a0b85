import type { GuestNetwork } from '../../api/guest-spec.ts';
import type { Nic } from '../../guest/networks.ts';
import type { VmFacts } from '../slot-types.ts';
import { bridged, bridgedPod } from './bridge.ts';
import { macvtap } from './macvtap.ts';
import { masquerade } from './masquerade.ts';
import type { Helper, NetworkFacts, PartResult, Place } from './part.ts';
import { passt } from './passt.ts';
import { sriov } from './sriov.ts';

/** What to do in the pod's network namespace, in this order. Doing it again gives the same. */
export interface NetworkPlan {
  /** Lines for `ip -batch`. */
  readonly ip: readonly string[];
  /** Files below /proc/sys that get a `1`. */
  readonly sysctls: readonly string[];
  /** Script for `nft -f`; '' = none. */
  readonly nft: string;
  /** Processes of the pod to start. */
  readonly helpers: readonly Helper[];
  /** For QEMU, parallel to the guest's networks. */
  readonly nics: readonly Nic[];
}

export type PlanResult = { readonly ok: true; readonly plan: NetworkPlan } | { readonly ok: false; readonly reason: string };

/** The plan for all networks of a guest, or why one of them cannot be had. */
export function networkPlan(vm: VmFacts, facts: NetworkFacts): PlanResult {
  const results = vm.guest.networks.map((network, index) => partOf(vm, network, index, facts));
  const refused = results.find((result) => !result.ok);
  if (refused?.ok === false) return refused;
  const parts = results.flatMap((result) => (result.ok ? [result.part] : []));
  return {
    ok: true,
    plan: {
      ip: parts.flatMap(({ ip }) => ip ?? []),
      sysctls: parts.flatMap(({ sysctls }) => sysctls ?? []),
      nft: parts.map(({ nft }) => nft ?? '').join(''),
      helpers: parts.flatMap(({ helpers }) => helpers ?? []),
      nics: parts.map(({ nic }) => nic),
    },
  };
}

function partOf(vm: VmFacts, network: GuestNetwork, index: number, facts: NetworkFacts): PartResult {
  if (network.binding === 'sriov') return sriov({ vm, network, index, facts });
  const link = facts.links.find(({ name }) => name === network.interface);
  if (link === undefined) {
    return { ok: false, reason: `network '${network.name}': the pod has no interface '${network.interface}'` };
  }
  return BINDINGS[network.binding]({ vm, network, index, link, facts });
}

const BINDINGS: Readonly<Record<Exclude<GuestNetwork['binding'], 'sriov'>, (place: Place) => PartResult>> = {
  masquerade,
  bridge: (place) => (place.network.name === 'pod' ? bridgedPod(place) : bridged(place)),
  macvtap,
  passt,
};
