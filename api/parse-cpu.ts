import { CPU_FEATURES, CPU_MODELS } from './cpu-names.ts';
import { type Accelerator, type CpuTopology, GUEST_LIMITS, type GuestSpec } from './guest-spec.ts';
import { PREFIX } from './names.ts';
import { didYouMean } from './nearest.ts';
import type { Pod } from './pod.ts';
import { bad, good, type Step } from './step.ts';
import { annotationField } from './violation.ts';

export const CPU_MODEL_ANNOTATION = `${PREFIX}cpu-model`;
export const CPU_FEATURES_ANNOTATION = `${PREFIX}cpu-features`;
export const CPU_TOPOLOGY_ANNOTATION = `${PREFIX}cpu-topology`;

type Cpu = GuestSpec['cpu'];

/** The CPU the guest sees, from its three annotations. */
export function parseCpu(pod: Pod, accelerator: Accelerator, vcpus: number): Step<Cpu> {
  const annotations = pod.metadata.annotations ?? {};
  const model = parseModel(annotations[CPU_MODEL_ANNOTATION], accelerator);
  const features = parseFeatures(annotations[CPU_FEATURES_ANNOTATION]);
  const topology = parseTopology(annotations[CPU_TOPOLOGY_ANNOTATION], vcpus);
  const value: Cpu = {
    model: model.value,
    features: features.value,
    ...(topology.value === undefined ? {} : { topology: topology.value }),
  };
  return { value, violations: [...model.violations, ...features.violations, ...topology.violations] };
}

/** `host` gives the guest all the node's CPU has; emulation has no host CPU to give, `max` is all it can emulate. */
const DEFAULT_MODEL = { kvm: 'host', tcg: 'max' } as const;

function parseModel(text: string | undefined, accelerator: Accelerator): Step<string> {
  if (text === undefined) return good(DEFAULT_MODEL[accelerator]);
  const field = annotationField(CPU_MODEL_ANNOTATION);
  if (!CPU_MODELS.includes(text)) {
    const message = `is no CPU model of QEMU 10.0${didYouMean(text, CPU_MODELS)}; allowed: host, max, or a model such as Skylake-Server-v5`;
    return bad(DEFAULT_MODEL[accelerator], { field, value: text, message });
  }
  if (text === 'host' && accelerator === 'tcg') {
    const message = 'needs KVM, and this guest is emulated (tcg); use max or a named model';
    return bad(DEFAULT_MODEL.tcg, { field, value: text, message });
  }
  return good(text);
}

function parseFeatures(text: string | undefined): Step<string[]> {
  if (text === undefined) return good([]);
  const features = text.split(',').map((feature) => feature.trim());
  const reason = listReason(features);
  if (reason === '') return good(features);
  return bad([], {
    field: annotationField(CPU_FEATURES_ANNOTATION),
    value: text,
    message: `${reason}; allowed: features of QEMU 10.0 with their sign, e.g. +avx2,-la57`,
  });
}

/** Why a feature is refused; '' = it is not. */
function featureReason(feature: string): string {
  if (feature === '') return 'has an empty entry';
  const name = feature.replace(/^[+-]/, '');
  const shown = JSON.stringify(feature.slice(0, 40));
  if (!CPU_FEATURES.includes(name)) return `${shown} is no CPU feature${didYouMean(name, CPU_FEATURES)}`;
  return name === feature ? `${shown} has no sign: write +${name} or -${name}` : '';
}

/** Why the features together are refused; '' = they are not. */
function listReason(features: readonly string[]): string {
  const { cpuFeatures: most } = GUEST_LIMITS;
  if (features.length > most) return `has ${features.length} entries, more than ${most}`;
  const wrong = features.find((feature) => featureReason(feature) !== '');
  if (wrong !== undefined) return featureReason(wrong);
  const names = features.map((feature) => feature.slice(1));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? '' : `names '${twice}' twice`;
}

const TOPOLOGY_FORM = 'allowed: sockets=N,cores=N,threads=N (a part left out is 1)';

function parseTopology(text: string | undefined, vcpus: number): Step<CpuTopology | undefined> {
  if (text === undefined) return good(undefined);
  const topology = readTopology(text);
  const field = annotationField(CPU_TOPOLOGY_ANNOTATION);
  if (topology === undefined) return bad(undefined, { field, value: text, message: `is not a topology; ${TOPOLOGY_FORM}` });
  const product = topology.sockets * topology.cores * topology.threads;
  if (product === vcpus) return good(topology);
  const message = `makes ${product} CPUs, but the CPU limit makes ${vcpus} vCPUs; change one of them; ${TOPOLOGY_FORM}`;
  return bad(undefined, { field, value: text, message });
}

function readTopology(text: string): CpuTopology | undefined {
  const parts = text.split(',').map((part) => /^\s*(sockets|cores|threads)=([1-9]\d{0,2})\s*$/.exec(part));
  const pairs = parts.flatMap((match) => (match === null ? [] : [[match[1] ?? '', Number(match[2])] as const]));
  const named = new Map(pairs);
  if (pairs.length !== parts.length || named.size !== pairs.length) return undefined;
  return { sockets: named.get('sockets') ?? 1, cores: named.get('cores') ?? 1, threads: named.get('threads') ?? 1 };
}
