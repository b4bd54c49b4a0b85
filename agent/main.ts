import { connect } from '../kube/connection.ts';
import { createKubeClient } from '../kube/http-client.ts';
import { realClock } from '../runtime/clock.ts';
import { loadOptions } from '../runtime/config.ts';
import { EXIT_CODES, messageOf, PodvisorError } from '../runtime/errors.ts';
import { startHealthServer } from '../runtime/http.ts';
import { createLog } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { realRandom } from '../runtime/random.ts';
import { createShutdown, runUntilSignal } from '../runtime/shutdown.ts';
import { startAgent } from './agent.ts';
import { AGENT_OPTIONS } from './options.ts';
import { runProgram } from './run-program.ts';

const options = loadOptions(AGENT_OPTIONS);
const log = createLog('agent', options.logLevel).child({ node: options.nodeName });
const metrics = createMetrics('agent');
// No drain: nobody is routed to the agent, and its guests run on.
const shutdown = createShutdown({ clock: realClock, log, drainMs: 0, deadlineMs: 5_000 });

async function start(): Promise<void> {
  const client = createKubeClient(await connect(options.kubeconfig, realClock));
  shutdown.onClose('API connections', () => client.close());
  const agent = await startAgent({
    options,
    client,
    clock: realClock,
    random: realRandom,
    log,
    metrics,
    shutdown,
    run: runProgram,
  });
  const ready = (): string => shutdown.reason() || agent.ready();
  const health = await startHealthServer({ port: options.healthPort, metrics, ready });
  shutdown.onClose('health server', () => health.close());
}

try {
  await start();
} catch (error) {
  log.error({ reason: messageOf(error) }, 'cannot start');
  process.exit(error instanceof PodvisorError ? EXIT_CODES[error.code] : EXIT_CODES.internal);
}
await runUntilSignal(shutdown, log);
