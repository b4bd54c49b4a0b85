import type { Explanation } from '../../api/explanation.ts';
import type { ClusterChoice, UserCluster } from '../../kube/user-cluster.ts';
import { EXIT_CODES, messageOf, PodvisorError } from '../../runtime/errors.ts';
import { isRecord } from '../../runtime/record.ts';
import type { CommandResult } from '../commands.ts';
import { findLeader, NEEDS_ROLE, type SchedulerPod } from './leader.ts';
import { readPod, type SeenPod } from './pod.ts';
import { explanationText } from './table.ts';
import { type WhyWords, whyWords } from './words.ts';

/** What `why` may use of the machine. */
export interface WhyMachine {
  readonly connect: (choice: ClusterChoice) => Promise<UserCluster>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Port of the extender's explain server, on the loopback of its pod (scheduler-plugin/options.ts). */
export const EXPLAIN_PORT = 9444;
/** Nothing is known of that pod. */
const NOTHING = 1;

/** Runs `podvisor why WORDS…`. Total. */
export async function runWhy(words: readonly string[], machine: WhyMachine): Promise<CommandResult> {
  try {
    const asked = whyWords(words);
    const cluster = await machine.connect(asked);
    return await answer(asked, cluster, machine.now).finally(() => cluster.close());
  } catch (error) {
    return failed(error);
  }
}

async function answer(asked: WhyWords, cluster: UserCluster, now: number): Promise<CommandResult> {
  const namespace = asked.namespace ?? cluster.namespace;
  const key = `${namespace}/${asked.pod}`;
  const pod = await readPod(cluster.client, namespace, asked.pod);
  if (pod === undefined) return nothing(`there is no pod ${key}`, '');
  if (!pod.isVm)
    return nothing(`pod ${key} is not a VM (label podvisor.dev/vm: "true"); kubectl describe pod says where it stands`, '');
  try {
    const explanation = await explanationOf(asked, cluster, key);
    if (explanation === undefined)
      return nothing(`nothing was decided for pod ${key} lately by the scheduler that leads now`, ownText(pod));
    const stdout =
      asked.output === 'json' ? `${JSON.stringify(explanation, undefined, 2)}\n` : explanationText(explanation, pod, now);
    return { stdout, stderr: '', exitCode: 0 };
  } catch (error) {
    // Whatever keeps us from the decision, what the scheduler wrote to the pod is there to be read.
    return { ...failed(error), stdout: asked.output === 'json' ? '' : ownText(pod) };
  }
}

/** undefined: nothing was decided for it lately. */
async function explanationOf(asked: WhyWords, cluster: UserCluster, key: string): Promise<Explanation | undefined> {
  const at = asked.schedulerPod === undefined ? await findLeader(cluster.client) : schedulerPod(asked.schedulerPod);
  const { status, text } = await cluster.ask({ ...at, port: EXPLAIN_PORT }, `/explain/${key}`).catch((error: unknown) => {
    throw error instanceof PodvisorError && error.code === 'denied'
      ? new PodvisorError('denied', `${error.message}; ${NEEDS_ROLE}`)
      : error;
  });
  const body = parsed(text);
  if (status === 200) return body as unknown as Explanation;
  if (status === 404) return undefined;
  const reason = typeof body['reason'] === 'string' ? body['reason'] : `it answered ${status}`;
  throw new PodvisorError(status === 401 || status === 403 ? 'denied' : 'unavailable', `the scheduler extender: ${reason}`);
}

function schedulerPod(text: string): SchedulerPod {
  const [namespace = '', name = ''] = text.split('/');
  return { namespace, name };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text);
    if (isRecord(body)) return body;
  } catch {
    // Said below.
  }
  throw new PodvisorError('protocol', 'the scheduler extender did not answer in JSON; is it of another version?');
}

function ownText({ node, scheduled }: SeenPod): string {
  const where = node === '' ? [] : [`The pod is on node ${node}.\n`];
  return [...where, ...(scheduled === '' ? [] : [`The pod itself says: ${scheduled}\n`])].join('');
}

function nothing(reason: string, stdout: string): CommandResult {
  return { stdout, stderr: `podvisor: ${reason}\n`, exitCode: NOTHING };
}

function failed(error: unknown): CommandResult {
  const exitCode = EXIT_CODES[error instanceof PodvisorError ? error.code : 'internal'];
  return { stdout: '', stderr: `podvisor: ${messageOf(error)}\n`, exitCode };
}
