import { POLICY_DEFAULTS_ANNOTATION } from '../../../api/names.ts';
import type { Exemption, PolicySpec } from '../../../api/policy.ts';
import { violationText } from '../../../api/violation.ts';
import { applyDefaults, noteDefaults } from '../../../policy/defaults.ts';
import { selectPolicies } from '../../../policy/select.ts';
import { policyTies } from '../../../policy/ties.ts';
import type { PolicyRequest, PolicySubject } from '../../../policy/types.ts';
import { policyViolations } from '../../../policy/violations.ts';
import { guestSpec } from '../../build/guest.ts';
import { container, vmPod } from '../../build/pod.ts';
import { policy, policyObject, subject, verdictLines } from '../../build/policy.ts';
import { compilePolicy } from '../../../policy/compile.ts';

const GIB = 1024 ** 3;
const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('which policies are for a pod', () => {
  const request: PolicyRequest = {
    namespace: { name: 'team', labels: { stage: 'prod' } },
    labels: { app: 'db' },
    user: { username: 'jo', groups: ['dev', 'ops'] },
  };
  const names = (specs: Record<string, object>, change: Partial<PolicyRequest> = {}): string[] =>
    selectPolicies(
      { ...request, ...change },
      Object.entries(specs).map(([name, spec]) => policy(name, spec)),
      NOW,
    ).map(({ name }) => name);

  test.each<[string, PolicySpec, boolean]>([
    ['all', {}, true],
    ['its namespace', { namespaceSelector: { matchLabels: { stage: 'prod' } } }, true],
    ['its namespace by name', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team' } } }, true],
    ['another', { namespaceSelector: { matchLabels: { stage: 'test' } } }, false],
    ['its labels', { podSelector: { matchLabels: { app: 'db' } } }, true],
    ['others', { podSelector: { matchLabels: { app: 'web' } } }, false],
  ])('%s', (_, spec, expected) => expect(names({ p: spec })).toEqual(expected ? ['p'] : []));

  test('the highest priority first, then by name', () => {
    expect(names({ b: { priority: 1 }, c: {}, a: {}, d: { priority: -1 } })).toEqual(['b', 'a', 'c', 'd']);
  });

  test.each<[string, Omit<Exemption, 'reason'>, boolean]>([
    ['its user', { users: ['jo'] }, true],
    ['another user', { users: ['al'] }, false],
    ['one of its groups', { groups: ['ops'] }, true],
    ['user or group', { users: ['al'], groups: ['ops'] }, true],
    ['its pod labels', { podSelector: { matchLabels: { app: 'db' } } }, true],
    ['labels and another user', { podSelector: { matchLabels: { app: 'db' } }, users: ['al'] }, false],
    ['its namespace', { namespaceSelector: { matchLabels: { stage: 'prod' } } }, true],
    ['until today', { users: ['jo'], until: '2026-11-21' }, true],
    ['until yesterday', { users: ['jo'], until: '2026-11-20' }, false],
    ['until no day', { users: ['jo'], until: '2026-99-99' }, false],
  ])('exempt: %s', (_, exemption, expected) => {
    expect(names({ p: { exemptions: [{ reason: 'why', ...exemption }] } })).toEqual(expected ? [] : ['p']);
  });

  test('nobody asks (an audit): exemptions for users do not hold', () => {
    const nobody = { namespace: request.namespace, labels: request.labels };
    const exempted = [policy('p', { exemptions: [{ reason: 'why', users: ['jo'] }] })];
    expect(selectPolicies(nobody, exempted, NOW)).toHaveLength(1);
  });
});

describe('what policies object to', () => {
  const lines = (spec: object, change: Partial<PolicySubject> = {}): string[] =>
    verdictLines(policyViolations(subject(change), [policy('p', spec)]));

  test.each<[string, object, Partial<PolicySubject>, string]>([
    ['accelerator', { guest: { accelerator: { allowed: ['kvm'] } } }, {}, `metadata.annotations[podvisor.dev/accelerator]: "tcg": is not allowed; allowed: kvm`],
    ['forbidden choice', { guest: { bootMode: { forbidden: ['disk'] } } }, {}, `metadata.annotations[podvisor.dev/boot]: "disk": is forbidden; forbidden: disk`],
    ['too many vCPUs', { guest: { vcpus: { minimum: 1, maximum: 4 } } }, { guest: guestSpec({ vcpus: 8 }) }, `spec.containers[0].resources.limits.cpu: "8": is 8; allowed: at least 1, at most 4`],
    ['too much memory', { guest: { memory: { maximum: '1Gi' } } }, { guest: guestSpec({ memoryBytes: 2 * GIB }) }, `spec.containers[0].resources.limits.memory: "2Gi": is 2Gi; allowed: at most 1Gi`],
    ['too little memory', { guest: { memory: { minimum: '256Mi' } } }, {}, `"128Mi": is 128Mi; allowed: at least 256Mi`],
    ['disks', { guest: { disks: { maximum: 0 } } }, { guest: guestSpec({ disks: [{ volume: 'data' }] }) }, `spec.containers[0].volumeDevices: "1": is 1; allowed: at most 0`],
    ['grace', { guest: { gracePeriodSeconds: { minimum: 60 } } }, {}, `spec.terminationGracePeriodSeconds: "30"`],
    ['cpu model', { guest: { cpuModel: { allowed: ['EPYC*', 'Skylake-*'] } } }, {}, `"max": is not allowed; allowed: EPYC*, Skylake-*`],
    ['feature by name', { guest: { cpuFeatures: { forbidden: ['vmx'] } } }, { guest: guestSpec({ cpu: { model: 'max', features: ['+avx2', '+vmx'] } }) }, `"+avx2,+vmx": +vmx is not allowed; forbidden: vmx`],
    ['feature switched on', { guest: { cpuFeatures: { allowed: ['-*', '+avx2'] } } }, { guest: guestSpec({ cpu: { model: 'max', features: ['-la57', '+vmx'] } }) }, `+vmx is not allowed; allowed: -*, +avx2`],
    ['threads', { guest: { cpuThreads: { maximum: 1 } } }, { guest: guestSpec({ vcpus: 2, cpu: { model: 'max', features: [], topology: { sockets: 1, cores: 1, threads: 2 } } }) }, `metadata.annotations[podvisor.dev/cpu-topology]: "2": is 2; allowed: at most 1`],
    ['image', { images: { allowed: ['reg.io/**'] } }, {}, `spec.containers[0].image: "localhost/podvisor/guest-tiny:dev": localhost/podvisor/guest-tiny is not allowed; allowed: reg.io/**`],
    ['digest', { images: { requireDigest: true } }, {}, `names no digest`],
    ['network', { networks: { allowed: ['pod', 'infra/*'] } }, { guest: guestSpec({ networks: [{ name: 'pod', interface: 'eth0', binding: 'masquerade' }, { name: 'team/lan', interface: 'net1', binding: 'bridge' }] }) }, `metadata.annotations[k8s.v1.cni.cncf.io/networks]: "team/lan": this network is not allowed; allowed: pod, infra/*`],
    ['binding', { networks: { bindings: ['bridge'] } }, {}, `metadata.annotations[podvisor.dev/networks]: "masquerade": is the binding of network 'pod' and not allowed; allowed: bridge`],
    ['device', { devices: { forbidden: ['**'] } }, { pod: vmPod({ guest: { resources: { limits: { memory: '128Mi', 'nvidia.com/gpu': 1 } } } }) }, `spec.containers[0].resources.limits[nvidia.com/gpu]: "1": nvidia.com/gpu is forbidden`],
    ['forbidden annotation', { migration: { forbidden: true } }, { pod: vmPod({ annotations: { 'podvisor.dev/migration': 'x' } }) }, `metadata.annotations[podvisor.dev/migration]: "x": may not be set`],
    ['annotation value', { placement: { numa: { allowed: ['prefer*'] } } }, { pod: vmPod({ annotations: { 'placement.podvisor.dev/numa': 'require' } }) }, `"require": is not allowed; allowed: prefer*`],
    ['rule', { rules: [{ name: 'even', expression: 'guest.vcpus % 2 == 0', message: 'vCPUs come in pairs' }] }, {}, `rule 'even': vCPUs come in pairs`],
    ['rule with its own words', { rules: [{ name: 'even', expression: 'guest.vcpus % 2 == 0', messageExpression: "'not ' + string(guest.vcpus)" }] }, {}, `rule 'even': not 1`],
    ['rule without words', { rules: [{ name: 'even', expression: 'false' }] }, {}, `rule 'even': is not met: false`],
    ['rule that fails', { rules: [{ name: 'app', expression: "pod.metadata.labels.app == 'x'" }] }, {}, `(the rule failed: No such key: app)`],
    ['VMs of the namespace', { limits: { vms: 1 } }, { usage: [{ labels: {}, vcpus: 1, memoryBytes: GIB }] }, `metadata.namespace: "team": has 1 of VM pods, this pod needs 1; allowed in the namespace: 1`],
    ['vCPUs of the namespace', { limits: { vcpus: 3 } }, { usage: [{ labels: {}, vcpus: 3, memoryBytes: GIB }] }, `has 3 of vCPUs, this pod needs 1; allowed in the namespace: 3`],
    ['memory of the namespace', { limits: { memory: '1Gi' } }, { usage: [{ labels: {}, vcpus: 1, memoryBytes: GIB }] }, `has 1Gi of guest RAM, this pod needs 128Mi; allowed in the namespace: 1Gi`],
  ])('%s', (_, spec, change, expected) => {
    expect(lines(spec, change).join('\n')).toContain(`refused: `);
    expect(lines(spec, change).join('\n')).toContain(expected);
  }); // prettier-ignore

  test.each<[string, object, Partial<PolicySubject>]>([
    ['within bounds', { guest: { vcpus: { minimum: 1, maximum: 1 }, memory: { minimum: '128Mi', maximum: '128Mi' } } }, {}],
    ['a topology nobody asked for', { guest: { cpuThreads: { maximum: 1 } } }, {}],
    ['a sidecar’s image and devices', { images: { allowed: ['localhost/podvisor/guest-tiny'] }, devices: { forbidden: ['**'] } }, { pod: vmPod({ sidecars: [container({ resources: { limits: { 'a.b/c': 1 } } })] }) }],
    ['our own devices', { devices: { forbidden: ['**'] } }, { pod: vmPod({ guest: { resources: { limits: { memory: '1Gi', 'podvisor.dev/tcg': '1' } } } }) }],
    ['limits with room', { limits: { vms: 2, vcpus: 2, memory: '2Gi' } }, { usage: [{ labels: {}, vcpus: 1, memoryBytes: GIB }] }],
    ['limits of other pods', { limits: { vms: 1 }, podSelector: { matchLabels: { 'podvisor.dev/vm': 'true' } } }, { usage: [{ labels: {}, vcpus: 1, memoryBytes: GIB }] }],
    ['an image by digest', { images: { requireDigest: true } }, { guest: guestSpec({ boot: { mode: 'disk', image: `r.io/a@sha256:${'0'.repeat(64)}`, pullPolicy: 'Always' } }) }],
  ])('nothing: %s', (_, spec, change) => expect(lines(spec, change)).toEqual([])); // prettier-ignore

  test('the strictest bound wins, each policy is named, its message says whom to ask, and the mode says what happens', () => {
    const found = policyViolations(subject({ guest: guestSpec({ vcpus: 8 }) }), [
      policy('lab', { guest: { vcpus: { maximum: 4 } }, message: 'ask lab@example.com' }),
      policy('base', { guest: { vcpus: { maximum: 6 } } }),
      policy('soon', { mode: 'warn', guest: { vcpus: { maximum: 2 } } }),
      policy('watch', { mode: 'audit', guest: { vcpus: { maximum: 1 } } }),
    ]);
    expect(verdictLines(found)).toEqual([
      `refused: spec.containers[0].resources.limits.cpu: "8": is 8; allowed: at most 4 (policy 'lab': ask lab@example.com)`,
      `refused: spec.containers[0].resources.limits.cpu: "8": is 8; allowed: at most 6 (policy 'base')`,
      `warned: spec.containers[0].resources.limits.cpu: "8": is 8; allowed: at most 2 (policy 'soon')`,
      `audited: spec.containers[0].resources.limits.cpu: "8": is 8; allowed: at most 1 (policy 'watch')`,
    ]);
  });

  test('on a draft what needs the whole guest is not judged', () => {
    const spec = { limits: { vms: 0 }, rules: [{ name: 'a', expression: 'guest.vcpus > 9' }, { name: 'b', expression: "'x' in pod.metadata.labels" }] };
    expect(lines(spec, { draft: true })).toEqual([expect.stringContaining("rule 'b'")]);
  }); // prettier-ignore

  test('a policy that cannot be read refuses what it may be for, in its mode', () => {
    const newer = { podSelector: { matchLabels: { app: 'db' } }, guest: { colour: { allowed: ['red'] } } };
    expect(lines(newer)).toEqual([expect.stringContaining(`refused: VirtualMachinePolicy p: the policy cannot be read`)]);
    expect(lines({ ...newer, mode: 'warn' })).toEqual([expect.stringContaining('warned: ')]);
    expect(selectPolicies({ namespace: { name: 'n', labels: {} }, labels: {} }, [policy('p', newer)], NOW)).toEqual([]);
  });
});

describe('defaults', () => {
  const written = (specs: Record<string, object>, pod = vmPod({ guest: { resources: {} } })) =>
    applyDefaults(
      pod,
      Object.entries(specs).map(([name, spec]) => policy(name, spec)),
    );

  test('are written where the user said nothing, and say who wrote them', () => {
    const { pod, applied } = written({
      base: { guest: { memory: { default: '1Gi' }, vcpus: { default: 2 }, cpuModel: { default: 'max' } } },
    });
    expect(pod.spec.containers[0]?.resources).toEqual({ limits: { cpu: '2', memory: '1Gi' } });
    expect(pod.metadata.annotations).toEqual({ 'podvisor.dev/cpu-model': 'max' });
    const note = 'cpuModel=base,vcpus=base,memory=base';
    expect(noteDefaults(pod, applied).metadata.annotations).toMatchObject({ [POLICY_DEFAULTS_ANNOTATION]: note });
    expect(applied.map(({ field }) => field)).toContain('spec.containers[0].resources.limits.memory');
  });

  test('of the first policy win; a request or an annotation of the user wins over all', () => {
    const specs = { high: { guest: { memory: { default: '2Gi' } } }, low: { guest: { memory: { default: '1Gi' } } } };
    expect(written(specs).pod.spec.containers[0]?.resources?.limits).toEqual({ memory: '2Gi' });
    const asks = vmPod({ guest: { resources: { requests: { memory: '64Mi' } } } });
    expect(written(specs, asks).pod).toBe(asks);
    const empty = vmPod({ annotations: { 'podvisor.dev/accelerator': '' } });
    expect(written({ p: { guest: { accelerator: { default: 'tcg' } } } }, empty).pod).toBe(empty);
  });

  test('of an audit policy are not written, of a warning one they are', () => {
    const guest = { memory: { default: '1Gi' } };
    expect(written({ p: { mode: 'audit', guest } }).applied).toEqual([]);
    expect(written({ p: { mode: 'warn', guest } }).applied).toHaveLength(1);
  });
});

describe('ties', () => {
  const base = { guest: { memory: { default: '1Gi' } } };
  const ties = (spec: object, other: object): string[] => policyTies(policy('new', spec), [policy('old', other), policy('new', base)]).map(violationText); // prettier-ignore

  test.each<[string, object, object, boolean]>([
    ['other values for all pods', { guest: { memory: { default: '2Gi' } } }, base, true],
    ['the same value', base, base, false],
    ['other fields', { guest: { vcpus: { default: 2 } } }, base, false],
    ['other priorities', { priority: 1, guest: { memory: { default: '2Gi' } } }, base, false],
    ['bounds are no defaults', { guest: { memory: { maximum: '2Gi' } } }, base, false],
    ['one audits', { mode: 'audit', guest: { memory: { default: '2Gi' } } }, base, false],
    [
      'pods that cannot be the same',
      { guest: { memory: { default: '2Gi' } }, podSelector: { matchLabels: { app: 'a' } } },
      { ...base, podSelector: { matchLabels: { app: 'b' } } },
      false,
    ],
    [
      'pods that may be the same',
      { guest: { memory: { default: '2Gi' } }, podSelector: { matchLabels: { app: 'a' } } },
      { ...base, podSelector: { matchLabels: { tier: 'b' } } },
      true,
    ],
  ])('%s', (_, spec, other, expected) => {
    expect(ties(spec, other)).toEqual(expected ? [expect.stringContaining(`policy 'old' has the same priority (0)`)] : []);
  });
});

test.each<[unknown]>([[null], [7], [{}], [{ metadata: { name: 3 }, spec: [] }], [policyObject('x', { podSelector: 'all' })]])(
  'whatever is in the cluster becomes a policy, which refuses: %j',
  (raw) => {
    expect(policyViolations(subject(), [compilePolicy(raw)]).refusals).toHaveLength(1);
  },
);
