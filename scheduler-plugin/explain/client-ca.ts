import type { KubeClient } from '../../kube/client.ts';
import { KINDS, pathOf } from '../../kube/paths.ts';
import { createReflector } from '../../kube/reflector.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { isRecord } from '../../runtime/record.ts';

/** The authorities that the API server takes client certificates from. */
export interface ClientCa {
  start(): void;
  stop(): Promise<void>;
  /** PEM; '' = none is known, and nobody can come with a certificate. */
  pem(): string;
  /** Calls `fn` after each change. Returns the unsubscribe function. */
  onChange(fn: () => void): () => void;
}

export interface ClientCaOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Where kube-apiserver publishes its `--client-ca-file` (kubernetes: pkg/controlplane/controller/clusterauthenticationtrust). */
const NAMESPACE = 'kube-system';
const CONFIG_MAP = 'extension-apiserver-authentication';
const KEY = 'client-ca-file';

/** Follows the ConfigMap. */
export function createClientCa(options: ClientCaOptions): ClientCa {
  const listeners = new Set<() => void>();
  const config = createReflector<string>({
    ...options,
    path: pathOf(KINDS.configMaps, { namespace: NAMESPACE }),
    query: { fieldSelector: `metadata.name=${CONFIG_MAP}` },
    keep: ({ data }) => (isRecord(data) && typeof data[KEY] === 'string' ? data[KEY] : ''),
    onChange: () => listeners.forEach((tell) => tell()),
  });
  return {
    start: () => config.start(),
    stop: () => config.stop(),
    pem: () => config.get(`${NAMESPACE}/${CONFIG_MAP}`) ?? '',
    onChange: (fn) => {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
  };
}
