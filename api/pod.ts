/**
 * The part of a Pod that Podvisor reads, as the API server sends it (raw JSON, never client-node's classes: those drop fields they do
 * not know). Every type keeps an index signature so that fields this code has never heard of survive a copy.
 */

interface Raw {
  readonly [field: string]: unknown;
}

export interface OwnerReference extends Raw {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ObjectMeta extends Raw {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

/** Quantities by resource name. The API server sends strings; hand-written YAML may hold numbers. */
export type ResourceList = Readonly<Record<string, string | number>>;

export interface ResourceRequirements extends Raw {
  readonly limits?: ResourceList;
  readonly requests?: ResourceList;
  readonly claims?: readonly Raw[];
}

export interface SecurityContext extends Raw {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string; readonly localhostProfile?: string };
}

export interface VolumeMount extends Raw {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

export interface VolumeDevice extends Raw {
  readonly name: string;
  readonly devicePath: string;
}

export interface Probe extends Raw {
  readonly exec?: Raw;
  readonly httpGet?: Raw;
  readonly tcpSocket?: Raw;
  readonly grpc?: Raw;
}

export interface Container extends Raw {
  readonly name: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly Raw[];
  readonly envFrom?: readonly Raw[];
  readonly resources?: ResourceRequirements;
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly volumeDevices?: readonly VolumeDevice[];
  readonly lifecycle?: Raw;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
  readonly terminationMessagePath?: string;
}

export interface Volume extends Raw {
  readonly name: string;
  readonly emptyDir?: Raw;
  readonly image?: { readonly reference?: string; readonly pullPolicy?: string };
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly projected?: Raw;
  readonly ephemeral?: Raw;
}

export interface PodSpec extends Raw {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly nodeName?: string;
  readonly schedulerName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly restartPolicy?: string;
  readonly readinessGates?: readonly { readonly conditionType: string }[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly hostUsers?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly runtimeClassName?: string;
  readonly os?: { readonly name: string };
  readonly resources?: ResourceRequirements;
  readonly securityContext?: Raw;
}

export interface PodCondition extends Raw {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface PodStatus extends Raw {
  readonly phase?: string;
  readonly podIP?: string;
  readonly conditions?: readonly PodCondition[];
  readonly containerStatuses?: readonly Raw[];
}

export interface Pod extends Raw {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}
