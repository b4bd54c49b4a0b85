import type { Clock } from '../runtime/clock.ts';

/** How to prove who we are, and what to trust. All PEM. Changes over time: tokens and certificates are rotated. */
export interface KubeCredentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** An API server and how to talk to it. */
export interface KubeConnection {
  /** `https://host:port`, perhaps with a path prefix. */
  readonly server: string;
  /** Name to expect in the server's certificate, where it is not the host. */
  readonly serverName?: string;
  /** Do not check the server's certificate (`insecure-skip-tls-verify` of a kubeconfig). */
  readonly insecure?: boolean;
  /** Current credentials; `refresh` after a 401 to skip what is remembered. */
  credentials(refresh?: boolean): Promise<KubeCredentials>;
}

/** In a pod: the mounted service account, its token read again each minute. */
export function connectInCluster(options: { clock: Clock }): KubeConnection {
  throw new Error(`being written: ${options.clock.now()}`);
}

/** By a kubeconfig file (loads @kubernetes/client-node, 80 MiB, only here). */
export function connectKubeconfig(path: string): Promise<KubeConnection> {
  throw new Error(`being written: ${path}`);
}

/** A kubeconfig path, or '' for in-cluster. */
export async function connect(kubeconfig: string, clock: Clock): Promise<KubeConnection> {
  return kubeconfig === '' ? connectInCluster({ clock }) : connectKubeconfig(kubeconfig);
}
