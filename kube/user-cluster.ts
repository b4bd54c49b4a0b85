import { Duplex, PassThrough } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { messageOf, PodvisorError } from '../runtime/errors.ts';
import { askThrough, type PodAnswer } from './ask-pod.ts';
import type { KubeClient } from './client.ts';
import { connectionOf } from './connection.ts';
import { createKubeClient } from './http-client.ts';

/** Which cluster and whose rights; left out = as kubectl chooses ($KUBECONFIG, ~/.kube/config, its current context). */
export interface ClusterChoice {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** A port of a pod. */
export interface PodPort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** A cluster with the rights of a person. */
export interface UserCluster {
  /** Namespace of the context. */
  readonly namespace: string;
  readonly client: KubeClient;
  /** A GET to an HTTPS server in a pod, through a port-forward, with the person's own credentials. Throws PodvisorError. */
  ask(at: PodPort, path: string): Promise<PodAnswer>;
  close(): void;
}

/** By a kubeconfig. Throws PodvisorError('config') when there is none, or not that context. */
export async function connectAsUser(choice: ClusterChoice): Promise<UserCluster> {
  const config = await loadConfig(choice);
  const connection = connectionOf(config, choice.kubeconfig ?? 'the kubeconfig');
  const client = createKubeClient(connection);
  return {
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    client,
    ask: async (at, path) => {
      const credentials = await connection.credentials();
      const forward = await openForward(config, at);
      return askThrough(forward.stream, path, credentials).finally(() => forward.close());
    },
    close: () => client.close(),
  };
}

async function loadConfig({ kubeconfig, context }: ClusterChoice): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new PodvisorError('config', `cannot read the kubeconfig: ${messageOf(error)}`, { cause: error });
  }
  if (context === undefined) return config;
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) {
    throw new PodvisorError('config', `no context "${context}" in the kubeconfig; there are: ${known.join(', ') || 'none'}`);
  }
  config.setCurrentContext(context);
  return config;
}

interface Forward {
  readonly stream: Duplex;
  close(): void;
}

async function openForward(config: KubeConfig, { namespace, name, port }: PodPort): Promise<Forward> {
  const { PortForward } = await import('@kubernetes/client-node');
  const [toPod, fromPod, problems] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const stream = Duplex.from({ writable: toPod, readable: fromPod });
  problems.on('data', (chunk: Buffer) =>
    stream.destroy(
      new PodvisorError('unavailable', `pod ${namespace}/${name} does not answer on port ${port}: ${chunk.toString().trim()}`),
    ),
  );
  const forwarder = new PortForward(config);
  try {
    const socket = await forwarder.portForward(namespace, name, [port], fromPod, problems, toPod);
    const closable = 'close' in socket ? socket : undefined;
    closable?.addEventListener('close', () => fromPod.end());
    return { stream, close: () => closable?.close() };
  } catch (error) {
    throw refusedForward(error, `${namespace}/${name}`);
  }
}

/** What the API server answered instead of a stream, as the ws package words it. */
function refusedForward(error: unknown, pod: string): PodvisorError {
  const said = (error as { readonly message?: unknown } | undefined)?.message;
  const text = typeof said === 'string' ? said : messageOf(error);
  if (/\b403\b/.test(text)) return new PodvisorError('denied', `you may not forward a port of pod ${pod}`, { cause: error });
  const reason = /\b404\b/.test(text) ? `there is no pod ${pod}` : `no port-forward to pod ${pod}: ${text}`;
  return new PodvisorError('unavailable', reason, { cause: error });
}
