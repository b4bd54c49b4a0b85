import type { KubeClient } from '../../kube/client.ts';
import type { KeyPair } from '../../runtime/certificate.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type RunningServer, startHttps } from '../../runtime/http.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { Decisions } from '../decisions.ts';
import { createClientCa } from './client-ca.ts';
import { type ExplainedWorld, explanationOf } from './explanation.ts';
import { createExplainHandler } from './handler.ts';
import { createReviewer } from './reviews.ts';

export interface ExplainServerOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  readonly server: KeyPair;
  /** PEM of this pod's own authority: stands in while the cluster's is not known, because a server without any would trust the public ones. */
  readonly caPem: string;
  readonly decisions: Decisions;
  readonly world: ExplainedWorld;
}

export interface ExplainServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Serves the last decisions to people, by their own rights. Follows the cluster's client authorities without a restart. */
export async function startExplainServer(options: ExplainServerOptions): Promise<ExplainServer> {
  const { server, caPem, decisions, world, log, host, port } = options;
  const clientCa = createClientCa(options);
  const handler = createExplainHandler({
    reviewer: createReviewer(options),
    clientCa: () => clientCa.pem(),
    explain: (pod) => {
      const decision = decisions.get(pod);
      return decision === undefined ? undefined : explanationOf(pod, decision, world);
    },
    log,
  });
  const certificate = { current: () => server, onChange: (fn: () => void) => clientCa.onChange(fn) };
  const https: RunningServer = await startHttps({
    handler,
    host,
    port,
    certificate,
    clientCa: () => clientCa.pem() || caPem,
    anonymous: true,
    log,
  });
  clientCa.start();
  return {
    port: https.port,
    stop: async () => {
      await https.close(0);
      await clientCa.stop();
    },
  };
}
