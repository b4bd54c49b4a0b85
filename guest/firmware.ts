import type { Firmware, GuestSpec } from '../api/guest-spec.ts';
import { SCRATCH_PATH } from '../api/names.ts';
import type { OptionValue } from './qemu-options.ts';

/** Debian's EDK II build in the launcher image (package ovmf): code that every VM of a node shares. */
const CODE: Readonly<Record<Exclude<Firmware, 'bios'>, string>> = {
  uefi: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  'uefi-secure': '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
};
/** The pod's own copy of the variables, made by the launcher from the template of the firmware. */
const VARIABLES = `${SCRATCH_PATH}/vars.fd`;

/** Machine properties of the firmware. */
export function firmwareMachine({ firmware }: GuestSpec): Record<string, OptionValue> {
  if (firmware === 'bios') return {};
  // SMM guards the variables of Secure Boot against the guest's kernel; without Secure Boot it only costs time.
  return { smm: firmware === 'uefi-secure', pflash0: 'code', pflash1: 'vars' };
}

/** Firmware in two flash chips: code, read-only, and variables. */
export function firmwareArguments({ firmware }: GuestSpec): string[] {
  if (firmware === 'bios') return [];
  return [
    ...['-blockdev', flash('code', CODE[firmware], true)],
    ...['-blockdev', flash('vars', VARIABLES, false)],
    ...(firmware === 'uefi-secure' ? secureArguments() : []),
  ];
}

function flash(node: string, filename: string, readOnly: boolean): string {
  const file = { driver: 'file', 'node-name': `${node}-file`, filename, 'read-only': readOnly };
  return JSON.stringify({ driver: 'raw', 'node-name': node, 'read-only': readOnly, file });
}

/** Only SMM may write the flash; sleeping to RAM would open it again (OVMF's README, "SMM_REQUIRE"). */
function secureArguments(): string[] {
  return ['-global', 'driver=cfi.pflash01,property=secure,value=on', '-global', 'ICH9-LPC.disable_s3=1'];
}
