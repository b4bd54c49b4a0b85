import type { GuestSpec } from '../../api/guest-spec.ts';
import { GUEST_ANNOTATION } from '../../api/names.ts';
import type { Pod, PodCondition } from '../../api/pod.ts';
import { guestSpec } from './guest.ts';
import { vmPod } from './pod.ts';

/** A VM pod as the API server has it when it runs: what controllers and schedulers watch. */
export function runningVm(
  fields: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly node?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly networks?: GuestSpec['networks'];
    /** Annotation k8s.v1.cni.cncf.io/network-status. */
    readonly networkStatus?: string;
    readonly conditions?: readonly PodCondition[];
  } = {},
): Pod {
  const { networks, networkStatus, node = 'node1', conditions } = fields;
  const annotations = {
    [GUEST_ANNOTATION]: JSON.stringify(guestSpec(networks === undefined ? {} : { networks })),
    ...(networkStatus === undefined ? {} : { 'k8s.v1.cni.cncf.io/network-status': networkStatus }),
  };
  const { name = 'vm', namespace = 'default', uid = `uid-${name}`, labels = {} } = fields;
  const pod = vmPod({ name, namespace, uid, labels, annotations, spec: { nodeName: node } });
  return { ...pod, status: { phase: 'Running', ...(conditions === undefined ? {} : { conditions }) } };
}
