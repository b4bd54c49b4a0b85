import type { GuestNetwork } from '../../api/guest-spec.ts';
import { stableName } from '../../api/pod-identity.ts';
import type { Pod } from '../../api/pod.ts';
import { isDrawnMac, type MacSource, withGuestMacs } from '../../guest/mac.ts';
import type { AdmissionContext } from '../pod/context.ts';

/** What the MAC addresses of a pod's guest are made from. */
export function macSource(pod: Pod, { namespace, requestUid = '' }: AdmissionContext): MacSource {
  return { namespace: pod.metadata.namespace ?? namespace, name: stableName(pod), request: requestUid };
}

/**
 * The networks as the pod says them, with the MAC addresses its GuestSpec should have. A drawn one cannot be drawn again (each webhook call
 * has its own uid), so any of that kind is taken: those of pods with a stable name are of another kind and cannot be forged this way. None
 * at all is what the version before MACs wrote.
 */
export function verifiedMacs(
  parsed: readonly GuestNetwork[],
  stored: readonly GuestNetwork[],
  source: MacSource,
): readonly GuestNetwork[] {
  const expected = withGuestMacs(parsed, source);
  return parsed.map((network, index) => {
    const mac = stored[index]?.mac;
    if (network.mac !== undefined) return network;
    if (mac === undefined) return network;
    const drawn = source.name === undefined && isDrawnMac(mac) && expected[index]?.mac !== undefined;
    return drawn ? { ...network, mac } : (expected[index] ?? network);
  });
}
