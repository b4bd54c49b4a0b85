import { messageOf } from '../runtime/errors.ts';
import type { RunProgram } from './run-program.ts';

/** Whether hardware virtualisation works here, and the words for the log. */
export interface SelfTestResult {
  readonly usable: boolean;
  readonly reason: string;
}

/** Time beyond the program's own limit. */
const SLACK_MS = 5000;

/**
 * Boots the launcher's tiny self-test guest on KVM. A /dev/kvm that opens is no proof: nested or broken KVM hangs every guest.
 * `path` is launcher/kvm-selftest, which takes the limit in seconds.
 */
export async function kvmSelfTest(path: string, limitMs: number, run: RunProgram): Promise<SelfTestResult> {
  const seconds = Math.max(1, Math.ceil(limitMs / 1000));
  try {
    const output = await run({ file: path, args: ['--accel', 'kvm', String(seconds)], timeoutMs: seconds * 1000 + SLACK_MS });
    return { usable: true, reason: output.trim() };
  } catch (error) {
    return { usable: false, reason: messageOf(error) };
  }
}
