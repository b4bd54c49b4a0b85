import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseManifests, nameOf } from './read.ts';
import { POLICIES } from '../../../webhooks/publish/gen/policies.ts';
import type { Manifest } from './read.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly namespace?: string; readonly name: string }[];
}

const golden = join(import.meta.dirname, 'golden/rbac.txt');
const rbac = baseManifests().filter((manifest) => manifest.apiVersion === 'rbac.authorization.k8s.io/v1');

const rulesOf = (manifest: Manifest): readonly Rule[] => (manifest.rules as readonly Rule[] | undefined) ?? [];

function ruleLines(rule: Rule): string[] {
  const names = rule.resourceNames === undefined ? '' : ` named ${rule.resourceNames.join(', ')}`;
  const groups = (rule.apiGroups ?? []).map((group) => group || 'core');
  return groups.flatMap((group) =>
    (rule.resources ?? []).map((resource) => `  ${group}/${resource}${names}: ${rule.verbs.join(', ')}`),
  );
}

function bindingLines(manifest: Manifest): string[] {
  const { roleRef, subjects } = manifest as unknown as Binding;
  return subjects.map(({ kind, namespace = '', name }) => `  ${roleRef.kind} ${roleRef.name} -> ${kind} ${namespace}/${name}`);
}

/** Everything anyone of ours may do, one line a permission, sorted. */
function allRules(): string {
  const blocks = rbac.map((manifest) => {
    const lines = manifest.kind.endsWith('Binding') ? bindingLines(manifest) : rulesOf(manifest).flatMap(ruleLines);
    return [nameOf(manifest), ...lines.sort()].join('\n');
  });
  return `${blocks.sort().join('\n')}\n`;
}

it('T4: every permission is in the golden file (review a change, then run with UPDATE_GOLDEN=1)', () => {
  const rendered = allRules();
  if (process.env['UPDATE_GOLDEN'] === '1' || !existsSync(golden)) writeFileSync(golden, rendered);
  expect(rendered).toBe(readFileSync(golden, 'utf8'));
});

describe('no role of ours', () => {
  const rules = rbac.flatMap((manifest) => rulesOf(manifest).map((rule) => [nameOf(manifest), rule] as const));
  const clusterRules = rules.filter(([name]) => name.startsWith('ClusterRole '));

  it('has wildcards or rights to become someone else', () => {
    for (const [, rule] of rules) {
      expect([...(rule.apiGroups ?? []), ...(rule.resources ?? []), ...rule.verbs]).not.toContain('*');
      expect(rule.verbs).not.toEqual(expect.arrayContaining([expect.stringMatching(/escalate|bind|impersonate/)]));
    }
  });

  it('T4: touches secrets cluster-wide or writes nodes', () => {
    for (const [, rule] of clusterRules) {
      expect(rule.resources).not.toContain('secrets');
      const writes = rule.verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb));
      if (rule.resources?.some((resource) => resource.startsWith('nodes'))) expect(writes).toEqual([]);
    }
  });
});

it('the webhook may restore our admission policies by name, and no other', () => {
  const names = [...new Set(POLICIES.map(({ metadata }) => metadata.name))];
  const policyRules = rbac
    .filter((manifest) => nameOf(manifest) === 'ClusterRole podvisor-webhook')
    .flatMap((manifest) => rulesOf(manifest))
    .filter(({ resources = [] }) => resources.some((resource) => resource.startsWith('validatingadmissionpolic')));
  for (const { resourceNames, verbs } of policyRules) {
    if (resourceNames === undefined) expect(verbs).toEqual(['create']);
    else expect(resourceNames).toEqual(names);
  }
  expect(policyRules).toHaveLength(2);
});
