import jsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import type { Pod } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { mutatePod } from '../../../webhooks/pod/mutate-pod.ts';
import type { AdmissionContext } from '../../../webhooks/pod/context.ts';

/** Shared by the admission tests. */
export const context: AdmissionContext = {
  launcherImage: 'localhost/podvisor/launcher:dev',
  accelerators: { kvm: false, tcg: true },
  namespace: 'default',
};

export function mutated(pod: Pod, change: Partial<AdmissionContext> = {}): Pod {
  const result = mutatePod(pod, { ...context, ...change });
  if (!result.ok) throw new Error(violationsText(result.violations));
  return result.patched;
}

export function refusal(pod: Pod): string {
  const result = mutatePod(pod, context);
  return result.ok ? 'admitted' : violationsText(result.violations);
}

/** As it comes over the wire: no object in it is shared. */
const parsed = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export const apply = (pod: Pod, patch: readonly Operation[]): Pod =>
  jsonPatch.applyPatch(parsed(pod), parsed(patch) as Operation[], true).newDocument;
