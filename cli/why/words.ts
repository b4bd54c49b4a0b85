import { parseArgs } from 'node:util';
import { messageOf, PodvisorError } from '../../runtime/errors.ts';

/** What `podvisor why` was asked. */
export interface WhyWords {
  readonly pod: string;
  /** undefined: the context's. */
  readonly namespace: string | undefined;
  readonly output: 'table' | 'json';
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** `namespace/name` of the pod with the extender; undefined: whoever leads. */
  readonly schedulerPod: string | undefined;
}

const OPTIONS = {
  namespace: { type: 'string', short: 'n' },
  output: { type: 'string', short: 'o', default: 'table' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  'scheduler-pod': { type: 'string' },
} as const;

/** Reads the words after `why`. Throws PodvisorError('config'). */
export function whyWords(words: readonly string[]): WhyWords {
  const { values, positionals } = parsed(words);
  const [named, ...more] = positionals;
  if (named === undefined || more.length > 0)
    throw new PodvisorError('config', 'why needs one POD: podvisor why POD [-n NAMESPACE]');
  const { output, namespace, kubeconfig, context, 'scheduler-pod': schedulerPod } = values;
  if (output !== 'table' && output !== 'json') throw new PodvisorError('config', `--output is "${output}"; allowed: table, json`);
  if (schedulerPod !== undefined && schedulerPod.split('/').length !== 2)
    throw new PodvisorError('config', `--scheduler-pod is "${schedulerPod}"; allowed: NAMESPACE/POD`);
  // As kubectl takes it: pod/NAME.
  return { pod: named.replace(/^pods?\//, ''), namespace, output, kubeconfig, context, schedulerPod };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new PodvisorError('config', messageOf(error), { cause: error });
  }
}
