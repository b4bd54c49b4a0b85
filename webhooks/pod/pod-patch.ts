import jsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import type { Pod } from '../../api/pod.ts';

/** RFC 6902 operations from the pod as sent to the pod as it should be. Parts both share cost nothing to compare. */
export function podPatch(pod: Pod, patched: Pod): readonly Operation[] {
  return pod === patched ? [] : jsonPatch.compare(pod, patched);
}
