import { connect } from '../kube/connection.ts';
import { createKubeClient } from '../kube/http-client.ts';
import { collectGarbage } from '../runtime/garbage.ts';
import { realClock } from '../runtime/clock.ts';
import { loadOptions } from '../runtime/config.ts';
import { startHealthServer } from '../runtime/http.ts';
import { createLog } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { realRandom } from '../runtime/random.ts';
import { createShutdown, runUntilSignal } from '../runtime/shutdown.ts';
import { CONTROLLERS_OPTIONS } from './options.ts';
import { startControllers } from './service.ts';

const options = loadOptions(CONTROLLERS_OPTIONS);
const log = createLog('controllers', options.logLevel);
const metrics = createMetrics('controllers');
// No drain: nobody calls us.
const shutdown = createShutdown({ clock: realClock, log, drainMs: 0, deadlineMs: 10_000 });
const client = createKubeClient(await connect(options.kubeconfig, realClock));
shutdown.onClose('API connections', () => client.close());

const service = startControllers({
  client,
  clock: realClock,
  random: realRandom,
  log,
  metrics,
  namespace: options.namespace,
  podName: options.podName,
  leaseMs: options.leaseDuration,
  policyStatusMs: options.policyStatusInterval,
  tidy: collectGarbage,
});
shutdown.onClose('controllers', () => service.stop());

const health = await startHealthServer({ port: options.healthPort, metrics, ready: () => shutdown.reason() || service.ready() });
shutdown.onClose('health server', () => health.close(0));
log.info({ healthPort: health.port }, 'started');
await runUntilSignal(shutdown, log);
