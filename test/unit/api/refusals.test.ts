import { type ParseContext, parseGuest } from '../../../api/parse-pod.ts';
import type { Container, Pod, PodSpec, ResourceRequirements, SecurityContext } from '../../../api/pod.ts';
import { violationsText } from '../../../api/violation.ts';
import { container, vmPod, withDefaults } from '../../build/pod.ts';

const BOTH: ParseContext = { accelerators: { kvm: true, tcg: true } };
const TCG: ParseContext = { accelerators: { kvm: false, tcg: true } };
const NONE: ParseContext = { accelerators: { kvm: false, tcg: false } };

function refusal(pod: Pod, context = BOTH): string {
  const parsed = parseGuest(pod, context);
  return parsed.ok ? '' : violationsText(parsed.violations);
}

const annotated = (name: string, value: string) => vmPod({ annotations: { [name]: value } });
const guest = (fields: Partial<Container>) => vmPod({ guest: fields });
const spec = (fields: Partial<PodSpec>) => vmPod({ spec: fields });
const limits = (list: Record<string, string>) => guest({ resources: { limits: list } });
const security = (fields: SecurityContext) => guest({ securityContext: fields });

const disks = (text: string) =>
  vmPod({ annotations: { 'podvisor.dev/disks': text }, guest: { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] } });
const devices = (text: string, list: Record<string, string>) =>
  vmPod({ annotations: { 'podvisor.dev/devices': text }, guest: { resources: { limits: { memory: '64Mi', ...list } } } });
const deviceOfNetwork = vmPod({
  annotations: { 'podvisor.dev/devices': 'example.com/vf', 'k8s.v1.cni.cncf.io/networks': 'vf' },
});
const WITH_NETWORK: ParseContext = {
  ...BOTH,
  attachments: { 'default/vf': { types: ['sriov'], resourceName: 'example.com/vf' } },
};
const dedicated = (resources: ResourceRequirements, sidecars: readonly Container[] = []) =>
  vmPod({ annotations: { 'podvisor.dev/dedicated-cpus': 'true' }, guest: { resources }, sidecars });
const numa = (text: string, list: Record<string, string>) =>
  vmPod({ annotations: { 'podvisor.dev/numa': text }, guest: { resources: { limits: list } } });
const many = (count: number) => Array.from({ length: count }, (_, index) => `d${index}`);

/** What is refused, and what the answer must say: the field, the value, what is allowed, what to do. */
const CASES: Record<string, [Pod, string[], ParseContext?]> = {
  'a label value other than true': [vmPod({ labels: { 'podvisor.dev/vm': 'yes' } }), ['metadata.labels[podvisor.dev/vm]: "yes": allowed: "true"']],
  'an annotation written as a label': [vmPod({ labels: { 'podvisor.dev/boot': 'disk' } }), ['metadata.labels[podvisor.dev/boot]', 'is an annotation, not a label']],
  'an unknown annotation, naming the nearest': [annotated('podvisor.dev/cpu-modle', 'host'), ["did you mean 'podvisor.dev/cpu-model'?"]],
  'an annotation of plugged claims that is misspelled': [annotated('podvisor.dev/hotplug-claims', 'data'), ["did you mean 'podvisor.dev/hotplugged-claims'?"]],
  'plugged claims that are no names': [annotated('podvisor.dev/hotplugged-claims', 'data,Logs/1'), ['metadata.annotations[podvisor.dev/hotplugged-claims]: "data,Logs/1"', "'Logs/1' is no name of a PersistentVolumeClaim", "allowed: names of claims in the pod's namespace, separated by commas"]],
  'plugged claims with a name left out': [annotated('podvisor.dev/hotplugged-claims', 'data,,logs'), ["'' is no name of a PersistentVolumeClaim"]],
  'no plugged claim': [annotated('podvisor.dev/hotplugged-claims', ' '), ['names no claim; remove it']],
  'a plugged claim twice': [annotated('podvisor.dev/hotplugged-claims', 'data,data'), ["names 'data' twice; remove one"]],
  'more plugged claims than any guest has': [annotated('podvisor.dev/hotplugged-claims', many(101).join(',')), ['names 101 claims; allowed: at most 100']],
  'an unknown annotation with nothing near': [annotated('podvisor.dev/wallpaper', 'x'), ['knows no such annotation; allowed: those in docs/reference/annotations.md']],
  'an unknown placement annotation': [annotated('placement.podvisor.dev/storag', 'x'), ["did you mean 'placement.podvisor.dev/storage'?"]],
  'a wish of placement that is none': [annotated('placement.podvisor.dev/numa', 'prefer=11'), ['"prefer=11": allowed: require, prefer, prefer=WEIGHT with a whole weight from 1 to 10, ignore']],
  'a GuestSpec of the user': [annotated('podvisor.dev/guest', '{}'), ['metadata.annotations[podvisor.dev/guest]: "{}"', 'written by Podvisor at admission only; remove it']],
  'a boot mode of later': [annotated('podvisor.dev/boot', 'rootfs'), ['"rootfs": is not supported yet (', '; allowed: disk, kernel']],
  'a mistyped boot mode': [annotated('podvisor.dev/boot', 'dsik'), ["did you mean 'disk'?", 'allowed: disk, kernel']],
  'a boot volume': [annotated('podvisor.dev/boot', 'volume'), ['is not supported yet', 'give it a lower boot place']],
  'microvm': [annotated('podvisor.dev/machine', 'microvm'), ['is not supported yet (it has no ACPI power button', '; allowed: q35']],
  'the virt machine': [annotated('podvisor.dev/machine', 'virt'), ['is not supported yet (the launcher holds QEMU for x86-64 only); allowed: q35']],
  'a mistyped firmware': [annotated('podvisor.dev/firmware', 'uefi-secur'), ["did you mean 'uefi-secure'?", 'allowed: bios, uefi, uefi-secure']],
  'secure boot of a kernel': [
    vmPod({ annotations: { 'podvisor.dev/boot': 'kernel', 'podvisor.dev/firmware': 'uefi-secure' } }),
    ['firmware]: "uefi-secure": checks what a disk boots'],
  ],
  'a TPM that outlives the pod': [annotated('podvisor.dev/tpm', 'persistent'), ['there is no place for its state yet', 'allowed: none, ephemeral']],
  'a watchdog action that does not exist': [annotated('podvisor.dev/watchdog', 'inject-nmi'), ['allowed: none, reset, poweroff, pause']],
  'a panic action that does not exist': [annotated('podvisor.dev/panic', 'reboot'), ['allowed: exit, pause, ignore']],
  'a graphics card': [annotated('podvisor.dev/video', 'std'), ['nothing shows its screen yet', 'allowed: none']],
  'local time without a zone': [annotated('podvisor.dev/clock', 'localtime'), ['name the zone the guest believes in', 'allowed: utc']],
  'a mistyped time zone': [annotated('podvisor.dev/clock', 'Europe/Berln'), ["did you mean 'Europe/Berlin'?"]],
  'a time zone that is a path': [annotated('podvisor.dev/clock', '../../etc/passwd'), ['is no time zone']],
  'user data instead of a Secret': [annotated('podvisor.dev/cloud-init', '#cloud-config\npassword: x'), ['cloud-init]: is no name of a Secret', 'put it into a Secret']],
  'disks that cannot be read': [disks('data serial=1'), ['cannot be read', "allowed: 'NAME: key=value,key=value'"]],
  'no disks at all': [disks(' ; '), ['has 0 entries']],
  'a disk that does not exist': [disks('dtaa: serial=a'), ["names 'dtaa'", "allowed: 'root', 'data'"]],
  'a disk twice': [disks('data: serial=a; data: boot=2'), ['two entries for one disk']],
  'a setting of a disk that does not exist': [disks('data: serail=a'), ["'data': 'serail' is no setting of a disk (did you mean 'serial'?)"]],
  'a setting of a disk twice': [disks('data: serial=a,serial=b'), ["says 'serial' twice"]],
  'a setting named like a JavaScript property': [disks('data: constructor=a'), ['is no setting of a disk']],
  'a serial with an option in it': [disks('data: serial=a=b'), ['is no setting of a disk']],
  'a serial that is too long': [disks('data: serial=123456789012345678901'), ['is no serial; allowed: 1 to 20']],
  'a serial twice': [disks('data: serial=a; root: serial=a'), ['says serial=a of two disks']],
  'a serial that is the name of another disk': [disks('root: serial=data'), ['says serial=data of two disks']],
  'a boot place twice': [disks('data: boot=1; root: boot=1'), ['says boot=1 of two disks']],
  'a boot place that is none': [disks('data: boot=0'), ['allowed: 1 to 99']],
  'a cache mode that does not exist': [disks('data: cache=unsafe'), ['allowed: none, writeback, writethrough']],
  'a SCSI disk': [disks('data: bus=scsi'), ["bus 'scsi' is not supported yet; allowed: virtio, sata"]],
  'a bus that does not exist': [disks('data: bus=ide'), ["'ide' is no bus"]],
  'a read-only SATA disk': [disks('data: bus=sata,readonly=true'), ['cannot be on bus=sata']],
  'a read-only boot disk': [disks('root: readonly=true'), ["'root' is a layer that goes with the pod"]],
  'a disk file': [disks('data: file=disk.img'), ['files on file-system claims are not supported yet']],
  'a boot disk of a kernel guest': [
    vmPod({ annotations: { 'podvisor.dev/boot': 'kernel', 'podvisor.dev/disks': 'root: boot=1' } }),
    ["names 'root'", 'this guest has no disk'],
  ],
  'settings of root when a volume is named so': [
    vmPod({ annotations: { 'podvisor.dev/disks': 'root: boot=1' }, guest: { volumeDevices: [{ name: 'root', devicePath: '/dev/x' }] } }),
    ['rename the volume'],
  ],
  'seven SATA disks': [
    vmPod({
      annotations: { 'podvisor.dev/disks': ['root', ...many(6)].map((name) => `${name}: bus=sata`).join('\n') },
      guest: { volumeDevices: many(6).map((name) => ({ name, devicePath: `/dev/${name}` })) },
    }),
    ['has 7 disks on bus=sata; allowed: at most 6'],
  ],
  ...Object.fromEntries(
    ['migration', 'power'].map((name): [string, [Pod, string[]]] => [
      `the annotation ${name} of later`,
      [annotated(`podvisor.dev/${name}`, 'x'), [`metadata.annotations[podvisor.dev/${name}]: "x": is not supported yet; remove it`]],
    ]),
  ),
  'an accelerator that does not exist': [annotated('podvisor.dev/accelerator', 'hvf'), ['allowed: auto, kvm, tcg']],
  'kvm where there is none': [annotated('podvisor.dev/accelerator', 'kvm'), ['no node of this cluster offers it; use tcg or auto'], TCG],
  'any guest where no agent runs': [vmPod(), ["check that Podvisor's agent runs"], NONE],
  'tcg where no agent runs': [annotated('podvisor.dev/accelerator', 'tcg'), ["check that Podvisor's agent runs"], NONE],
  'a CPU model that does not exist': [annotated('podvisor.dev/cpu-model', 'Skylake-Sever'), ["did you mean 'Skylake-Server'?"]],
  'a CPU model with options in it': [annotated('podvisor.dev/cpu-model', 'max,+x'), ['is no CPU model of QEMU 10.0']],
  'CPU host under emulation': [annotated('podvisor.dev/cpu-model', 'host'), ['needs KVM', 'use max'], TCG],
  'a CPU feature that does not exist': [annotated('podvisor.dev/cpu-features', '+axv2'), ["did you mean 'avx2'?"]],
  'a CPU feature without a sign': [annotated('podvisor.dev/cpu-features', 'avx2'), ['write +avx2 or -avx2']],
  'a CPU feature twice': [annotated('podvisor.dev/cpu-features', '+avx2,-avx2'), ["names 'avx2' twice"]],
  'an empty CPU feature': [annotated('podvisor.dev/cpu-features', '+avx2,'), ['has an empty entry']],
  'a topology that is none': [annotated('podvisor.dev/cpu-topology', '2x2'), ['allowed: sockets=N,cores=N,threads=N']],
  'a topology with a part twice': [annotated('podvisor.dev/cpu-topology', 'cores=1,cores=1'), ['is not a topology']],
  'a topology of another size': [annotated('podvisor.dev/cpu-topology', 'cores=4'), ['makes 4 CPUs, but the CPU limit makes 1 vCPUs']],
  'a container that does not exist': [annotated('podvisor.dev/container', 'gest'), ["did you mean 'guest'?", "allowed: 'guest'"]],
  'two guest containers': [
    vmPod({ annotations: { 'podvisor.dev/container': 'guest,side' }, sidecars: [container()] }),
    ['names more than one container', "allowed: 'guest', 'side'"],
  ],
  'an init container as guest': [
    vmPod({ annotations: { 'podvisor.dev/container': 'init' }, spec: { initContainers: [container({ name: 'init' })] } }),
    ['is an init container'],
  ],
  'no container at all': [vmPod({ containers: [] }), ['spec.containers: a VM pod needs at least one container']],
  'a container name that is no DNS label': [guest({ name: 'a/b' }), ['spec.containers[0].name: "a/b"']],
  'no image': [guest({ image: '' }), ['spec.containers[0].image: is missing']],
  'an image that is none': [guest({ image: 'a b' }), ['"a b": is no image reference']],
  'a pull policy that is none': [guest({ imagePullPolicy: 'Sometimes' }), ['allowed: Always, IfNotPresent, Never']],
  'no memory': [limits({ cpu: '1' }), ['spec.containers[0].resources.limits.memory: is missing', '"512Mi"']],
  'memory that is no quantity': [limits({ memory: '1GB' }), ['resources.limits.memory: "1GB": is not a Kubernetes quantity']],
  'memory that is no whole MiB, naming the nearest': [limits({ memory: '100M' }), ['"100M"', 'write "95Mi" or "96Mi"']],
  'memory that is no whole byte': [limits({ memory: '134217728500m' }), ['write "128Mi" or "129Mi"']],
  'too little memory': [limits({ memory: '8Mi' }), ['allowed: 16Mi to 4Ti']],
  'hardly any memory': [limits({ memory: '1' }), ['write at least "16Mi"']],
  'negative memory': [limits({ memory: '-64Mi' }), ['allowed: 16Mi to 4Ti']],
  'too much memory': [limits({ memory: '5Ti' }), ['allowed: 16Mi to 4Ti']],
  'a CPU limit that is no quantity': [limits({ cpu: 'two', memory: '64Mi' }), ['resources.limits.cpu: "two"']],
  'too many CPUs': [limits({ cpu: '256', memory: '64Mi' }), ['"256": allowed: up to 255 CPUs']],
  'negative CPUs': [limits({ cpu: '-2', memory: '64Mi' }), ['allowed: up to 255 CPUs']],
  'huge pages of a size that does not exist': [limits({ 'hugepages-64Ki': '64Mi' }), ['limits.hugepages-64Ki: no node', 'allowed: hugepages-2Mi, hugepages-1Gi']],
  'huge pages of two sizes': [limits({ 'hugepages-2Mi': '64Mi', 'hugepages-1Gi': '1Gi' }), ['of pages of one size', 'remove one of them']],
  'RAM that is no whole number of huge pages, naming the nearest': [
    limits({ 'hugepages-2Mi': '127Mi' }),
    ['limits.hugepages-2Mi: "127Mi": guest RAM must be a whole number of pages of 2Mi; write "126Mi" or "128Mi"'],
  ],
  'RAM that is no whole number of 1Gi pages': [limits({ 'hugepages-1Gi': '1536Mi' }), ['write "1Gi" or "2Gi"']],
  'less than a 1Gi page': [limits({ 'hugepages-1Gi': '512Mi' }), ['write "1Gi"']],
  'less huge pages than a guest needs': [limits({ 'hugepages-2Mi': '2Mi' }), ['allowed: 16Mi to 4Ti']],
  'memory beside huge pages that says something else': [
    limits({ memory: '256Mi', 'hugepages-2Mi': '128Mi' }),
    ['limits.memory: "256Mi": is not the hugepages limit (128Mi)', 'remove it, or write the same'],
  ],
  'isolated emulator threads without dedicated CPUs': [annotated('podvisor.dev/emulator-threads', 'isolate'), ['set podvisor.dev/dedicated-cpus: "true" as well']],
  'dedicated CPUs without a limit': [dedicated({ limits: { memory: '64Mi' } }), ['limits.cpu: is missing, and dedicated CPUs are counted by it']],
  'half a dedicated CPU': [dedicated({ limits: { cpu: '1500m', memory: '64Mi' } }), ['limits.cpu: "1500m": dedicated CPUs are whole ones']],
  'dedicated CPUs with a smaller CPU request': [
    dedicated({ limits: { cpu: '2', memory: '64Mi' }, requests: { cpu: '1' } }),
    ['requests.cpu: "1": is not the limit (2)', 'Guaranteed', 'leave the request out'],
  ],
  'dedicated CPUs with a smaller memory request': [
    dedicated({ limits: { cpu: '2', memory: '64Mi' }, requests: { memory: '32Mi' } }),
    ['requests.memory: "32Mi": is not the limit (64Mi)'],
  ],
  'dedicated CPUs with a memory request alone': [dedicated({ limits: { cpu: '2' }, requests: { memory: '64Mi' } }), ['limits.memory: is missing: the kubelet gives CPUs away only in pods of QoS class Guaranteed']],
  'dedicated CPUs beside a container without a limit': [
    dedicated({ limits: { cpu: '1', memory: '64Mi' } }, [container({ resources: { limits: { cpu: '1' } } })]),
    ['spec.containers[1].resources.limits.memory: is missing'],
  ],
  'a number of NUMA nodes that is none': [annotated('podvisor.dev/numa', '2'), ['allowed: cells=N, with N from 1 to 8']],
  'too many NUMA nodes': [annotated('podvisor.dev/numa', 'cells=9'), ['N from 1 to 8']],
  'vCPUs that NUMA nodes cannot share': [numa('cells=2', { cpu: '3', memory: '64Mi' }), ['cannot share 3 vCPUs', 'a multiple of 2, e.g. "4"']],
  'RAM that NUMA nodes cannot share': [numa('cells=2', { cpu: '2', memory: '65Mi' }), ['cannot share 65Mi', '"64Mi" or "66Mi"']],
  'huge pages that NUMA nodes cannot share': [numa('cells=2', { cpu: '2', 'hugepages-2Mi': '66Mi' }), ['cannot share 66Mi', '"64Mi" or "68Mi"']],
  'a claim without a name': [guest({ resources: { limits: { memory: '64Mi' }, claims: [{}] } }), ['resources.claims[0].name: "": allowed: a DNS label']],
  'a device that is no resource': [devices('gpu', {}), ["'gpu' is no extended resource"]],
  'a device that is not in the limits': [devices('a.example/gup', { 'a.example/gpu': '1' }), ["'a.example/gup' is not in the guest container's limits (did you mean 'a.example/gpu'?)"]],
  'a device twice': [devices('a.example/gpu, a.example/gpu', { 'a.example/gpu': '1' }), ["names 'a.example/gpu' twice"]],
  'a device of a network': [deviceOfNetwork, ["'example.com/vf' belongs to a network of the guest"], WITH_NETWORK],
  'half a device': [devices('a.example/gpu', { 'a.example/gpu': '500m' }), ["asks for 500m of 'a.example/gpu'; allowed: 1 to 8"]],
  'nine devices': [devices('a.example/a,a.example/b', { 'a.example/a': '8', 'a.example/b': '1' }), ['makes 9 devices of the node; allowed: at most 8']],
  'a VM slot as a device': [annotated('podvisor.dev/devices', 'podvisor.dev/kvm'), ["is Podvisor's own"]],
  'pod-level resources': [spec({ resources: { limits: { memory: '1Gi' } } }), ['spec.resources: pod-level resources are not supported yet']],
  'a device request of the user': [limits({ memory: '64Mi', 'podvisor.dev/kvm': '1' }), ['spec.containers[0].resources.limits[podvisor.dev/kvm]: "1"', 'podvisor.dev/accelerator']],
  'a device request of a sidecar': [
    vmPod({ sidecars: [container({ resources: { requests: { 'podvisor.dev/tcg': 1 } } })] }),
    ['spec.containers[1].resources.requests[podvisor.dev/tcg]: "1"'],
  ],
  'a device request of an init container': [
    spec({ initContainers: [container({ resources: { limits: { 'podvisor.dev/tcg': 1 } } })] }),
    ['spec.initContainers[0].resources.limits[podvisor.dev/tcg]'],
  ],
  ...Object.fromEntries(
    (['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const).map((flag): [string, [Pod, string[]]] => [
      flag,
      [spec({ [flag]: true }), [`spec.${flag}: "true"`, 'remove it']],
    ]),
  ),
  'hostUsers false': [spec({ hostUsers: false }), ['spec.hostUsers: "false": is not supported yet']],
  'a runtime class': [spec({ runtimeClassName: 'kata' }), ['spec.runtimeClassName: "kata"']],
  'a Windows node': [spec({ os: { name: 'windows' } }), ['spec.os.name: "windows"', 'allowed: linux']],
  'a volume with our prefix': [spec({ volumes: [{ name: 'podvisor-boot', emptyDir: {} }] }), ['spec.volumes[0].name: "podvisor-boot"', 'rename']],
  'a command': [guest({ command: ['sh'] }), ['spec.containers[0].command: the guest decides what it runs']],
  'arguments': [guest({ args: ['-c'] }), ['spec.containers[0].args']],
  'a working directory': [guest({ workingDir: '/x' }), ['spec.containers[0].workingDir']],
  'environment': [guest({ env: [{ name: 'A', value: 'b' }] }), ['spec.containers[0].env: does not reach the guest yet']],
  'environment from elsewhere': [guest({ envFrom: [{ secretRef: { name: 's' } }] }), ['spec.containers[0].envFrom']],
  'lifecycle hooks': [guest({ lifecycle: { preStop: { exec: {} } } }), ['spec.containers[0].lifecycle', 'ACPI power button']],
  'an exec probe': [guest({ readinessProbe: { exec: { command: ['true'] } } }), ['spec.containers[0].readinessProbe.exec', 'allowed: httpGet']],
  'a mount': [guest({ volumeMounts: [{ name: 'data', mountPath: '/data' }] }), ['spec.containers[0].volumeMounts[0]: "data"', 'volumeDevices']],
  'stdinOnce': [guest({ stdinOnce: true }), ['spec.containers[0].stdinOnce: "true"']],
  'another termination message path': [guest({ terminationMessagePath: '/tmp/x' }), ['spec.containers[0].terminationMessagePath: "/tmp/x"']],
  'a user of the container': [security({ runAsUser: 0 }), ['securityContext.runAsUser: "0"', 'allowed: 107; remove it']],
  'a privileged guest container': [security({ privileged: true }), ['securityContext.privileged: "true"', 'allowed: false']],
  'privilege escalation': [security({ allowPrivilegeEscalation: true }), ['securityContext.allowPrivilegeEscalation']],
  'a writable root': [security({ readOnlyRootFilesystem: false }), ['securityContext.readOnlyRootFilesystem']],
  'an added capability': [security({ capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } }), ['securityContext.capabilities', 'NET_ADMIN']],
  'no seccomp': [security({ seccompProfile: { type: 'Unconfined' } }), ['securityContext.seccompProfile']],
  'an unmasked /proc': [security({ procMount: 'Unmasked' }), ['securityContext.procMount']],
  'a claim name that is no DNS label': [guest({ volumeDevices: [{ name: '../x', devicePath: '/dev/x' }] }), ['spec.containers[0].volumeDevices[0].name: "../x"']],
  'one claim as two disks': [
    guest({ volumeDevices: ['/dev/a', '/dev/b'].map((devicePath) => ({ name: 'data', devicePath })) }),
    ['spec.containers[0].volumeDevices[1].name: "data": one volume can be one disk only'],
  ],
  'too many claims': [
    guest({ volumeDevices: Array.from({ length: 16 }, (_, index) => ({ name: `d${index}`, devicePath: `/dev/x${index}` })) }),
    ['spec.containers[0].volumeDevices: "16": allowed: at most 15 block claims'],
  ],
  'a negative grace period': [spec({ terminationGracePeriodSeconds: -1 }), ['spec.terminationGracePeriodSeconds: "-1"']],
}; // prettier-ignore

describe('parseGuest refuses', () => {
  it.each(Object.entries(CASES))('%s', (_, [pod, expected, context]) => {
    const text = refusal(pod, context);
    for (const part of expected) expect(text).toContain(part);
  });

  it.each(Object.entries(CASES))('%s alone: one violation', (_, [pod, , context]) => {
    expect(refusal(pod, context)).not.toMatch(/^\(1\)/);
  });
});

describe('parseGuest accepts', () => {
  const cases: Record<string, Pod> = {
    'the security context admission would set anyway': security({
      runAsUser: 107,
      runAsGroup: 107,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: [] },
      seccompProfile: { type: 'RuntimeDefault' },
      privileged: false,
      procMount: 'Default',
    }),
    'fields it has never heard of': guest({ futureField: { a: 1 }, securityContext: { futureField: true } }),
    'the service-account token': withDefaults(vmPod()),
    'empty lists': guest({ command: [], args: [], env: [], volumeMounts: [], lifecycle: {} }),
    'probes that reach the guest by network': guest({
      readinessProbe: { httpGet: { port: 80 } },
      livenessProbe: { tcpSocket: { port: 22 } },
    }),
    'an explicit default interactive console': guest({ stdin: true, tty: true, stdinOnce: false }),
    'host flags that are off': spec({ hostNetwork: false, hostPID: false, hostUsers: true, os: { name: 'linux' } }),
    'anything in a sidecar': vmPod({
      sidecars: [
        container({ command: ['sh'], env: [{ name: 'A', value: '1' }], volumeMounts: [{ name: 'd', mountPath: '/d' }] }),
      ],
    }),
  };
  it.each(Object.entries(cases))('%s', (_, pod) => expect(refusal(pod)).toBe(''));
});
