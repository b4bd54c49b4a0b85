import { VM_LABEL, VM_LABEL_VALUE } from '../../api/names.ts';

const labelSelector = `${VM_LABEL}=${VM_LABEL_VALUE}`;

/** VM pods that have a node, ended ones too: what ended gives back at once what its node's report still counts. */
export const VMS_ON_NODES = { labelSelector, fieldSelector: 'spec.nodeName!=' };

/** VM pods that wait for a node. */
export const WAITING_VMS = { labelSelector, fieldSelector: 'spec.nodeName=,status.phase=Pending' };
