import { stringify } from 'yaml';
import { runCommand } from '../../../cli/commands.ts';
import type { CommandResult } from '../../../cli/commands.ts';
import { vmPod } from '../../build/pod.ts';
import { policyObject } from '../../build/policy.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const yaml = (...objects: object[]): string => objects.map((object) => stringify(object)).join('---\n');

/** `podvisor render FLAGS pod.yaml` with these files. */
function render(files: Record<string, string>, ...flags: string[]): CommandResult {
  const all: Record<string, string> = { 'pod.yaml': yaml(vmPod({ name: 'vm', namespace: 'team' })), ...files };
  return runCommand(['render', ...flags, 'pod.yaml'], { now: NOW, readFile: (path) => all[path] ?? '' });
}
const never = { guest: { vcpus: { maximum: 0 } } };

test('all violations of all policies are printed, and the exit code is 1', () => {
  const files = { 'a.yaml': yaml(policyObject('a', never)), 'b.yaml': yaml(policyObject('b', { images: { requireDigest: true }, message: 'ask me' })) }; // prettier-ignore
  const { stderr, stdout, exitCode } = render(files, '--policy', 'a.yaml', '--policy', 'b.yaml');
  expect(exitCode).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringContaining(
      `Pod vm: refused: spec.containers[0].resources.limits.cpu: "1": is 1; allowed: at most 0 (policy 'a')`,
    ),
    expect.stringContaining(`names no digest`),
  ]);
});

test('policies and namespaces among the manifests count, and are no pods', () => {
  const prod = { namespaceSelector: { matchLabels: { stage: 'prod' } }, ...never };
  const manifests = (stage: string): string =>
    yaml({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team', labels: { stage } } }, policyObject('a', prod), vmPod({ name: 'vm', namespace: 'team' })); // prettier-ignore
  expect(render({ 'pod.yaml': manifests('prod') }).exitCode).toBe(1);
  expect(render({ 'pod.yaml': manifests('test') })).toMatchObject({
    exitCode: 0,
    stderr: 'Namespace team: not a VM, left alone\n',
  });
});

test.each<[string, string[], number]>([
  ['labels of the namespace', ['--namespace-labels', 'stage=prod,x=y'], 1],
  ['other labels', ['--namespace-labels', 'stage=test'], 0],
  ['no labels', [], 0],
  ['an exempt user', ['--namespace-labels', 'stage=prod', '--user', 'jo'], 0],
  ['an exempt group', ['--namespace-labels', 'stage=prod', '--group', 'a', '--group', 'ops'], 0],
])('selected by %s', (_, flags, expected) => {
  const spec = { namespaceSelector: { matchLabels: { stage: 'prod' } }, ...never, exemptions: [{ reason: 'r', users: ['jo'], groups: ['ops'], until: '2026-11-21' }] }; // prettier-ignore
  expect(render({ 'p.yaml': yaml(policyObject('p', spec)) }, '--policy', 'p.yaml', ...flags).exitCode).toBe(expected);
});

test('defaults are in the pod, warnings and audits on stderr', () => {
  const files = {
    'p.yaml': yaml(
      policyObject('base', { guest: { cpuModel: { default: 'qemu64' } } }),
      policyObject('soon', { mode: 'warn', ...never }),
      policyObject('watch', { mode: 'audit', ...never }),
    ),
  };
  const { stdout, stderr, exitCode } = render(files, '--policy', 'p.yaml', '--offers', 'kvm');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('podvisor.dev/policy-defaults: cpuModel=base');
  expect(stdout).toContain('-cpu qemu64');
  expect(stderr).toMatch(/Pod vm: warning: .*policy 'soon'/);
  expect(stderr).toMatch(/Pod vm: audited: .*policy 'watch'/);
});

test('wrong policies are refused with file and field, all at once', () => {
  const files = {
    'bad.yaml': yaml(policyObject('bad', { mode: 'x', guest: { memry: {} } })),
    'cel.yaml': yaml(policyObject('cel', { rules: [{ name: 'r', expression: '1 +' }] })),
    'order.yaml': yaml(policyObject('order', { guest: { vcpus: { minimum: 2, maximum: 1 } } })),
    'tie.yaml': yaml(
      policyObject('one', { guest: { vcpus: { default: 1 } } }),
      policyObject('two', { guest: { vcpus: { default: 2 } } }),
    ),
  };
  const { stderr, exitCode } = render(files, ...Object.keys(files).flatMap((file) => ['--policy', file]));
  expect(exitCode).toBe(64);
  for (const expected of [
    `bad.yaml: VirtualMachinePolicy bad: spec.guest.memry: is unknown (did you mean 'memory'?)`,
    `bad.yaml: VirtualMachinePolicy bad: spec.mode: "x": is unknown; allowed: enforce, warn, audit`,
    'cel.yaml: VirtualMachinePolicy cel: spec.rules[0].expression: "1 +": Unexpected token',
    'order.yaml: VirtualMachinePolicy order: spec.guest.vcpus: minimum is more than maximum',
    `tie.yaml: VirtualMachinePolicy two: default of vcpus: "2": policy 'one' has the same priority (0)`,
  ])
    expect(stderr).toContain(expected);
});

test('labels that are none', () => {
  expect(render({}, '--namespace-labels', 'stage')).toMatchObject({
    exitCode: 64,
    stderr: expect.stringContaining('name=value') as string,
  });
});
