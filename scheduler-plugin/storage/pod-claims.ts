import type { ExtenderPod } from '../protocol.ts';

/** Keys of the claims of a pod's volumes. The claim of an ephemeral volume is named after pod and volume, and made by a controller. */
export function podClaims({ metadata = {}, spec = {} }: ExtenderPod): readonly string[] {
  const { namespace = '', name = '' } = metadata;
  return (spec.volumes ?? []).flatMap(({ name: volume, persistentVolumeClaim: claim, ephemeral }) => {
    if (claim !== undefined) return [`${namespace}/${claim.claimName}`];
    return ephemeral === undefined ? [] : [`${namespace}/${name}-${volume}`];
  });
}
