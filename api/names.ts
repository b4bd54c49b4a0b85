/** Every name Podvisor puts into a cluster. Design section 3 and 4; Kubernetes label and annotation rules. */

/** Label that opts a pod in; its only allowed value is {@link VM_LABEL_VALUE}. */
export const VM_LABEL = 'podvisor.dev/vm';
/** The only allowed value of {@link VM_LABEL}. */
export const VM_LABEL_VALUE = 'true';
/** Prefix of every annotation, condition, resource and label of ours. */
export const PREFIX = 'podvisor.dev/';
/** Annotation that holds the GuestSpec (JSON), written by admission only. */
export const GUEST_ANNOTATION = 'podvisor.dev/guest';
/** Annotation with the plan of the scheduler extender (zones, physical functions), written with the binding. */
export const PLAN_ANNOTATION = 'podvisor.dev/placement';
/** Annotation with the claims that are plugged into the running guest; kept by whoever plugs them, and by whoever makes the VM's pod anew. */
export const HOTPLUGGED_ANNOTATION = 'podvisor.dev/hotplugged-claims';
/** Annotation that says which defaults policies wrote, and which policy each (`memory=base,accelerator=lab`). */
export const POLICY_DEFAULTS_ANNOTATION = 'podvisor.dev/policy-defaults';
/** Readiness gate and pod condition: the guest runs. */
export const GUEST_READY = 'podvisor.dev/guest-ready';
/** Pod condition: True = hardware virtualisation (KVM), False = emulation (TCG). */
export const ACCELERATED = 'podvisor.dev/accelerated';
/** Pod condition, only on VM pods that waited for room: a node that had refused it would take it, and the scheduler was made to look again. */
export const ROOM_FOUND = 'podvisor.dev/room-found';
/** Pod condition, only on VM pods of which it was ever true: another node would be clearly better for where their pages, functions or disks are. */
export const BETTER_NODE = 'podvisor.dev/better-node';
/** Pod condition, only on pods that ever collided: False = another VM pod has the same MAC on the same network. */
export const MAC_UNIQUE = 'podvisor.dev/mac-unique';
/** Condition of a pod that a kubelet refused after it was bound, and that no controller makes again. */
export const REFUSED = 'podvisor.dev/refused';
/** Extended resources the agent's device plugin offers, by accelerator; one unit is one VM slot. */
export const DEVICE_RESOURCE = { kvm: 'podvisor.dev/kvm', tcg: 'podvisor.dev/tcg' } as const;
/** Scheduler that VM pods are given when they name none. */
export const SCHEDULER_NAME = 'podvisor-scheduler';
/** Namespace of webhook and scheduler. */
export const SYSTEM_NAMESPACE = 'podvisor-system';
/** Namespace of the agent, the only privileged part. */
export const AGENT_NAMESPACE = 'podvisor-agent';
/** Volumes admission adds to a VM pod. */
export const BOOT_VOLUME = 'podvisor-boot';
export const SCRATCH_VOLUME = 'podvisor-scratch';
export const CLOUD_INIT_VOLUME = 'podvisor-cloud-init';
export const SEED_VOLUME = 'podvisor-seed';
/** Paths inside the launcher container. */
export const BOOT_PATH = '/podvisor/boot';
export const SCRATCH_PATH = '/podvisor/scratch';
export const CLOUD_INIT_PATH = '/podvisor/cloud-init';
export const SEED_PATH = '/podvisor/seed';
export const DISKS_PATH = '/dev/podvisor';
export const SLOT_PATH = '/run/podvisor';
/** PID 1 of the launcher container. */
export const LAUNCHER_COMMAND = '/usr/bin/podvisor-launch';
/** User and group QEMU runs as in the launcher container. */
export const LAUNCHER_UID = 107;
/** Multus' network selection annotation (Network Plumbing Working Group specification, section 4.1). */
export const NETWORKS_ANNOTATION = 'k8s.v1.cni.cncf.io/networks';
/** Multus' annotation that puts another network in the place of the cluster's default one. */
export const DEFAULT_NETWORK_ANNOTATION = 'v1.multus-cni.io/default-network';
/** Annotation of a NetworkAttachmentDefinition: the physical network its virtual functions must be plugged into. */
export const PHYSICAL_NETWORK_ANNOTATION = 'podvisor.dev/physical-network';
/** Volume that network-resources-injector mounts where it has added something (network-resources-injector pkg/webhook). */
export const INJECTOR_VOLUME = 'podnetinfo';
/** Where ServiceAccount admission mounts the API token; a guest container never keeps it. */
export const TOKEN_MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Prefix of the volumes that are ours; users may not use it. */
export const VOLUME_PREFIX = 'podvisor-';
