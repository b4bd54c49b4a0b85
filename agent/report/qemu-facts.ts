import { CPU_FEATURES, CPU_MODELS } from '../../api/cpu-names.ts';
import type { Accelerator } from '../../api/guest-spec.ts';
import { NODE_REPORT_LIMITS } from '../../api/node-report.ts';
import { isRecord } from '../../runtime/record.ts';
import type { RunProgram } from '../run-program.ts';

/** What the QEMU of the agent's image can do on this node with one accelerator. */
export interface QemuFacts {
  /** `10.0.2`; '' = QEMU did not say. */
  readonly version: string;
  readonly machines: readonly string[];
  /** Models that miss no feature here. */
  readonly models: readonly string[];
  readonly features: readonly string[];
}

/** Nothing is known: QEMU could not be asked. */
export const NO_QEMU_FACTS: QemuFacts = { version: '', machines: [], models: [], features: [] };

const QEMU = 'qemu-system-x86_64';
const TIMEOUT_MS = 20_000;
const QUESTIONS = [
  { execute: 'qmp_capabilities' },
  { execute: 'query-version', id: 'version' },
  { execute: 'query-machines', id: 'machines' },
  { execute: 'query-cpu-definitions', id: 'models' },
  // `max` is all that this accelerator can give to a guest here.
  { execute: 'query-cpu-model-expansion', id: 'features', arguments: { type: 'full', model: { name: 'max' } } },
  { execute: 'quit' },
];
/** Machine types a guest of ours can have: versions of q35 and virt, and microvm, which has none. */
const MACHINE = /^(pc-q35-\d[\w.]*|virt-\d[\w.]*|microvm)$/;

/** Asks a QEMU without a machine, which lives for a moment. Throws when it cannot start or takes too long. */
export async function readQemuFacts(accelerator: Accelerator, run: RunProgram): Promise<QemuFacts> {
  const args = ['-machine', `none,accel=${accelerator}`, '-nodefaults', '-no-user-config', '-display', 'none', '-qmp', 'stdio'];
  const input = QUESTIONS.map((question) => `${JSON.stringify(question)}\n`).join('');
  return parseQemuFacts(await run({ file: QEMU, args, input, timeoutMs: TIMEOUT_MS }));
}

/** QMP's answers, one a line; what is missing is left empty. */
export function parseQemuFacts(output: string): QemuFacts {
  const answers = new Map(output.split('\n').map(parseLine).map((answer) => [answer['id'], answer['return']])); // prettier-ignore
  const machines = namesIn(answers.get('machines'), () => true).filter((name) => MACHINE.test(name));
  const runnable = namesIn(answers.get('models'), (one) => isEmptyList(one['unavailable-features']));
  return {
    version: versionIn(answers.get('version')),
    machines: machines.sort(byVersion).slice(0, NODE_REPORT_LIMITS.machines),
    models: CPU_MODELS.filter((model) => runnable.includes(model)).slice(0, NODE_REPORT_LIMITS.models),
    features: featuresIn(answers.get('features')).slice(0, NODE_REPORT_LIMITS.features),
  };
}

function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(line);
    return isRecord(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function namesIn(answer: unknown, wanted: (one: Readonly<Record<string, unknown>>) => boolean): string[] {
  const list: readonly unknown[] = Array.isArray(answer) ? answer : [];
  return list.flatMap((one) => (isRecord(one) && typeof one['name'] === 'string' && wanted(one) ? [one['name']] : []));
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The newest first. */
function byVersion(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

function versionIn(answer: unknown): string {
  const { major, minor, micro } = isRecord(answer) && isRecord(answer['qemu']) ? answer['qemu'] : {};
  return [major, minor, micro].every(Number.isInteger) ? `${String(major)}.${String(minor)}.${String(micro)}` : '';
}

function featuresIn(answer: unknown): readonly string[] {
  const model = isRecord(answer) ? answer['model'] : undefined;
  const props = isRecord(model) && isRecord(model['props']) ? model['props'] : {};
  return CPU_FEATURES.filter((feature) => props[feature] === true);
}
