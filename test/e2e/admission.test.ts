import { expect, test } from '@jest/globals';
import { apply, dryRun, getJson, kubectl, tryKubectl } from './harness/kubectl.ts';
import { eventually } from '../build/eventually.ts';
import { plainPod, vmPod, type VmOptions } from './harness/objects.ts';
import { useNamespace, vmTest } from './harness/suite.ts';

const ns = useNamespace('e2e-admission');
interface BadInput {
  readonly is: string;
  readonly vm: VmOptions;
  readonly says: readonly RegExp[];
}

const badInputs: readonly BadInput[] = [
  {
    is: 'a label value other than "true"',
    vm: { labels: { 'podvisor.dev/vm': 'yes' } },
    says: [/podvisor\.dev\/vm/, /yes/, /"true"/],
  },
  {
    is: 'an unknown annotation',
    vm: { annotations: { 'podvisor.dev/cpu-modell': 'max' } },
    says: [/podvisor\.dev\/cpu-modell/, /podvisor\.dev\/cpu-model\b/],
  },
  {
    is: 'a container annotation that names nobody',
    vm: { annotations: { 'podvisor.dev/container': 'gest' } },
    says: [/gest/, /guest/],
  },
  { is: 'too little memory', vm: { guest: { resources: { limits: { memory: '1Mi' } } } }, says: [/memory/, /1Mi/, /16/] },
  { is: 'fractional memory', vm: { guest: { resources: { limits: { memory: '100.5Mi' } } } }, says: [/memory/, /MiB/] },
  { is: 'no memory', vm: { guest: { resources: {} } }, says: [/memory/] },
  {
    is: 'more vCPUs than a machine has',
    vm: { guest: { resources: { limits: { memory: '128Mi', cpu: '300' } } } },
    says: [/cpu/, /300/, /255/],
  },
  { is: 'hostNetwork', vm: { pod: { hostNetwork: true } }, says: [/hostNetwork/] },
  { is: 'hostPID', vm: { pod: { hostPID: true } }, says: [/hostPID/] },
  { is: 'a forged GuestSpec', vm: { annotations: { 'podvisor.dev/guest': '{"version":"v1"}' } }, says: [/podvisor\.dev\/guest/] },
  { is: 'a pre-set command', vm: { guest: { command: ['/bin/sh'] } }, says: [/command/] },
  {
    is: 'a pre-set securityContext that is not ours',
    vm: { guest: { securityContext: { privileged: true } } },
    says: [/privileged/],
  },
  {
    is: "a request for one of Podvisor's devices",
    vm: { guest: { resources: { limits: { memory: '128Mi', 'podvisor.dev/kvm': '1' } } } },
    says: [/podvisor\.dev\/kvm/],
  },
  {
    is: 'a machine that is not there yet',
    vm: { annotations: { 'podvisor.dev/machine': 'microvm' } },
    says: [/machine/, /microvm/, /q35/],
  },
];

test.each(badInputs)('$is is refused with the field, the value and what is allowed', async ({ vm, says }) => {
  const answer = await dryRun(ns, vmPod('bad', vm));
  expect(answer.code).not.toBe(0);
  for (const pattern of says) expect(answer.stderr).toMatch(pattern);
});

test('all violations are shown at once', async () => {
  const answer = await dryRun(
    ns,
    vmPod('bad', { pod: { hostNetwork: true, hostPID: true }, annotations: { 'podvisor.dev/frimware': 'bios' } }),
  );
  for (const pattern of [/hostNetwork/, /hostPID/, /podvisor\.dev\/firmware/]) expect(answer.stderr).toMatch(pattern);
});

test('two guest containers: one annotation names one, so a list is refused', async () => {
  const answer = await dryRun(ns, vmPod('two', { annotations: { 'podvisor.dev/container': 'guest,other' } }));
  expect(answer.stderr).toMatch(/podvisor\.dev\/container/);
});

test('a pod that is not labelled is stored as it was written', async () => {
  const answer = await dryRun(ns, plainPod('plain'));
  expect(answer.code).toBe(0);
  expect(answer.stdout).not.toContain('podvisor.dev');
});

test('T24: an unlabelled pod may not take a VM slot', async () => {
  const pod = plainPod('thief') as { spec: { containers: { resources?: object }[] } };
  pod.spec.containers[0]!.resources = { limits: { 'podvisor.dev/tcg': '1' } };
  const answer = await dryRun(ns, pod);
  expect(answer.code).not.toBe(0);
  expect(answer.stderr).toMatch(/podvisor/i);
});

vmTest('W10: applying the same VM twice changes nothing', ns, async () => {
  const pod = vmPod('twice', { pod: { nodeSelector: { nowhere: 'true' } } });
  await kubectl(['apply', '-n', ns, '-f', '-'], { input: JSON.stringify(pod) });
  const again = await kubectl(['apply', '-n', ns, '-f', '-'], { input: JSON.stringify(pod) });
  expect(again).toMatch(/pod\/twice (unchanged|configured)/);
  const stored = await getJson<object>(['pod', 'twice', '-n', ns]);
  const { metadata, spec } = stored as { metadata: { annotations: Record<string, string>; labels: object }; spec: object };
  const copy = (name: string): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: metadata.labels, annotations: metadata.annotations },
    spec,
  });
  await kubectl(['delete', 'pod', 'twice', '-n', ns]);
  const answer = await dryRun(ns, copy('twice'));
  expect(answer.stderr).toBe('');
  expect((JSON.parse(answer.stdout) as { spec: object }).spec).toEqual(spec);
  // Another VM would have its MAC address.
  expect((await dryRun(ns, copy('other'))).stderr).toContain('does not match the pod it is on (networks[0].mac)');
});

vmTest('W17: a running VM cannot be turned into something else by an update', ns, async () => {
  await kubectl(['apply', '-n', ns, '-f', '-'], {
    input: JSON.stringify(vmPod('fixed', { pod: { nodeSelector: { nowhere: 'true' } } })),
  });
  const attempts: readonly (readonly string[])[] = [
    ['label', 'pod', 'fixed', '-n', ns, 'podvisor.dev/vm-'],
    ['annotate', 'pod', 'fixed', '-n', ns, '--overwrite', 'podvisor.dev/guest={}'],
    ['set', 'image', 'pod/fixed', '-n', ns, 'guest=localhost/podvisor/plain:dev'],
  ];
  for (const attempt of attempts) {
    const answer = await tryKubectl(attempt);
    expect([attempt.join(' '), answer.code]).toEqual([attempt.join(' '), 1]);
    expect(answer.stderr).toMatch(/podvisor/i);
  }
  expect((await tryKubectl(['label', 'pod', 'fixed', '-n', ns, 'team=a'])).code).toBe(0);
  await kubectl(['delete', 'pod', 'fixed', '-n', ns]);
});

vmTest(
  'W1: webhook pods killed and restarted while pods are created: no VM pod is stored as a plain one, no plain pod is refused',
  ns,
  async () => {
    const rounds = Number(process.env['PODVISOR_ADMISSION_CREATES'] ?? 100);
    const storm = { on: true };
    const killing = (async () => {
      while (storm.on) {
        await tryKubectl([
          'delete',
          'pod',
          '-n',
          'podvisor-system',
          '-l',
          'app.kubernetes.io/name=podvisor-webhook',
          '--force',
          '--grace-period=0',
        ]);
        await new Promise((resolve) => setTimeout(resolve, 3_000));
      }
    })();
    const refusals: string[] = [];
    const plainRefusals: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const parked = { nodeSelector: { nowhere: 'true' } };
      const [vm, plain] = await Promise.all([
        tryKubectl(['create', '-n', ns, '-f', '-'], {
          input: JSON.stringify(vmPod(`storm-${round}`, { labels: { storm: 'vm' }, pod: parked })),
        }),
        tryKubectl(['create', '-n', ns, '-f', '-'], { input: JSON.stringify(plainPod(`plain-${round}`, ['true'], parked)) }),
      ]);
      if (vm.code !== 0) refusals.push(vm.stderr);
      if (plain.code !== 0) plainRefusals.push(plain.stderr);
    }
    storm.on = false;
    await killing;
    const stored = await getJson<{ items: { metadata: { name: string; annotations?: Record<string, string> } }[] }>([
      'pods',
      '-n',
      ns,
      '-l',
      'storm=vm',
    ]);
    const unmutated = stored.items.filter((pod) => pod.metadata.annotations?.['podvisor.dev/guest'] === undefined);
    console.log(
      `creates: ${rounds}, VM pods refused while we were down: ${refusals.length}, stored unmutated: ${unmutated.length}, plain refused: ${plainRefusals.length}`,
    );
    expect(unmutated).toEqual([]);
    expect(plainRefusals).toEqual([]);
    expect(refusals.length).toBeGreaterThan(0);
    for (const refusal of refusals) {
      expect(refusal).toMatch(/podvisor/i);
      expect(refusal).toMatch(/kubectl/);
    }
    await kubectl(['delete', 'pods', '-n', ns, '--all', '--force', '--grace-period=0', '--wait=false']);
    await kubectl(['rollout', 'status', 'deployment/podvisor-webhook', '-n', 'podvisor-system', '--timeout=120s'], {
      timeoutMs: 130_000,
    });
  },
  600_000,
);

vmTest('W5: a deleted webhook configuration comes back within 10 s, and until then the policy refuses', ns, async () => {
  await kubectl(['delete', 'mutatingwebhookconfiguration', 'podvisor']);
  const answer = await dryRun(ns, vmPod('early'));
  // Back already, or refused by the policy, or by Pod Security before it: in no case a plain container.
  if (answer.code === 0) expect(answer.stdout).toContain('podvisor.dev/guest');
  else expect(answer.stderr).toMatch(/podvisor|PodSecurity/i);
  await eventually(
    'the configuration is back',
    async () => (await tryKubectl(['get', 'mutatingwebhookconfiguration', 'podvisor'])).code === 0,
    10_000,
  );
  await eventually('it is in force', async () => (await dryRun(ns, vmPod('late'))).code === 0, 10_000);
  await apply(ns, vmPod('late', { pod: { nodeSelector: { nowhere: 'true' } } }));
  await kubectl(['delete', 'pod', 'late', '-n', ns]);
});
