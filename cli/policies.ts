import { POLICY_KIND } from '../api/policy.ts';
import { violationText } from '../api/violation.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { Labels } from '../policy/labels.ts';
import { readPolicy } from '../policy/read-policy.ts';
import { selectPolicies } from '../policy/select.ts';
import { policyTies } from '../policy/ties.ts';
import type { CompiledPolicy, PolicyRequest } from '../policy/types.ts';
import { PodvisorError } from '../runtime/errors.ts';
import type { PolicyFacts } from '../webhooks/pod/context.ts';
import { isRecord } from '../runtime/record.ts';
import type { ManifestObject } from './workloads.ts';

/** An object and the file it is from. */
export interface FromFile {
  readonly file: string;
  readonly object: ManifestObject;
}

/** What policies look at beside the pod, as far as there is no cluster to ask. */
export interface PolicyWorld {
  readonly policies: readonly CompiledPolicy[];
  /** Labels of namespaces that are in the manifests, by name. */
  readonly namespaces: Readonly<Record<string, Labels>>;
  /** Labels of all others. */
  readonly otherLabels: Labels;
  readonly user?: NonNullable<PolicyRequest['user']>;
  /** Milliseconds since the epoch, for exemptions that end. */
  readonly now: number;
}

/** The policies among objects of files. Throws PodvisorError('config') with everything that is wrong with any of them, by file and field. */
export function policiesIn(objects: readonly FromFile[]): readonly CompiledPolicy[] {
  const found = objects.filter(({ object }) => object.kind === POLICY_KIND);
  const read = found.map(({ file, object }) => ({ file, compiled: compilePolicy(object), problems: problemsOf(object) }));
  const policies = read.map(({ compiled }) => compiled);
  const wrong = read.flatMap(({ file, compiled, problems }, index) => [
    ...problems.map((problem) => `${file}: ${POLICY_KIND} ${compiled.name}: ${problem}`),
    ...policyTies(compiled, policies.slice(0, index)).map(
      (tie) => `${file}: ${POLICY_KIND} ${compiled.name}: ${violationText(tie)}`,
    ),
  ]);
  if (wrong.length > 0) throw new PodvisorError('config', wrong.join('\n'));
  return policies;
}

function problemsOf(object: ManifestObject): readonly string[] {
  const read = readPolicy(object);
  return read.ok ? [] : read.violations.map(violationText);
}

/** Labels of the Namespaces among objects. */
export function namespacesIn(objects: readonly FromFile[]): Readonly<Record<string, Labels>> {
  const found = objects.filter(({ object }) => object.kind === 'Namespace').map(({ object }) => object.metadata);
  return Object.fromEntries(found.filter(isRecord).map(({ name, labels = {} }) => [String(name), labels as Labels]));
}

/** Labels from `a=b,c=d`. Throws PodvisorError('config'). */
export function labelsFrom(flag: string, text: string): Labels {
  const pairs = text.split(',').filter(Boolean).map((pair) => /^([^=]+)=(.*)$/.exec(pair)); // prettier-ignore
  if (pairs.includes(null))
    throw new PodvisorError('config', `${flag} is "${text}"; allowed: name=value, several joined by commas`);
  return Object.fromEntries(pairs.map((match) => [match?.[1] ?? '', match?.[2] ?? '']));
}

/** The policies for a pod; a namespace's limits count this pod alone. undefined = there are no policies at all. */
export function factsFor(world: PolicyWorld, namespace: string, labels: Labels): PolicyFacts | undefined {
  if (world.policies.length === 0) return undefined;
  const its = { name: namespace, labels: world.namespaces[namespace] ?? world.otherLabels };
  const request = { namespace: its, labels, ...(world.user === undefined ? {} : { user: world.user }) };
  return { selected: selectPolicies(request, world.policies, world.now), namespace: its, usage: [] };
}
