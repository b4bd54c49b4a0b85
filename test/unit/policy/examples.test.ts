import { readdirSync, readFileSync } from 'node:fs';
import { runCommand } from '../../../cli/commands.ts';
import { readStoredGuest } from '../../../api/parse-stored.ts';
import { violationsText } from '../../../api/violation.ts';
import { compilePolicy } from '../../../policy/compile.ts';
import { readPolicy } from '../../../policy/read-policy.ts';
import { selectPolicies } from '../../../policy/select.ts';
import { mutateUnderPolicies } from '../../../webhooks/policy/under-policies.ts';
import { vmPod, withDefaults } from '../../build/pod.ts';
import { examplePolicy, POLICY_EXAMPLES, type PolicyExample } from '../../build/policy-examples.ts';
import { context } from '../webhooks/admit.ts';

const text = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const all = POLICY_EXAMPLES.map((example) => compilePolicy(examplePolicy(example)));

function admit({ labels }: PolicyExample, fields: Parameters<typeof vmPod>[0]): ReturnType<typeof mutateUnderPolicies> {
  const pod = withDefaults(vmPod({ namespace: 'team', ...fields }));
  const namespace = { name: 'team', labels };
  const selected = selectPolicies({ namespace, labels: pod.metadata.labels! }, all, Date.parse('2026-11-21'));
  expect(selected.length).toBeLessThanOrEqual(1);
  return mutateUnderPolicies(pod, { ...context, policies: { selected, namespace, usage: [] } });
}

describe.each(POLICY_EXAMPLES.map((example) => [example.file, example] as const))('%s', (file, example) => {
  test('is a good policy', () => expect(readPolicy(examplePolicy(example))).toMatchObject({ ok: true }));

  test('lets a pod pass', () => {
    const made = admit(example, example.good);
    expect(made.ok ? '' : violationsText(made.violations)).toBe('');
    const stored = readStoredGuest(made.ok ? made.patched : vmPod());
    expect(stored.ok && stored.guest).toMatchObject(example.guest ?? {});
  });

  test('refuses another', () => {
    const made = admit(example, example.bad);
    expect(made.ok ? 'admitted' : violationsText(made.violations)).toContain(example.says);
  });

  test('is in the guide, word for word', () => {
    expect(text('docs/policies.md')).toContain(text(`examples/policies/${file}`));
  });
});

test('every file is an example, and each can be given to podvisor render', () => {
  const files = readdirSync(new URL('../../../examples/policies', import.meta.url)).sort();
  expect(files).toEqual(POLICY_EXAMPLES.map(({ file }) => file));
  const flags = files.flatMap((file) => ['--policy', `examples/policies/${file}`]);
  const machine = { now: 0, readFile: (path: string) => text(path) };
  expect(runCommand(['render', ...flags, 'examples/hello-vm.yaml'], machine)).toMatchObject({ exitCode: 0 });
});
