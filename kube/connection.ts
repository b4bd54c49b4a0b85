import { readFile } from 'node:fs/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../runtime/clock.ts';
import { inClusterServer } from '../runtime/config.ts';
import { messageOf, PodvisorError } from '../runtime/errors.ts';

/** How to prove who we are, and whom to trust. PEM. Changes over time: tokens and certificates are rotated. */
export interface KubeCredentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** `authorization`, `impersonate-user`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An API server and how to talk to it. */
export interface KubeConnection {
  /** `https://host:port`, perhaps with a path prefix. */
  readonly server: string;
  /** Name to expect in the server's certificate, where it is not the host. */
  readonly serverName?: string;
  /** Do not check the server's certificate (`insecure-skip-tls-verify` of a kubeconfig). */
  readonly insecure?: boolean;
  /** Current credentials; `refresh` after a 401, to skip what is remembered. */
  credentials(refresh?: boolean): Promise<KubeCredentials>;
}

/** Where the kubelet mounts a pod's service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet rotates a token when 80 % of its life (at least 10 minutes) is over, so a minute late is in time. */
const REREAD_MS = 60_000;

/** In a pod: the mounted service account, token and CA read again each minute and after a 401. */
export function connectInCluster(options: { clock: Clock; server?: string | undefined; directory?: string }): KubeConnection {
  const server = options.server ?? inClusterServer();
  if (server === undefined) {
    throw new PodvisorError(
      'config',
      'KUBERNETES_SERVICE_HOST is not set: this is not a pod; give a kubeconfig with --kubeconfig',
    );
  }
  const directory = options.directory ?? SERVICE_ACCOUNT;
  let known: { at: number; credentials: KubeCredentials } | undefined;
  return {
    server,
    credentials: async (refresh = false) => {
      const now = options.clock.now();
      if (known !== undefined && !refresh && now - known.at < REREAD_MS) return known.credentials;
      known = { at: now, credentials: await readServiceAccount(directory) };
      return known.credentials;
    },
  };
}

async function readServiceAccount(directory: string): Promise<KubeCredentials> {
  try {
    const [token, ca] = await Promise.all(['token', 'ca.crt'].map((file) => readFile(`${directory}/${file}`, 'utf8')));
    return { ca: ca ?? '', headers: { authorization: `Bearer ${(token ?? '').trim()}` } };
  } catch (error) {
    throw new PodvisorError('config', `cannot read the service account in ${directory}: ${messageOf(error)}`, { cause: error });
  }
}

/** What client-node's KubeConfig fills in (its own type is node's RequestOptions, which is wider than what it sets). */
interface FilledOptions {
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  auth?: string;
  servername?: string;
  headers?: Record<string, string | string[] | undefined>;
}

/**
 * By a kubeconfig file: certificates, tokens, token files, exec plugins and OIDC as client-node knows them.
 * It is loaded here and nowhere else, because loading it costs 80 MiB (shared notes: style-and-libraries, fact 4).
 */
export async function connectKubeconfig(path: string): Promise<KubeConnection> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (error) {
    throw new PodvisorError('config', `cannot read kubeconfig ${path}: ${messageOf(error)}`, { cause: error });
  }
  return connectionOf(config, `kubeconfig ${path}`);
}

/** By a loaded kubeconfig's current context; `name` is for errors. */
export function connectionOf(config: KubeConfig, name: string): KubeConnection {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new PodvisorError('config', `${name} has no current context with a cluster`);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    insecure: cluster.skipTLSVerify,
    ...(cluster.tlsServerName === undefined ? {} : { serverName: cluster.tlsServerName }),
    credentials: async () => {
      const filled: FilledOptions = {};
      await config.applyToHTTPSOptions(filled as Parameters<typeof config.applyToHTTPSOptions>[0]);
      return toCredentials(filled);
    },
  };
}

function toCredentials({ ca, cert, key, auth, headers = {} }: FilledOptions): KubeCredentials {
  const pem = (value: unknown): string | undefined =>
    Buffer.isBuffer(value) ? value.toString('utf8') : typeof value === 'string' ? value : undefined;
  const plain = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
  );
  const basic = auth === undefined ? [] : [['authorization', `Basic ${Buffer.from(auth).toString('base64')}`] as const];
  const files = Object.fromEntries(
    Object.entries({ ca: pem(ca), cert: pem(cert), key: pem(key) }).filter(([, value]) => value !== undefined),
  );
  return { ...files, headers: Object.fromEntries([...basic, ...plain]) };
}

/** By a kubeconfig file, or in-cluster when the path is ''. */
export async function connect(kubeconfig: string, clock: Clock): Promise<KubeConnection> {
  return kubeconfig === '' ? connectInCluster({ clock }) : connectKubeconfig(kubeconfig);
}
