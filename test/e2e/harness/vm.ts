import { spawn } from 'node:child_process';
import { getJson, kubectl, tryKubectl } from './kubectl.ts';
import { eventually } from '../../build/eventually.ts';

/** The parts of a Pod our tests look at. */
export interface PodView {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Record<string, string>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly Record<string, unknown>[] };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly qosClass?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatusView[];
  };
}

export interface ContainerStatusView {
  readonly name: string;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly state: StateView;
  readonly lastState: StateView;
}

interface StateView {
  readonly running?: object;
  readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
  readonly waiting?: { readonly reason?: string; readonly message?: string };
}

/** One pod. */
export function getPod(namespace: string, name: string): Promise<PodView> {
  return getJson<PodView>(['pod', name, '-n', namespace]);
}

/** All pods with a label. */
export async function podsOf(namespace: string, app: string): Promise<readonly PodView[]> {
  return (await getJson<{ items: readonly PodView[] }>(['pods', '-n', namespace, '-l', `app=${app}`])).items;
}

/** Waits until the kubelet calls the pod Ready (our readiness gate and the user's probes included). */
export async function waitReady(namespace: string, pod: string, timeoutSeconds = 120): Promise<PodView> {
  await kubectl(['wait', '--for=condition=Ready', `pod/${pod}`, '-n', namespace, `--timeout=${timeoutSeconds}s`], {
    timeoutMs: (timeoutSeconds + 10) * 1000,
  });
  return getPod(namespace, pod);
}

/** Status of the guest container. */
export function guestStatus(pod: PodView): ContainerStatusView {
  const status = pod.status.containerStatuses?.find((one) => one.name === 'guest');
  if (!status) throw new Error(`pod ${pod.metadata.name} has no status of container guest`);
  return status;
}

/** Waits until the guest container has ended `restarts` times or for good, and returns how it ended last. */
export function waitTerminated(
  namespace: string,
  pod: string,
  timeoutMs = 60_000,
): Promise<{ exitCode: number; message: string }> {
  return eventually(
    `guest container of ${pod} terminated`,
    async () => {
      const { state, lastState } = guestStatus(await getPod(namespace, pod));
      const ended = state.terminated ?? lastState.terminated;
      return ended ? { exitCode: ended.exitCode, message: ended.message ?? '' } : undefined;
    },
    timeoutMs,
  );
}

/** A condition of the pod. */
export function condition(pod: PodView, type: string): { status: string; reason?: string; message?: string } | undefined {
  return pod.status.conditions?.find((one) => one.type === type);
}

/** Events about one pod: `reason: message` lines. */
export async function events(namespace: string, pod: string): Promise<readonly string[]> {
  const list = await getJson<{ items: readonly { reason: string; message: string; type: string }[] }>([
    'events',
    '-n',
    namespace,
    '--field-selector',
    `involvedObject.name=${pod}`,
  ]);
  return list.items.map((event) => `${event.reason}: ${event.message}`);
}

/** What the guest's web server says of itself, fetched by `client` (an ordinary pod) from `host`. */
export async function guestReport(namespace: string, client: string, host: string): Promise<Record<string, string>> {
  const text = await kubectl([
    'exec',
    '-n',
    namespace,
    client,
    '--',
    'wget',
    '-q',
    '-T',
    '5',
    '-O',
    '-',
    `http://${host}/cgi-bin/status`,
  ]);
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** The serial console so far (`kubectl logs`). */
export async function consoleLog(namespace: string, pod: string): Promise<string> {
  return (await tryKubectl(['logs', '-n', namespace, pod, '-c', 'guest'])).stdout;
}

/** Deletes and waits until it is gone. */
export async function deletePod(namespace: string, pod: string, ...flags: readonly string[]): Promise<void> {
  await kubectl(['delete', 'pod', pod, '-n', namespace, '--timeout=60s', ...flags]);
}

/** Deletes and waits until it is gone; the serial console from now to the end. */
export async function deleteAndRead(namespace: string, pod: string, ...flags: readonly string[]): Promise<string> {
  const logs = spawn('kubectl', ['logs', '-f', '--tail=1', '-n', namespace, pod, '-c', 'guest'], { env: process.env });
  let text = '';
  logs.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise((resolve) => logs.once('close', resolve));
  await deletePod(namespace, pod, ...flags);
  // The API server ends the stream with the container, a moment after the last line.
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5_000))]);
  logs.kill();
  return text;
}
