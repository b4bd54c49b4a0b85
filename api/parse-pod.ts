import { checkMetadata } from './check-annotations.ts';
import { checkGuestContainer } from './check-container.ts';
import { checkPodSpec } from './check-pod.ts';
import { findGuestContainer, type GuestContainer } from './guest-container.ts';
import type { GuestSpec } from './guest-spec.ts';
import { parseAccelerator, parseBoot, parseGrace } from './parse-boot.ts';
import { parseCpu } from './parse-cpu.ts';
import { parseDedicated } from './parse-dedicated.ts';
import { parseClock, parseCloudInit, parseFirmware, parseSettings } from './parse-devices.ts';
import { parseDisks } from './parse-disks.ts';
import { parseHotplugged } from './hotplugged-claims.ts';
import { type NetworksContext, parseNetworks } from './parse-networks.ts';
import { parseHostDevices } from './parse-host-devices.ts';
import { parseMemory } from './parse-memory.ts';
import { parsePlacement } from './parse-placement.ts';
import { parseOtherResources, parseVcpus } from './parse-size.ts';
import type { Pod } from './pod.ts';
import { collector, type Step } from './step.ts';
import type { Violation } from './violation.ts';

/** What the parser must know beyond the pod. */
export interface ParseContext extends NetworksContext {
  /** Which accelerators the cluster's nodes offer. */
  readonly accelerators: { readonly kvm: boolean; readonly tcg: boolean };
}

export type ParsedPod =
  | { readonly ok: true; readonly guest: GuestSpec; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      readonly violations: readonly Violation[];
      /** What could be read, with stand-ins where there are violations: enough to tell policies' objections in the same answer. */
      readonly draft?: GuestSpec;
    };

/**
 * Reads the user's pod, as written before any mutation, into a GuestSpec. Reports all violations at once; `overheadBytes` is left 0 for
 * guest/complete.ts. Runs before the API server's own validation, so it takes no field's format on trust.
 */
export function parseGuest(pod: Pod, context: ParseContext): ParsedPod {
  const found = findGuestContainer(pod);
  const general = [...checkMetadata(pod), ...found.violations, ...checkPodSpec(pod)];
  if (found.value === undefined) return { ok: false, violations: general };
  const guest = parseContainer(pod, found.value, context);
  const violations = [...general, ...checkGuestContainer(found.value), ...guest.violations];
  return violations.length === 0
    ? { ok: true, guest: guest.value, warnings: guest.warnings ?? [] }
    : { ok: false, violations, draft: guest.value };
}

/** A new field of the GuestSpec is a line here and a parser in a file of its kind. */
function parseContainer(pod: Pod, guest: GuestContainer, context: ParseContext): Step<GuestSpec> {
  const { take, step } = collector();
  const vcpus = take(parseVcpus(guest));
  const { accelerator, ...emulatedBy } = take(parseAccelerator(pod, context.accelerators));
  const boot = take(parseBoot(pod, guest));
  const networks = take(parseNetworks(pod, context));
  const ofNetworks = networks.flatMap(({ resource }) => resource ?? []);
  const devices = take(parseHostDevices(pod, guest, ofNetworks));
  take(parseOtherResources(guest, [...ofNetworks, ...(devices.hostDevices ?? []).map(({ resource }) => resource)]));
  take(parseHotplugged(pod));
  return step({
    version: 'v1',
    container: guest.container.name,
    boot,
    vcpus,
    cpu: take(parseCpu(pod, accelerator, vcpus)),
    ...take(parseMemory(pod, guest, vcpus)),
    ...take(parseDedicated(pod, guest)),
    ...devices,
    ...take(parsePlacement(pod)),
    overheadBytes: 0,
    machine: 'q35',
    firmware: take(parseFirmware(pod, boot.mode)),
    accelerator,
    ...emulatedBy,
    ...take(parseSettings(pod)),
    ...take(parseClock(pod)),
    ...take(parseCloudInit(pod)),
    ...take(parseDisks(pod, guest, boot.mode)),
    networks,
    gracePeriodSeconds: take(parseGrace(pod)),
  });
}
