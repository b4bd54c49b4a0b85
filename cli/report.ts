import { stringify } from 'yaml';
import { violationText } from '../api/violation.ts';
import type { Rendered } from './render.ts';

/** What of a VM is printed: all as a YAML stream with the rest in comments, or the bare command line. */
export const OUTPUTS = ['yaml', 'argv'] as const;
export type Output = (typeof OUTPUTS)[number];

/** Text for stdout: a YAML stream of the pods as admitted, warnings and QEMU's command line as comments. */
export function reportText(rendered: readonly Rendered[], output: Output): string {
  return rendered
    .flatMap((one) => (one.type === 'vm' ? [output === 'yaml' ? yamlOf(one) : `# ${one.title}\n${quoted(one.argv)}\n`] : []))
    .join('');
}

/** Lines for stderr: refusals with every reason, and what was left alone. */
export function problems(rendered: readonly Rendered[]): readonly string[] {
  return rendered.flatMap((one) => {
    if (one.type === 'not-a-vm') return [`${one.title}: not a VM, left alone`];
    if (one.type === 'vm') {
      const lines = [...one.warnings.map((text) => `warning: ${text}`), ...one.audits.map((text) => `audited: ${text}`)];
      return lines.map((line) => `${one.title}: ${line}`);
    }
    return one.violations.map((violation) => `${one.title}: refused: ${violationText(violation)}`);
  });
}

type Vm = Extract<Rendered, { type: 'vm' }>;

function yamlOf({ title, pod, argv }: Vm): string {
  const comments = [`${title}, the pod as Podvisor admits it`, 'QEMU:', ...quoted(argv).split('\n')];
  // Aliases would be correct YAML and no help to a reader.
  const body = stringify(pod, { lineWidth: 0, aliasDuplicateObjects: false });
  return `---\n${comments.map((line) => `# ${line}\n`).join('')}${body}`;
}

/** One option a line, as a shell would take it. */
function quoted(argv: readonly string[]): string {
  const words = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return words.reduce((text, word) => `${text}${word.startsWith('-') ? ' \\\n  ' : ' '}${word}`);
}
