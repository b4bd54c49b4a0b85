import { hotpluggedClaims } from '../../api/hotplugged-claims.ts';
import type { Identity } from '../placement/wanted.ts';
import type { ExtenderPod } from '../protocol.ts';

/**
 * Keys of the claims of a pod: those of its volumes, and those that are plugged into its guest. The claim of an ephemeral volume is named after pod and
 * volume, and made by a controller.
 */
export function podClaims({ metadata = {}, spec = {} }: ExtenderPod): Pick<Identity, 'volumeClaims' | 'hotplugged'> {
  const { namespace = '', name = '', annotations = {} } = metadata;
  const own = (spec.volumes ?? []).flatMap(({ name: volume, persistentVolumeClaim: claim, ephemeral }) => {
    if (claim !== undefined) return [`${namespace}/${claim.claimName}`];
    return ephemeral === undefined ? [] : [`${namespace}/${name}-${volume}`];
  });
  const hotplugged = hotpluggedClaims(annotations).flatMap((claim) => {
    const key = `${namespace}/${claim}`;
    return own.includes(key) ? [] : [key];
  });
  return hotplugged.length === 0 ? { volumeClaims: own } : { volumeClaims: [...own, ...hotplugged], hotplugged };
}
