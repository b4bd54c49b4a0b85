import { connect } from '../kube/connection.ts';
import { createKubeClient } from '../kube/http-client.ts';
import { realClock } from '../runtime/clock.ts';
import { loadOptions } from '../runtime/config.ts';
import { EXIT_CODES, messageOf, PodvisorError } from '../runtime/errors.ts';
import { createLog } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { realRandom } from '../runtime/random.ts';
import { createShutdown, runUntilSignal } from '../runtime/shutdown.ts';
import { startExtender } from './extender.ts';
import { EXTENDER_OPTIONS } from './options.ts';

const options = loadOptions(EXTENDER_OPTIONS);
const log = createLog('extender', options.logLevel);
const metrics = createMetrics('extender');
// No drain: there is one client, in this pod, and it asks again.
const shutdown = createShutdown({ clock: realClock, log, drainMs: 0, deadlineMs: 5_000 });

async function start(): Promise<void> {
  const client = createKubeClient(await connect(options.kubeconfig, realClock));
  shutdown.onClose('API connections', () => client.close());
  await startExtender({ options, client, clock: realClock, random: realRandom, log, metrics, shutdown });
}

try {
  await start();
} catch (error) {
  log.error({ reason: messageOf(error) }, 'cannot start');
  process.exit(error instanceof PodvisorError ? EXIT_CODES[error.code] : EXIT_CODES.internal);
}
await runUntilSignal(shutdown, log);
