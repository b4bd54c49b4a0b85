import { parseArgs } from 'node:util';
import { EXIT_CODES, messageOf, PodvisorError } from '../runtime/errors.ts';
import { nearest } from '../runtime/nearest.ts';
import { VERSION } from '../runtime/version.ts';
import { attachmentsIn } from './attachments.ts';
import { POLICY_KIND } from '../api/policy.ts';
import { type FromFile, labelsFrom, namespacesIn, policiesIn, type PolicyWorld } from './policies.ts';
import { readManifests } from './read-manifests.ts';
import { render } from './render.ts';
import { OUTPUTS, problems, reportText } from './report.ts';
import type { Output } from './report.ts';
import { runWhy, type WhyMachine } from './why/why.ts';

/** What a command leaves behind. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** What a command may use of the machine. */
export interface Machine {
  /** Text of a file, or of stdin for `-`. Throws when it cannot be read. */
  readonly readFile: (path: string) => string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Exit code when a pod was refused; other ends are those of {@link EXIT_CODES}. */
const REFUSED = 1;
const COMMANDS = ['render', 'why'] as const;
const ACCELERATORS = ['kvm', 'tcg'];

export const USAGE = `podvisor ${VERSION}

podvisor render [flags] FILE…     What Podvisor makes of the pods in manifests ("-" is stdin), without a cluster:
                                  the pods as admitted, warnings, QEMU's command line; or why a pod is refused.
  --output yaml|argv              yaml: a YAML stream with the rest as comments (default); argv: QEMU's command lines alone
  --offers kvm,tcg                what the nodes offer (default: both)
  --policy FILE                   VirtualMachinePolicies to hold the pods against, as the webhook does (may be repeated; those in the
                                  manifests count as well); a wrong one is an error that names file and field
  --namespace-labels a=b,c=d      labels of namespaces that are not in the manifests
  --user NAME, --group NAME       who creates the pods, for exemptions (--group may be repeated)
  --launcher-image IMAGE          as the installation names it (default: ghcr.io/podvisor/launcher:${VERSION})

podvisor why [flags] POD          Why a VM pod is where it is, or nowhere: the scheduler's last decision for it, with the reason for each node that was
                                  refused, scores of the others, and what is free there now. Asked with your own rights.
  -n, --namespace NAMESPACE       the pod's (default: the context's)
  -o, --output table|json         (default: table)
  --kubeconfig FILE, --context NAME   as of kubectl
  --scheduler-pod NAMESPACE/POD   the pod with the extender that decides (default: the one whose scheduler leads, by Lease)

Network attachments are taken from the same manifests; one that is not there is taken for a plain bridge network.
Pods and the templates of Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs and Lists of them are read.
Exit codes: 0 all VMs are admitted, ${REFUSED} a pod is refused, ${EXIT_CODES.config} a flag, file, YAML or policy that is wrong.
Of why: 0 a decision is shown, 1 nothing is known of that pod, ${EXIT_CODES.denied} a right is missing (which, is said), ${EXIT_CODES.unavailable} a server does not answer.
`;

/** Runs the command line `podvisor WORDS…`, as far as it needs no cluster. Total. */
export function runCommand(words: readonly string[], machine: Machine): CommandResult {
  const [command, ...rest] = words;
  if (command === '--help' || command === '-h' || rest.includes('--help')) return { stdout: USAGE, stderr: '', exitCode: 0 };
  if (command === '--version') return { stdout: `podvisor ${VERSION}\n`, stderr: '', exitCode: 0 };
  try {
    if (command === 'render') return runRender(rest, machine);
    throw new PodvisorError('config', unknownCommand(command));
  } catch (error) {
    const exitCode = EXIT_CODES[error instanceof PodvisorError ? error.code : 'internal'];
    return { stdout: '', stderr: `podvisor: ${messageOf(error)}\n`, exitCode };
  }
}

/** As {@link runCommand}, also for commands that talk to a cluster. */
export function runWords(words: readonly string[], machine: Machine & WhyMachine): Promise<CommandResult> {
  const [command, ...rest] = words;
  const isWhy = command === 'why' && !rest.includes('--help');
  return isWhy ? runWhy(rest, machine) : Promise.resolve(runCommand(words, machine));
}

function unknownCommand(command: string | undefined): string {
  if (command === undefined) return `a command is missing: ${COMMANDS.join(' or ')} (--help says more)`;
  const near = nearest(command, COMMANDS);
  return `unknown command "${command}"${near === undefined ? '' : `; did you mean ${near}?`} (--help lists all)`;
}

function runRender(words: readonly string[], machine: Machine): CommandResult {
  const { values, positionals } = renderWords(words);
  if (positionals.length === 0) throw new PodvisorError('config', 'render needs a FILE, or - for stdin');
  const context = { launcherImage: values['launcher-image'], accelerators: offersOf(values.offers) };
  const output = outputOf(values.output);
  const all = [...(values.policy ?? []), ...positionals].flatMap((file) => objectsOf(file, machine));
  const objects = all.map(({ object }) => object).filter(({ kind }) => kind !== POLICY_KIND);
  const world = worldOf(all, values, machine.now);
  const rendered = objects.map((object) => render(object, { ...context, attachments: attachmentsIn(objects), world }));
  return {
    stdout: reportText(rendered, output),
    stderr: problems(rendered)
      .map((line) => `${line}\n`)
      .join(''),
    exitCode: rendered.some(({ type }) => type === 'refused') ? REFUSED : 0,
  };
}

const RENDER_OPTIONS = {
  output: { type: 'string', default: 'yaml' },
  offers: { type: 'string', default: 'kvm,tcg' },
  policy: { type: 'string', multiple: true },
  'namespace-labels': { type: 'string', default: '' },
  user: { type: 'string' },
  group: { type: 'string', multiple: true },
  'launcher-image': { type: 'string', default: `ghcr.io/podvisor/launcher:${VERSION}` },
} as const;

function renderWords(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: RENDER_OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new PodvisorError('config', messageOf(error), { cause: error });
  }
}

function outputOf(text: string): Output {
  const found = OUTPUTS.find((one) => one === text);
  if (found === undefined) throw new PodvisorError('config', `--output is "${text}"; allowed: ${OUTPUTS.join(', ')}`);
  return found;
}

function offersOf(text: string): { kvm: boolean; tcg: boolean } {
  const names = text.split(',').filter(Boolean);
  const unknown = names.find((name) => !ACCELERATORS.includes(name));
  if (unknown !== undefined) {
    throw new PodvisorError('config', `--offers is "${text}"; allowed: ${ACCELERATORS.join(', ')} or both, joined by a comma`);
  }
  return { kvm: names.includes('kvm'), tcg: names.includes('tcg') };
}

function objectsOf(file: string, { readFile }: Machine): readonly FromFile[] {
  return readManifests(file, textOf(file, readFile)).map((object) => ({ file, object }));
}

type RenderValues = ReturnType<typeof renderWords>['values'];

function worldOf(objects: readonly FromFile[], { user, group = [], ...values }: RenderValues, now: number): PolicyWorld {
  const nobody = user === undefined && group.length === 0;
  return {
    policies: policiesIn(objects),
    namespaces: namespacesIn(objects),
    otherLabels: labelsFrom('--namespace-labels', values['namespace-labels']),
    ...(nobody ? {} : { user: { username: user ?? '', groups: group } }),
    now,
  };
}

function textOf(file: string, readFile: Machine['readFile']): string {
  try {
    return readFile(file);
  } catch (error) {
    throw new PodvisorError('config', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}
